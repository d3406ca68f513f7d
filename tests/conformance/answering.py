"""Which requests are answered from what is stored, and in which form."""

from collections.abc import Iterator
from email.utils import formatdate

from tests.conformance.case import Case
from tests.conformance.origin import Answer
from tests.conformance.points import Point

__all__ = ["points"]

LONG = ("Cache-Control", "max-age=600")
PASSED = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "SPAM")
WISHES = (("Cache-Control", "no-cache"), ("Cache-Control", "max-age=0"), ("Pragma", "no-cache"))


def points() -> Iterator[Point]:
    """Yield the points."""
    yield Point("9110-9.3.2", "HEAD is answered from a stored GET", _head)
    yield Point("9110-9.3.2", "GET is stored as well where HEAD came first", _head_first)
    for method in PASSED:
        sentence = f"{method} reaches the origin, its answer is not stored"
        yield Point("9111-4", sentence, _passed(method))
    yield Point("9110-14.2", "a range of a stored response", _range)
    yield Point("9110-14.2", "a range in a unit that nobody knows is ignored", _other_unit)
    yield Point("9110-14.2", "a range is ignored where the method is not GET", _range_of_post)
    yield Point("9110-15.5.17", "a range that is not there", _no_range)
    yield Point("9110-13.1.2", "``If-None-Match`` is answered from what is stored", _none_match)
    yield Point("9110-13.1.2", "``If-None-Match`` with several tags", _one_of_many)
    yield Point("9110-13.1.2", "``If-None-Match: *``", _any_match)
    yield Point("9110-13.1.2", "``If-None-Match`` compares weakly", _weak_match)
    yield Point("9110-13.1.3", "``If-Modified-Since`` is answered from what is stored", _since)
    yield Point("9110-13.1.3", "``If-None-Match`` before ``If-Modified-Since``", _both)
    for name, value in WISHES:
        sentence = f"``{name}: {value}`` of a visitor changes nothing"
        yield Point("9111-5.2.1", sentence, _ignored(name, value))


def _head(case: Case) -> None:
    case.says(LONG)
    page = case.ask()
    head = case.ask(method="HEAD")
    assert (head.status, head.body, len(case.asked)) == (200, b"", 1)
    assert head["Content-Length"] in {"", str(len(page.body))}


def _head_first(case: Case) -> None:
    case.says(LONG)
    assert case.ask(method="HEAD").body == b""
    assert case.ask().body
    assert case.ask().body == case.ask().body


def _passed(method):
    def run(case: Case) -> None:
        case.says(LONG)
        page = case.ask()
        answers = [case.ask(method=method) for _ in range(2)]
        assert [answer.status for answer in answers] == [200, 200]
        assert [asked.method for asked in case.asked] == ["GET", method, method]
        assert case.ask(method="GET").body not in {answer.body for answer in answers}
        assert page.status == 200

    return run


def _range(case: Case) -> None:
    case.answers(Answer(headers=[LONG], body=b"0123456789"))
    case.ask()
    part = case.ask(("Range", "bytes=2-4"))
    assert (part.status, part.body, len(case.asked)) == (206, b"234", 1)
    assert part["Content-Range"] == "bytes 2-4/10"


def _other_unit(case: Case) -> None:
    case.says(LONG)
    page = case.ask()
    for words in ("lemons=2-4", "lemons"):
        reply = case.ask(("Range", words))
        assert (reply.status, reply.body) == (200, page.body)


def _range_of_post(case: Case) -> None:
    case.answers(Answer(body=b"0123456789"))
    for words in ("bytes=2-4", "lemons"):
        reply = case.ask(("Range", words), ("Content-Length", "0"), method="POST")
        assert (reply.status, reply.body) == (200, b"0123456789")


def _no_range(case: Case) -> None:
    case.answers(Answer(headers=[LONG], body=b"0123456789"))
    case.ask()
    assert case.ask(("Range", "bytes=20-")).status == 416


def _none_match(case: Case) -> None:
    case.says(LONG, ("ETag", '"a"'))
    case.ask()
    assert case.ask(("If-None-Match", '"a"')).status == 304
    assert case.ask(("If-None-Match", '"b"')).status == 200
    assert len(case.asked) == 1


def _one_of_many(case: Case) -> None:
    case.says(LONG, ("ETag", '"a"'))
    case.ask()
    assert case.ask(("If-None-Match", '"b", "a"')).status == 304
    assert case.ask(("If-None-Match", '"b", "ab"')).status == 200
    assert len(case.asked) == 1


def _any_match(case: Case) -> None:
    case.says(LONG, ("ETag", '"a"'))
    case.ask()
    assert case.ask(("If-None-Match", "*")).status == 304
    assert len(case.asked) == 1


def _weak_match(case: Case) -> None:
    case.says(LONG, ("ETag", '"a"'))
    case.ask()
    assert case.ask(("If-None-Match", 'W/"a"')).status == 304
    assert len(case.asked) == 1


def _since(case: Case) -> None:
    case.says(LONG, ("Last-Modified", formatdate(1_700_000_000, usegmt=True)))
    case.ask()
    dates = [formatdate(1_700_000_000 + shift, usegmt=True) for shift in (60, -60)]
    assert [case.ask(("If-Modified-Since", date)).status for date in dates] == [304, 200]
    assert len(case.asked) == 1


def _both(case: Case) -> None:
    date = formatdate(1_700_000_000, usegmt=True)
    case.says(LONG, ("ETag", '"a"'), ("Last-Modified", date))
    case.ask()
    assert case.ask(("If-None-Match", '"b"'), ("If-Modified-Since", date)).status == 200


def _ignored(name, value):
    def run(case: Case) -> None:
        case.says(LONG)
        assert case.ask().body == case.ask((name, value)).body

    return run
