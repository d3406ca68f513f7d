"""Settings of a site behind Varnish."""

from typing import Any

__all__ = ["TOKEN", "varnishes"]

TOKEN = "token-of-the-tests"


def varnishes(*aliases: str, hosts: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
    """Return ``DUMPER_BACKENDS`` with these Varnishes, by default one."""
    entry = {
        "BACKEND": "dumper_purge.backends.varnish.VarnishBackend",
        "LOCATION": ["http://127.0.0.1:6081"],
        "HOSTS": list(hosts),
        "OPTIONS": {"token": TOKEN, "method": "xkey", **options},
    }
    return dict.fromkeys(aliases or ("varnish",), entry)
