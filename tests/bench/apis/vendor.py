"""A server in a process of its own that accepts purges, each in 50 ms, and counts them.

``python -m tests.bench.apis.vendor`` prints its port, and answers until it is terminated.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from demo.machine import environment

__all__ = ["SECONDS_PER_CALL", "Vendor", "vendor"]

SECONDS_PER_CALL = 0.05
_LENGTH = re.compile(rb"(?i)^content-length: *(\d+)", re.MULTILINE)
# All that the backends want to see: of Fastly, Cloudflare, Akamai and KeyCDN.
_ACCEPTED = json.dumps({"success": True, "status": "ok", "purgeId": "1"}).encode()


class Vendor:
    """The server, as seen from the process that measures."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def calls(self) -> int:
        """Return the number of calls since it was last asked."""
        return int(requests.get(f"{self.url}/calls", timeout=10).text)


@contextmanager
def vendor() -> Iterator[Vendor]:
    """Yield a server, and stop it afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.apis.vendor"],
        cwd=environment.ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield Vendor(int(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


class _Counter:
    calls = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer all requests of a connection."""
        try:
            while True:
                body = await self._reply(reader)
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _reply(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        await reader.readexactly(int(length[1]) if length else 0)
        if head.startswith(b"GET /calls "):
            calls, self.calls = self.calls, 0
            return str(calls).encode()
        self.calls += 1
        await asyncio.sleep(SECONDS_PER_CALL)
        return _ACCEPTED


async def _serve() -> None:
    server = await asyncio.start_server(_Counter().answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
