"""A small site with one view for each way of being the same for everyone, or not."""

from pathlib import Path

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.urls import include, path, re_path
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.vary import vary_on_headers

import dumper_purge as dumper

rendered = []
"""The paths that reached a view, with their queries."""


class Fixture:
    """What the tests change between two requests."""

    text = "one"
    during = staticmethod(lambda request: None)


def page(request, **kwargs):
    rendered.append(request.get_full_path())
    Fixture.during(request)
    return HttpResponse(Fixture.text)


async def async_page(request):
    rendered.append(request.get_full_path())
    Fixture.during(request)
    return HttpResponse(Fixture.text)


def template(request, name):
    rendered.append(request.get_full_path())
    source = {
        "user": "{% if user.is_authenticated %}{{ user }}{% else %}log in{% endif %}",
        "messages": "{% for message in messages %}{{ message }}{% endfor %}page",
        "token": "{% csrf_token %}",
        "plain": "page",
    }[name]
    return HttpResponse(engines["django"].from_string(source).render({}, request))


def header(request):
    response = page(request)
    for name, value in request.headers.items():
        if name.startswith("X-Set-"):
            response[name.removeprefix("X-Set-")] = value
    return response


def status(request, code):
    rendered.append(request.get_full_path())
    response = HttpResponse(Fixture.text, status=code)
    if 300 <= code < 400:
        response["Location"] = "/elsewhere/"
    return response


def redirect(request):
    response = HttpResponse(status=301)
    response["Location"] = f"https://{request.get_host()}{request.get_full_path()}"
    return response


def stream(request):
    rendered.append(request.get_full_path())
    return StreamingHttpResponse(iter([b"a", b"b"]))


def file(request):
    rendered.append(request.get_full_path())
    return FileResponse(Path(__file__).open("rb"))


def language(request):
    rendered.append(request.get_full_path())
    return HttpResponse(request.headers.get("Accept-Language", "-"))


news = [
    path("", page),
    path("<int:number>/", page),
]

urlpatterns = [
    path("page/", page),
    path("async/", async_page),
    path("news/", include(news)),
    path("admin/page/", page),
    path("admin/public/", cache_control(public=True, max_age=60)(page)),
    path("template/<str:name>/", template),
    path("header/", header),
    path("status/<int:code>/", status),
    path("https/", redirect),
    path("stream/", stream),
    path("file/", file),
    path("vary/", vary_on_headers("Accept-Language")(language)),
    path("never-cache/", never_cache(page)),
    path("never-edge/", dumper.never_edge(page)),
    path("minute/", dumper.edge_cache(ttl=60)(page)),
    path("browser/", dumper.edge_cache(browser_ttl=60)(page)),
    path("tagged/", dumper.edge_cache(tags=["sponsors"])(page)),
    path("search/", dumper.edge_cache(query=["q"])(page)),
    path("narrow/", dumper.edge_cache(query=[])(page)),
    re_path(r"^(?P<rest>any/.*)$", page),
]
