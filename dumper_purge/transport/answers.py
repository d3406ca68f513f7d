"""HTTP/1.1 answers, cut out of a stream of bytes and checked strictly (RFC 9112)."""

import re
from typing import NamedTuple

__all__ = ["Answer", "AnswerReader", "Garbled"]

_MAX_HEAD = 65_536
_MAX_BODY = 1_048_576
_START = b"HTTP/1."
_HEAD = re.compile(
    rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: ([^\r\n\x00]*))?"
    rb"(\r\n(?:[A-Za-z0-9!#$%&'*+.^_`|~-]+:[^\r\n\x00]*\r\n)*)\r\n"
)
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([^\r\n]*?)[ \t]*\r")
_DIGITS = re.compile(rb"[0-9]{1,9}")
_CODING = re.compile(rb"\ntransfer-encoding:[ \t]*([^\r\n]*?)[ \t]*\r")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,7})[ \t]*(?:;[^\r\n]*)?\r\n")
_TRAILERS = re.compile(rb"(?:[^\r\n:]+:[^\r\n]*\r\n)*\r\n")
_MAX_LINE = 4_096
_MAX_INTERIM = 20
_NO_BODY = frozenset({b"204", b"304"})


class Garbled(ValueError):
    """The stream holds no HTTP answer."""


class Answer(NamedTuple):
    """One answer; ``fields`` are its header lines in lower case, each between line ends."""

    status: int
    reason: str
    fields: bytes
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the first value of a header, in lower case; None if there is none."""
        pattern = rb"\n%s:[ \t]*([^\r\n]*?)[ \t]*\r" % re.escape(name.lower().encode())
        match = re.search(pattern, self.fields)
        return match[1].decode("latin-1") if match else None


class AnswerReader:
    """Feed it bytes, take answers from it."""

    def __init__(self) -> None:
        self.last = False
        """The answer taken last is the last on this connection."""
        self._data = bytearray()
        self._position = 0
        self._interim = 0

    def feed(self, data: bytes) -> None:
        """Append what was received."""
        del self._data[: self._position]
        self._position = 0
        self._data += data

    def take(self, *, closed: bool = False) -> Answer | None:
        """Return the next whole answer, or None; raise :class:`Garbled`.

        ``closed`` says that nothing more will come, which ends a body of unstated length.
        """
        while (end := self._head_end()) is not None:
            head = _HEAD.fullmatch(self._data, self._position, end)
            if head is None:
                raise Garbled(f"no HTTP head but {self._excerpt()}")
            status, fields = head[2], head[4].lower()
            if status[:1] == b"1":
                self._skip_interim(end)
                continue
            body = self._body(status, fields, end, closed)
            if body is None:
                return None
            self._interim = 0
            self.last = self.last or _closes(head[1], fields)
            return Answer(int(status), (head[3] or b"").decode("latin-1"), fields, body)
        return None

    def _skip_interim(self, end: int) -> None:
        self._interim += 1
        if self._interim > _MAX_INTERIM:
            raise Garbled(f"only interim answers, {self._interim} of them")
        self._position = end

    def _head_end(self) -> int | None:
        end = self._data.find(b"\r\n\r\n", self._position)
        if end >= 0:
            return end + 4
        begin = bytes(self._data[self._position : self._position + len(_START)])
        if not _START.startswith(begin) or len(self._data) - self._position > _MAX_HEAD:
            raise Garbled(f"no HTTP head but {self._excerpt()}")
        return None

    def _excerpt(self) -> str:
        return repr(bytes(self._data[self._position : self._position + 20]))

    def _body(self, status: bytes, fields: bytes, start: int, closed: bool) -> bytes | None:
        if status in _NO_BODY:
            self._position = start
            return b""
        if coding := _CODING.findall(fields):
            if coding != [b"chunked"] or _LENGTH.search(fields):
                raise Garbled("a body of uncertain length")
            return self._chunked(start)
        if lengths := set(_LENGTH.findall(fields)):
            return self._counted(start, lengths)
        return self._rest(start, closed)

    def _counted(self, start: int, lengths: set[bytes]) -> bytes | None:
        length = lengths.pop()
        if lengths or not _DIGITS.fullmatch(length) or int(length) > _MAX_BODY:
            raise Garbled("a wrong Content-Length")
        end = start + int(length)
        if len(self._data) < end:
            return None
        self._position = end
        return bytes(self._data[start:end])

    def _rest(self, start: int, closed: bool) -> bytes | None:
        if len(self._data) - start > _MAX_BODY:
            raise Garbled("a body above 1 MiB")
        self.last = True
        if not closed:
            return None
        self._position = len(self._data)
        return bytes(self._data[start:])

    def _chunked(self, position: int) -> bytes | None:
        body = bytearray()
        while size := _CHUNK_SIZE.match(self._data, position):
            end = size.end() + int(size[1], 16)
            if end - position > _MAX_BODY or len(body) > _MAX_BODY:
                raise Garbled("a body above 1 MiB")
            if end == size.end():
                return self._end_of_chunks(end, bytes(body))
            if len(self._data) < end + 2:
                return None
            if self._data[end : end + 2] != b"\r\n":
                raise Garbled("a chunk that does not end")
            body += self._data[size.end() : end]
            position = end + 2
        if b"\r\n" in self._data[position:] or len(self._data) - position > _MAX_LINE:
            raise Garbled("no chunk size")
        return None

    def _end_of_chunks(self, position: int, body: bytes) -> bytes | None:
        trailers = _TRAILERS.match(self._data, position)
        if trailers is None:
            if len(self._data) - position > _MAX_LINE:
                raise Garbled("trailers that do not end")
            return None
        self._position = trailers.end()
        return body


def _closes(minor: bytes, fields: bytes) -> bool:
    start = fields.find(b"\nconnection:")
    if start < 0:
        return minor == b"0"
    options = fields[start + 12 : fields.find(b"\r", start)].replace(b" ", b"").split(b",")
    return b"close" in options or (minor == b"0" and b"keep-alive" not in options)
