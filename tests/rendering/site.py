"""Settings of a site behind Varnish."""

import re
from typing import Any

from tests.varnish import VCL_FOLDER

__all__ = ["PARTS", "TOKEN", "varnishes"]

PARTS = re.findall(r'include "\./(.+)";', (VCL_FOLDER / "dumper.vcl").read_text())
"""The files that ``dumper.vcl`` includes itself."""

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
