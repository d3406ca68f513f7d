"""A TCP proxy that can refuse, hang, cut or delay what passes: one in front of every listener."""

import asyncio
import itertools
import threading
from collections.abc import Coroutine
from enum import Enum

__all__ = ["Mode", "Proxies", "Proxy"]

_CHUNK = 65536
_TICK = 0.02
_REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
    b"Cache-Control: no-store\r\nConnection: close\r\n\r\n"
)


class Mode(Enum):
    """What a proxy does with all that comes, also over connections that are open already."""

    PASS = "pass"
    REFUSE = "answers 503"
    HANG = "hangs"
    CUT = "is cut off"


class _Cut(Exception):
    """Nothing more passes over this connection."""


class Proxy:
    """Passes connections on to its targets in turn, skipping those that do not listen.

    ``delay`` seconds pass before an answer does.
    """

    def __init__(self, name: str, *targets: int) -> None:
        self.name = name
        self.mode = Mode.PASS
        self.delay = 0.0
        self.port = 0
        self.purges = 0
        self._targets = targets
        self._turn = itertools.count()

    async def listen(self) -> asyncio.Server:
        """Listen on a free port of 127.0.0.1, at the second time on the same."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind: asyncio.StreamWriter | None = None
        try:
            await self._gate()
            source, behind = await self._connect()
            pumps = [self._upwards(reader, behind, writer), self._downwards(source, writer)]
            await _until_first(pumps)
        except OSError:
            pass
        except _Cut:
            writer.transport.abort()
        finally:
            for side in (writer, behind):
                if side is not None:
                    side.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        first = next(self._turn)
        for number in range(len(self._targets)):
            port = self._targets[(first + number) % len(self._targets)]
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
        raise _Cut

    async def _upwards(
        self,
        reader: asyncio.StreamReader,
        behind: asyncio.StreamWriter,
        visitor: asyncio.StreamWriter,
    ) -> None:
        while data := await self._read(reader):
            if self.mode is Mode.REFUSE:
                visitor.write(_REFUSAL)
                return
            self.purges += data.count(b"PURGE /")
            behind.write(data)
            await behind.drain()

    async def _downwards(self, source: asyncio.StreamReader, visitor: asyncio.StreamWriter) -> None:
        while data := await self._read(source):
            if self.delay:
                await asyncio.sleep(self.delay)
                await self._gate()
            visitor.write(data)
            await visitor.drain()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        reading = asyncio.ensure_future(reader.read(_CHUNK))
        try:
            while not (await asyncio.wait([reading], timeout=_TICK * 5))[0]:
                if self.mode is Mode.CUT:
                    raise _Cut
        finally:
            reading.cancel()
        await self._gate()
        return reading.result()

    async def _gate(self) -> None:
        while self.mode is Mode.HANG:
            await asyncio.sleep(_TICK)
        if self.mode is Mode.CUT:
            raise _Cut


async def _until_first(pumps: list[Coroutine[None, None, None]]) -> None:
    """Run them until one has ended, and end the others."""
    tasks = [asyncio.ensure_future(pump) for pump in pumps]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Proxies:
    """Runs proxies in a thread of their own, for as long as a ``with`` block."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Proxies":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def open(self, proxy: Proxy) -> Proxy:
        """Let a proxy listen."""
        asyncio.run_coroutine_threadsafe(proxy.listen(), self._loop).result(10)
        return proxy
