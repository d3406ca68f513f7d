"""Pages of a site behind the middleware, as the caches in front of it get them."""

from django.http import HttpResponse
from django.test import RequestFactory

import dumper_purge as dumper
from dumper_purge.middleware import CacheMiddleware

__all__ = ["PATH", "TAGS", "page"]

PATH = "/news/2024/x/"
TAGS = ("menu", "Menu", "shop.flavour:5", "a/b@c")


def page(host, *, path=PATH, tags=TAGS, request=None, headers=None, status=200, cookie=None):
    """Return the headers of a response, with their names in lower case."""

    def view(request):
        dumper.tag(*tags)
        response = HttpResponse("page", status=status)
        for name, value in (headers or {}).items():
            response[name] = value
        if cookie:
            response.set_cookie("a", cookie)
        return response

    made = RequestFactory().get(path, HTTP_HOST=host, secure=True, **(request or {}))
    response = CacheMiddleware(view)(made)
    found = {name.lower(): value for name, value in response.items()}
    return found | ({"set-cookie": "a"} if response.cookies else {})
