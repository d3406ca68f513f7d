"""The public pages: the same for everyone, so they are cached for a year."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from demo.icecream.models import Flavour, Size

__all__ = ["feed", "flavour", "index", "size"]


def index(request: HttpRequest) -> HttpResponse:
    """Show every flavour."""
    flavours = Flavour.objects.prefetch_related("sizes")
    return render(request, "icecream/index.html", {"flavours": flavours})


def flavour(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one flavour and the sizes it is sold in."""
    found = get_object_or_404(Flavour, slug=slug)
    return render(request, "icecream/flavour.html", {"flavour": found, "sizes": found.sizes.all()})


def size(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one size and the flavours that are sold in it."""
    found = get_object_or_404(Size, slug=slug)
    return render(request, "icecream/size.html", {"size": found, "flavours": found.flavours.all()})


def feed(request: HttpRequest) -> HttpResponse:
    """Show the flavours as an Atom feed, the latest first."""
    flavours = Flavour.objects.order_by("-pk")
    return render(
        request, "icecream/feed.xml", {"flavours": flavours}, content_type="application/atom+xml"
    )
