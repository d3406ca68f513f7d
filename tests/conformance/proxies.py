"""The three proxies that the points are tried at, each with its default parameters."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain

from tests.conformance import answering, revalidating, showing, stale, storing
from tests.conformance.origin import serving
from tests.conformance.points import Point, tried
from tests.nginx.server import Nginx
from tests.varnish import Varnishd

__all__ = ["NGINX", "OURS", "POINTS", "PROXIES", "STOCK", "outcomes"]

OURS, STOCK, NGINX = "our VCL", "stock Varnish", "our nginx"
POINTS: list[Point] = [
    *chain(storing.points(), answering.points(), showing.points()),
    *(replace(point, timed=True) for point in chain(revalidating.points(), stale.points())),
]
STOCK_VCL = """
vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{port}"; }}
"""


@contextmanager
def _ours(port: int) -> Iterator[int]:
    with Varnishd(backend_port=port) as varnishd:
        yield varnishd.port


@contextmanager
def _stock(port: int) -> Iterator[int]:
    with Varnishd(STOCK_VCL.format(port=port)) as varnishd:
        yield varnishd.port


@contextmanager
def _nginx(port: int) -> Iterator[int]:
    with Nginx(backend_port=port) as nginx:
        yield nginx.port


PROXIES: dict[str, Callable] = {OURS: _ours, STOCK: _stock, NGINX: _nginx}


def outcomes(name: str) -> dict[str, BaseException | None]:
    """Try all points at one proxy; return what went wrong, by the point's id."""
    with serving() as origin, PROXIES[name](origin.port) as port:
        return tried(POINTS, origin, port)
