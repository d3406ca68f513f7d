"""A varnishd with our VCL, and one with nothing but a backend and ``return (purge)``."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from tests.bench.origin import origin
from tests.bench.pipelined import Pipe
from tests.bench.purges import Stage
from tests.varnish import Varnishd

__all__ = ["HOST", "OURS", "STOCK", "both"]

HOST = "shop.example"
OURS, STOCK = "our VCL", "stock Varnish"
STOCK_VCL = """
vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{port}"; }}
sub vcl_recv {{ if (req.method == "PURGE") {{ return (purge); }} }}
sub vcl_backend_response {{ set beresp.ttl = 1h; }}
"""

# While one is measured, the other waits for longer than the 5 seconds of the default.
PATIENT = {"timeout_idle": "600"}


@contextmanager
def both(count: int) -> Iterator[dict[str, Stage]]:
    """Yield the two, each with ``count`` pages to ask for."""
    paths = [f"/flavours/{number}/lemon-sorbet/" for number in range(count)]
    with (
        origin() as port,
        Varnishd(backend_port=port, parameters=PATIENT) as ours,
        Varnishd(STOCK_VCL.format(port=port), parameters=PATIENT) as stock,
        closing(Pipe(ours.port)) as our_pages,
        closing(Pipe(stock.port)) as stock_pages,
    ):
        yield {OURS: Stage(ours, our_pages, paths), STOCK: Stage(stock, stock_pages, paths)}
