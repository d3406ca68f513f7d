"""Which responses are stored, by what the origin said about them."""

import time
from collections.abc import Iterator
from email.utils import formatdate

from tests.conformance.case import Case
from tests.conformance.points import Point

__all__ = ["points"]

CACHE, CDN, SURROGATE = "Cache-Control", "CDN-Cache-Control", "Surrogate-Control"
LONG = (CACHE, "max-age=600")


def at(seconds: float) -> str:
    return formatdate(time.time() + seconds, usegmt=True)


STORED = [
    ("9111-5.2.2.1", "``max-age``", [LONG]),
    ("9111-5.2.2.10", "``s-maxage`` before ``max-age``", [(CACHE, "max-age=0, s-maxage=600")]),
    ("9111-5.2", "directives in any case", [(CACHE, "Max-Age=600")]),
    ("9111-5.2", "a quoted argument", [(CACHE, 'max-age="600"')]),
    ("9111-5.2.3", "unknown directives", [(CACHE, "max-age=600, community=UCI")]),
    ("9111-1.2.2", "more seconds than an integer holds", [(CACHE, "max-age=99999999999")]),
    ("9111-5.3", "``Expires``", [("Expires", at(86_400))]),
    ("9111-5.3", "``max-age`` before ``Expires``", [LONG, ("Expires", at(-600))]),
    ("9111-5.3", "``max-age`` before an unparsable ``Expires``", [LONG, ("Expires", "0")]),
    ("9111-5.1", "an ``Age`` that is no integer is ignored", [LONG, ("Age", "700.5")]),
    ("9111-4.2.3", "an ``Age`` below the lifetime", [LONG, ("Age", "60")]),
    ("9213-2.2", "``CDN-Cache-Control`` before ``Cache-Control``",
     [(CACHE, "no-store"), (CDN, "max-age=600")]),
    ("9213-2.2", "``Surrogate-Control`` before ``Cache-Control``",
     [(CACHE, "max-age=0, must-revalidate"), (SURROGATE, "max-age=600")]),
    ("9213-2.1", "a targeted field that does not parse is ignored as a whole",
     [LONG, (CDN, "max-age=0, &")]),
    ("9213-2.1", "the last of a key that stands twice", [(CDN, "max-age=0, max-age=600")]),
    ("9213-2.1", "a comma in a string of a targeted field",
     [(CDN, 'max-age=600, note="a, max-age=0"')]),
    ("9213-2.1", "parameters of a targeted field", [(CDN, "max-age=600;a=1, b;c")]),
    ("9111-5.2.2.9", "``public`` is no private", [(CACHE, "public, max-age=600")]),
]  # fmt: skip

NOT_STORED = [
    ("9111-4.2.2", "no explicit lifetime", []),
    ("9111-5.3", "an unparsable ``Expires``", [("Expires", "0")]),
    ("9111-5.3", "an ``Expires`` that is past", [("Expires", at(-600))]),
    ("9111-4.2.1", "``Expires`` that is no later than ``Date``",
     [("Expires", at(86_400)), ("Date", at(86_400))]),
    ("9111-4.2.3", "an ``Age`` beyond ``max-age``", [LONG, ("Age", "700")]),
    ("9111-4.2.3", "an ``Age`` beyond ``Expires``", [("Expires", at(86_400)), ("Age", "90000")]),
    ("9111-5.2.2.1", "``max-age=0``", [(CACHE, "max-age=0")]),
    ("9111-4.2.1", "a lifetime that is no number", [(CACHE, "max-age=ten")]),
    ("9111-4.2.1", "a negative lifetime", [(CACHE, "max-age=-600")]),
    ("9111-5.2.2.10", "``s-maxage=0`` before ``max-age``", [(CACHE, "max-age=600, s-maxage=0")]),
    ("9111-5.2.2.5", "``no-store``", [(CACHE, "max-age=600, no-store")]),
    ("9111-5.2.2.7", "``private``", [(CACHE, "private, max-age=600")]),
    ("9111-5.2.2.7", "``private`` with fields", [(CACHE, 'private="X-User", max-age=600')]),
    ("9111-5.2.2.4", "``no-cache``", [(CACHE, "no-cache, max-age=600")]),
    ("9111-5.2.2.4", "``no-cache`` with fields", [(CACHE, 'no-cache="X-User", max-age=600')]),
    ("9111-5.2", "directives in any case", [(CACHE, "max-age=600, Private")]),
    ("9110-5.3", "a field in two lines", [LONG, (CACHE, "private")]),
    ("9111-4.1", "``Vary: *``", [LONG, ("Vary", "*")]),
    ("9111-4.1", "``Vary`` with ``*`` among others", [LONG, ("Vary", "Accept-Encoding, *")]),
    ("9111-7.3", "``Set-Cookie``", [LONG, ("Set-Cookie", "sessionid=1")]),
    ("9213-2.2", "``CDN-Cache-Control: no-store`` before ``Cache-Control``",
     [LONG, (CDN, "no-store")]),
    ("9213-2.2", "``Surrogate-Control: no-store`` before all",
     [LONG, (CDN, "max-age=600"), (SURROGATE, "no-store")]),
    ("9213-2.2", "``private`` in a targeted field", [LONG, (CDN, "private, max-age=600")]),
    ("9213-2.1", "a targeted field that does not parse is ignored as a whole",
     [(CACHE, "no-store"), (CDN, "max-age=600, &")]),
    ("9213-2.1", "the last of a key that stands twice", [(CDN, "max-age=600, max-age=0")]),
    ("9213-2.2", "a targeted field without a lifetime before ``Expires``",
     [(CDN, "max-age=0"), ("Expires", at(86_400))]),
]  # fmt: skip

STATUSES = (203, 204, 299, 300, 301, 302, 303, 307, 308, 404, 410)
NOT_STATUSES = (206, 304)


def points() -> Iterator[Point]:
    """Yield a point for each line above."""
    for section, what, headers in STORED:
        yield Point(section, f"stored: {what}", _stored(headers))
    for status in STATUSES:
        yield Point("9111-4.2.2", f"stored: explicit lifetime on {status}", _stored([LONG], status))
    for section, what, headers in NOT_STORED:
        yield Point(section, f"not stored: {what}", _not_stored(headers))
    for status in NOT_STATUSES:
        yield Point("9111-3", f"not stored: {status}", _not_stored([LONG], status))
    yield Point("9111-3.5", "not stored: the answer to ``Authorization``", _authorized)
    yield Point("9111-3.5", "not served: what is stored, to ``Authorization``", _not_for_authorized)


def _stored(headers, status=200):
    def run(case: Case) -> None:
        case.says(*headers, status=status)
        assert case.is_stored()
        assert case.ask().status == status

    return run


def _not_stored(headers, status=200):
    def run(case: Case) -> None:
        case.says(*headers, status=status)
        first, second = case.ask(), case.ask()
        assert len(case.asked) == 2
        assert first.body != second.body or not first.body

    return run


def _authorized(case: Case) -> None:
    case.says(LONG)
    assert not case.is_stored(("Authorization", "Basic eDp5"))
    assert case.ask().body != b""
    assert len(case.asked) == 3


def _not_for_authorized(case: Case) -> None:
    case.says(LONG)
    first = case.ask()
    assert case.ask(("Authorization", "Basic eDp5")).body != first.body
    assert case.ask().body == first.body
