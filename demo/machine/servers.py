"""The servers that the demo and the tests put to work: the one list of them."""

from demo.machine.packages import Package

__all__ = ["MARIADB", "NGINX", "POSTGRES", "SQUID", "TESTS", "VARNISH"]

VARNISH = (
    Package("varnish", "varnishd"),
    Package("varnish-modules", "/usr/lib/*/varnish/vmods/libvmod_xkey.so"),
)

POSTGRES = Package("postgresql", "/usr/lib/postgresql/*/bin/initdb")
NGINX = (
    Package("nginx", "nginx"),
    Package(
        "libnginx-mod-http-cache-purge",
        "/usr/lib/nginx/modules/ngx_http_cache_purge_module.so",
    ),
)
MARIADB = Package("mariadb-server", "mariadbd")
SQUID = Package("squid", "squid")

TESTS = (
    *VARNISH,
    Package("openssl", "openssl"),
    Package("redis-server", "redis-server"),
    POSTGRES,
    MARIADB,
    *NGINX,
    SQUID,
    Package("wrk", "wrk"),
)
