"""What every template sees."""

import time
from typing import Any

from django.http import HttpRequest

__all__ = ["rendered"]


def rendered(request: HttpRequest) -> dict[str, Any]:
    """Return when this page is being rendered, in seconds since 1970 and as a clock shows it."""
    now = time.time()
    return {
        "rendered_at": f"{now:.6f}",
        "rendered": time.strftime("%H:%M:%S UTC", time.gmtime(now)),
    }
