"""The views of the fault site. ``during`` lets a test act in the middle of a render."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.urls import path
from django.utils.cache import patch_cache_control, patch_vary_headers

from tests.faults.models import IceCream, Page

during = []
renders = []


def front(request):
    renders.append(request.path)
    return HttpResponse(", ".join(Page.objects.order_by("slug").values_list("title", flat=True)))


def page(request, slug):
    renders.append(request.path)
    found = Page.objects.filter(slug=slug).first()
    labels = ", ".join(found.labels.values_list("name", flat=True)) if found else ""
    for act in during:
        act()
    if found is None:
        return HttpResponse("none", status=404)
    return HttpResponse(f"{found.title} [{labels}] {request.GET.get('page', '')}")


def uncommitted(request, slug):
    transaction.set_autocommit(False)
    try:
        Page.objects.filter(slug=slug).update(title="never committed")
        return page(request, slug)
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


def special(request, kind):
    renders.append(request.path)
    response = HttpResponse(f"{kind} {request.headers.get('X-Visitor', '')}")
    if kind == "set-cookie":
        response.set_cookie("visitor", "1")
    elif kind == "csrf":
        response.content = get_token(request)
    elif kind == "session":
        request.session["seen"] = True
    elif kind == "private":
        patch_cache_control(response, private=True)
    elif kind == "no-store":
        patch_cache_control(response, no_store=True)
    elif kind == "vary":
        patch_vary_headers(response, ["X-Visitor"])
    elif kind == "message":
        messages.info(request, "saved")
    elif kind == "malformed":
        response["Cache-Control"] = "max-age=soon"
    elif kind == "streaming":
        return StreamingHttpResponse(["a", "b"])
    elif kind == "host":
        response.content = request.get_host()
    return response


def ice_cream(request, slug):
    renders.append(request.path)
    found = IceCream.objects.get(slug=slug)
    return HttpResponse(f"{slug}: " + ", ".join(found.sizes.values_list("slug", flat=True)))


urlpatterns = [
    path("", front),
    path("<str:slug>", ice_cream),
    path("p/<str:slug>/", page),
    path("uncommitted/<str:slug>/", uncommitted),
    path("special/<str:kind>/", special),
]
