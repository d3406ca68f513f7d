"""The tiers of Varnish: each a varnishd with one proxy for what is fetched and one for purges."""

import os
import signal
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from tests.chaos.processes import children
from tests.chaos.proxy import Proxies, Proxy
from tests.varnish import Varnishd, example_vcl

__all__ = ["Edge", "Node", "inner_vcl", "open_edge", "outer_vcl"]

# Behind another Varnish one more has to know the fields that the inner one takes away.
_HAND_ON = """
sub vcl_backend_response {
    set beresp.http.Chaos-Surrogate-Control = beresp.http.Surrogate-Control;
    set beresp.http.Chaos-xkey = beresp.http.xkey;
}
"""
_TAKE_OVER = """
sub vcl_backend_response {
    if (beresp.http.Chaos-Surrogate-Control) {
        set beresp.http.Surrogate-Control = beresp.http.Chaos-Surrogate-Control;
        set beresp.http.xkey = beresp.http.Chaos-xkey;
    }
}
"""
_TIMEOUTS = "    .connect_timeout = 1s;\n    .first_byte_timeout = 15s;\n"


class Node(Varnishd):
    """A varnishd that can be killed, and comes back empty and on the same port."""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def is_alive(self) -> bool:
        """Tell whether its manager runs, which looks after the process with the cache."""
        return self._process is not None and self._process.poll() is None

    def send(self, number: int) -> None:
        """Send a signal to the process that has the cache."""
        for pid in children(self.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """Kill it, manager and all."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def go_on(self) -> None:
        """Let it go on if a signal has stopped it."""
        self.send(signal.SIGCONT)

    def stop(self) -> None:
        """End it; stopped by a signal it would not hear of that."""
        if self.is_alive():
            self.go_on()
        super().stop()


@dataclass(frozen=True, kw_only=True)
class Edge:
    """One tier."""

    name: str
    node: Node
    fetches: Proxy
    purges: Proxy


def open_edge(name: str, vcl: str, proxies: Proxies, stack: ExitStack) -> Edge:
    """Start a tier; ``stack`` stops it."""
    node = stack.enter_context(Node(vcl))
    return Edge(
        name=name,
        node=node,
        fetches=proxies.open(Proxy(f"{name} fetches", node.port)),
        purges=proxies.open(Proxy(f"{name} purges", node.port)),
    )


def inner_vcl(port: int) -> str:
    """Return the shipped VCL for the tier next to Django."""
    return _with_sub(example_vcl(port), _HAND_ON)


def outer_vcl(port: int) -> str:
    """Return the shipped VCL for the tier that visitors meet first."""
    return _with_sub(example_vcl(port), _TAKE_OVER)


def _with_sub(vcl: str, sub: str) -> str:
    backend, include = '.host = "127.0.0.1";\n', 'include "dumper_xkey.vcl";'
    assert backend in vcl
    assert include in vcl
    vcl = vcl.replace(backend, backend + _TIMEOUTS, 1)
    return vcl.replace(include, f"{sub}\n{include}", 1)
