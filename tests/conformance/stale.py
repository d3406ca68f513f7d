"""When a response is served although its lifetime is over."""

import time
from collections.abc import Iterator

from tests.conformance.case import Case
from tests.conformance.lifetime import OVER, SETTLED, outlived, page
from tests.conformance.origin import Answer
from tests.conformance.points import Point

__all__ = ["points"]

DOWN = Answer(status=503, headers=[("Cache-Control", "max-age=600")])
GONE = Answer(hangs_up=True)


def points() -> Iterator[Point]:
    """Yield the points."""
    yield Point("9111-4.2.4", "nothing stale while the origin answers", _not_stale)
    yield Point("9111-4.2.4", "nothing stale when the origin fails, without leave", _no_leave)
    yield Point("5861-3", "``stale-while-revalidate``: at once, and renewed", _while)
    yield Point("5861-3", "``stale-while-revalidate``: not after its window", _after_while)
    yield Point("5861-3", "``stale-while-revalidate`` of a targeted field", _targeted_while)
    for words, number in SECTIONS.items():
        section = f"9111-5.2.2.{number}"
        yield Point(section, f"``{words}`` before ``stale-while-revalidate``", _never_while(words))
        yield Point(section, f"``{words}`` before ``stale-if-error``", _never_if_error(words))
    for status in (500, 502, 503, 504):
        yield Point("5861-4", f"``stale-if-error`` on {status}", _if_error(Answer(status=status)))
    yield Point("5861-4", "``stale-if-error`` when the origin hangs up", _if_error(GONE))
    yield Point("5861-4", "``stale-if-error`` of a targeted field", _targeted_if_error)
    yield Point("5861-4", "``stale-if-error``: not after its window", _after_if_error)
    yield Point("5861-4", "``stale-if-error``: not on 404", _not_on_404)
    yield Point("5861-4", "``stale-if-error``: the failure does not replace what is stored", _kept)
    yield Point("5861-4", "``stale-if-error``: the origin's next page is served at once", _back)


SECTIONS = {"must-revalidate": 2, "proxy-revalidate": 8, "s-maxage=1": 10}


def _not_stale(case: Case) -> None:
    short = page("max-age=1")
    old = outlived(case, short, short)
    assert case.ask().body != old
    assert len(case.asked) == 2


def _no_leave(case: Case) -> None:
    outlived(case, page("max-age=1"), DOWN)
    assert case.ask().status >= 500


def _while(case: Case, name: str = "Cache-Control") -> None:
    short = page("max-age=1, stale-while-revalidate=60", name=name)
    slow = Answer(headers=[(name, "max-age=600")], wait=2)
    old = outlived(case, short, slow)
    started = time.monotonic()
    assert case.ask().body == old
    assert time.monotonic() - started < 1.5
    time.sleep(3)
    assert case.ask().body != old
    assert len(case.asked) == 2


def _targeted_while(case: Case) -> None:
    _while(case, "CDN-Cache-Control")


def _after_while(case: Case) -> None:
    short = page("max-age=1, stale-while-revalidate=1")
    old = outlived(case, short, short)
    time.sleep(OVER)
    assert case.ask().body != old


def _never_while(words):
    def run(case: Case) -> None:
        short = page(f"max-age=1, {words}, stale-while-revalidate=60")
        old = outlived(case, short, short)
        assert case.ask().body != old

    return run


def _never_if_error(words):
    def run(case: Case) -> None:
        outlived(case, page(f"max-age=1, {words}, stale-if-error=60"), DOWN)
        assert case.ask().status >= 500

    return run


def _if_error(failure, name="Cache-Control"):
    def run(case: Case) -> None:
        old = outlived(case, page("max-age=1, stale-if-error=60", name=name), failure)
        shown = case.ask()
        assert (shown.status, shown.body) == (200, old)

    return run


def _targeted_if_error(case: Case) -> None:
    _if_error(DOWN, "Surrogate-Control")(case)


def _after_if_error(case: Case) -> None:
    outlived(case, page("max-age=1, stale-if-error=1"), DOWN)
    time.sleep(OVER)
    assert case.ask().status >= 500


def _not_on_404(case: Case) -> None:
    outlived(case, page("max-age=1, stale-if-error=60"), Answer(status=404))
    assert case.ask().status == 404


def _kept(case: Case) -> None:
    old = outlived(case, page("max-age=1, stale-if-error=60"), DOWN)
    for _ in range(3):
        assert case.ask().body == old
        time.sleep(SETTLED)


def _back(case: Case) -> None:
    short = page("max-age=1, stale-if-error=60")
    old = outlived(case, short, DOWN, short)
    assert case.ask().body == old
    time.sleep(SETTLED)
    new = case.ask()
    assert (new.status, new.body != old) == (200, True)
