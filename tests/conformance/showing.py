"""What goes with a page: its age, its variants, its names, and what is taken away."""

import gzip
import time
from collections.abc import Iterator
from email.utils import formatdate

from tests.conformance.case import Case
from tests.conformance.origin import Answer
from tests.conformance.points import Point

__all__ = ["points"]

LONG = ("Cache-Control", "max-age=600")
GZIPPED = gzip.compress(b"lemon " * 100, mtime=0)


def points() -> Iterator[Point]:
    """Yield the points."""
    yield Point("9111-5.1", "``Age`` on what is served from the cache", _age)
    yield Point("9111-4.2.3", "``Age`` counts on from the origin's", _age_goes_on)
    yield Point("9110-6.6.1", "``Date`` is the origin's", _date)
    yield Point("9111-4.1", "``Vary``: another value, another response", _vary)
    yield Point("9111-4.1", "``Vary``: the same value, the stored response", _same_variant)
    yield Point("9111-4.1", "``Vary``: a field that is missing matches none that is there", _absent)
    yield Point("9110-12.5.3", "no compressed page for who takes none", _identity)
    yield Point("9112-3.2.2", "a target in absolute form is the page itself", _absolute)
    yield Point("9110-4.2.3", "a host in capitals is the same host", _capitals)
    yield Point("9110-7.6.1", "what ``Connection`` names is not forwarded", _hop_by_hop)
    yield Point("9211-2", "``Cache-Status`` says whether it was a hit", _cache_status)
    yield Point("9213-3.1", "``Surrogate-Control`` is taken away", _stripped)


def _age(case: Case) -> None:
    case.says(LONG)
    case.ask()
    time.sleep(1.1)
    assert 1 <= int(case.ask()["Age"]) <= 20


def _age_goes_on(case: Case) -> None:
    case.says(LONG, ("Age", "100"))
    case.ask()
    time.sleep(1.1)
    assert 101 <= int(case.ask()["Age"]) <= 120


def _date(case: Case) -> None:
    date = formatdate(time.time() - 5, usegmt=True)
    case.says(LONG, ("Date", date))
    assert [case.ask()["Date"], case.ask()["Date"]] == [date, date]


def _vary(case: Case) -> None:
    case.says(LONG, ("Vary", "X-Flavour"))
    assert case.ask(("X-Flavour", "lemon")).body != case.ask(("X-Flavour", "mint")).body


def _same_variant(case: Case) -> None:
    case.says(LONG, ("Vary", "X-Flavour"))
    flavours = ["lemon", "mint", "lemon", "mint"]
    pages = [case.ask(("X-Flavour", flavour)).body for flavour in flavours]
    assert pages[:2] == pages[2:]
    assert len(case.asked) == 2


def _absent(case: Case) -> None:
    case.says(LONG, ("Vary", "X-Flavour"))
    assert case.ask(("X-Flavour", "lemon")).body != case.ask().body


def _identity(case: Case) -> None:
    def page(asked):
        if "gzip" not in asked.headers.get("accept-encoding", ""):
            return Answer(headers=[LONG, ("Vary", "Accept-Encoding")])
        return Answer(headers=[LONG, ("Vary", "Accept-Encoding"), ("Content-Encoding", "gzip")],
                      body=GZIPPED)  # fmt: skip

    case.answers(page)
    assert case.ask(("Accept-Encoding", "gzip"))["Content-Encoding"] == "gzip"
    assert case.ask()["Content-Encoding"] == ""
    assert case.ask(("Accept-Encoding", "gzip;q=0, identity"))["Content-Encoding"] == ""


def _absolute(case: Case) -> None:
    case.says(LONG)
    page = case.ask()
    again = case.ask(target=f"http://www.example.com{case.path}", host="other.example.com")
    assert again.body == page.body


def _capitals(case: Case) -> None:
    case.says(LONG)
    assert case.ask().body == case.ask(host="WWW.Example.com").body


def _hop_by_hop(case: Case) -> None:
    case.says()
    case.ask(("Connection", "X-Flavour"), ("X-Flavour", "lemon"))
    assert "x-flavour" not in case.asked[0].headers


def _cache_status(case: Case) -> None:
    case.says(LONG)
    miss, hit = case.ask()["Cache-Status"], case.ask()["Cache-Status"]
    assert "; fwd=" in miss
    assert "; hit" in hit


def _stripped(case: Case) -> None:
    case.says(("Surrogate-Control", "max-age=600"))
    assert [case.ask()["Surrogate-Control"], case.ask()["Surrogate-Control"]] == ["", ""]
