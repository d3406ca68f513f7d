"""The servers that the demo and the tests put to work: the one list of them."""

from demo.machine.packages import Package

__all__ = ["MARIADB", "POSTGRES", "TESTS", "VARNISH"]

VARNISH = (
    Package("varnish", "varnishd"),
    Package("varnish-modules", "/usr/lib/*/varnish/vmods/libvmod_xkey.so"),
)

POSTGRES = Package("postgresql", "/usr/lib/postgresql/*/bin/initdb")
MARIADB = Package("mariadb-server", "mariadbd")

TESTS = (
    *VARNISH,
    Package("openssl", "openssl"),
    Package("redis-server", "redis-server"),
    POSTGRES,
    MARIADB,
)
