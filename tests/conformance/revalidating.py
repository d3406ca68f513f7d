"""How a response whose lifetime is over is made fresh again."""

import time
from collections.abc import Iterator
from email.utils import formatdate

from tests.conformance.case import Case
from tests.conformance.lifetime import OVER, SETTLED, outlived, page
from tests.conformance.origin import Answer, Asked
from tests.conformance.points import Point

__all__ = ["points"]

ETAG = ("ETag", '"a"')


def points() -> Iterator[Point]:
    """Yield the points."""
    yield Point("9111-4.3.1", "an ``ETag`` is revalidated", _etag)
    yield Point("9111-4.3.1", "a ``Last-Modified`` is revalidated", _last_modified)
    yield Point("9111-4.3.3", "a full answer to a revalidation replaces what is stored", _replaced)
    yield Point("9111-4.3.4", "a 304 brings a new lifetime", _new_lifetime)
    yield Point("9111-4.3.4", "a 304 brings new fields", _new_fields)


def _validated(case: Case, field: tuple[str, str], condition: str, lifetime: str) -> Asked:
    def check(asked: Asked) -> Answer:
        if asked.headers.get(condition) == field[1]:
            return Answer(status=304, headers=[("Cache-Control", lifetime), field, ("X-New", "1")])
        return Answer(status=500)

    old = outlived(case, page("max-age=1", field), check)
    fresh = case.ask()
    assert (fresh.status, fresh.body) == (200, old)
    time.sleep(SETTLED)
    assert len(case.asked) == 2
    return case.asked[1]


def _etag(case: Case) -> None:
    _validated(case, ETAG, "if-none-match", "max-age=1")


def _last_modified(case: Case) -> None:
    field = ("Last-Modified", formatdate(1_700_000_000, usegmt=True))
    _validated(case, field, "if-modified-since", "max-age=1")


def _replaced(case: Case) -> None:
    old = outlived(case, page("max-age=1", ETAG), page("max-age=600", ("ETag", '"b"')))
    new = case.ask()
    assert new.body != old
    assert (case.ask().body, case.ask()["ETag"]) == (new.body, '"b"')


def _new_lifetime(case: Case) -> None:
    _validated(case, ETAG, "if-none-match", "max-age=600")
    time.sleep(OVER)
    case.ask()
    assert len(case.asked) == 2


def _new_fields(case: Case) -> None:
    _validated(case, ETAG, "if-none-match", "max-age=600")
    assert case.ask()["X-New"] == "1"
