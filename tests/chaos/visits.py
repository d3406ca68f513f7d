"""One request to one node."""

import http.client
import json
import re
from dataclasses import dataclass
from typing import Any

from tests.chaos.plan import HOST

__all__ = ["UNREACHABLE", "Answer", "get", "post", "without_times"]

UNREACHABLE = (OSError, http.client.HTTPException)
_TIMEOUT = 20.0
_TIMES = re.compile(r'rendered-at="[^"]*"|\d\d:\d\d:\d\d UTC')
_TELLING = ("Age", "Cache-Status", "Surrogate-Control", "X-Varnish", "Cache-Control")


@dataclass(frozen=True)
class Answer:
    """A page as it came."""

    status: int
    text: str
    headers: dict[str, str]


def get(port: int, path: str, *, slow: float = 0.0) -> Answer:
    """Ask for a page that takes so many seconds to render. Raises :data:`UNREACHABLE`."""
    headers = {"Host": HOST, "Connection": "close"}
    if slow:
        headers["Chaos-Slow"] = f"{slow:.3f}"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        text = response.read().decode(errors="replace")
    finally:
        connection.close()
    told = {name: response.headers[name] for name in _TELLING if name in response.headers}
    return Answer(response.status, text, told)


def post(port: int, path: str, order: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Send JSON; return the status, and the JSON of a 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    try:
        body = json.dumps(order)
        connection.request("POST", path, body, {"Host": HOST, "Connection": "close"})
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    return response.status, json.loads(text) if response.status == 200 else {}


def without_times(text: str) -> str:
    """Return a page without the time at which it was rendered."""
    return _TIMES.sub("", text)
