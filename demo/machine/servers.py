"""The servers that the demo and the tests put to work: the one list of them."""

from demo.machine.packages import Package

__all__ = ["TESTS", "VARNISH"]

VARNISH = (
    Package("varnish", "varnishd"),
    Package("varnish-modules", "/usr/lib/*/varnish/vmods/libvmod_xkey.so"),
)

TESTS = (*VARNISH, Package("openssl", "openssl"), Package("redis-server", "redis-server"))
