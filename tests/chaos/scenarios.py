"""One race for each protection, played on purpose: with the protection nothing stale is left.

``limit`` is a race that nothing protects from.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from demo.icecream.models import Flavour, Notice
from tests.chaos.menu import put_out
from tests.chaos.proxy import Mode
from tests.chaos.shelf import Shelf
from tests.chaos.stage import Stage
from tests.chaos.verdict import Stale, compare, wait_until_quiet
from tests.chaos.visits import UNREACHABLE, get, post

__all__ = ["SCENARIOS"]

_SLOW = 3.0
_BEYOND_QUARANTINE = 1.0
_SECOND_PURGE = 30.0
_UNDER_WAY = 1.0
_UNDER_WAY_FOR_LONG = 5.0


def slow_render(stage: Stage) -> list[Stale]:
    """Change a row while its page is being rendered from what it was."""
    path = _page_of(1, stage)
    with _visiting(stage, path, slow=_SLOW):
        time.sleep(0.5)
        _save(1, stage)
    return _stale(stage, path)


def killed_after_commit(stage: Stage) -> list[Stale]:
    """Kill the process that has committed a change before it can purge anything."""
    path = _page_of(2, stage)
    _visit_all(stage, path)
    try:
        _save(2, stage, fate="kill")
    except UNREACHABLE:
        stage.wait_for_ports()
    else:
        raise RuntimeError("The process that was to be killed has answered.")
    return _stale(stage, path)


def inner_is_late(stage: Stage) -> list[Stale]:
    """Let the outer tier fetch from an inner one that cannot be purged, after both its purges."""
    path, inner, outer = _page_of(3, stage), stage.edges["inner"], stage.edges["outer"]
    _visit_all(stage, path)
    inner.purges.mode = Mode.REFUSE
    purges = outer.purges.purges
    _save(3, stage)
    deadline = time.monotonic() + _SECOND_PURGE
    while outer.purges.purges < purges + 2:
        if time.monotonic() > deadline:
            raise RuntimeError("The outer tier was not purged twice.")
        time.sleep(0.1)
    time.sleep(0.5)
    get(outer.fetches.port, path)
    inner.purges.mode = Mode.PASS
    return _stale(stage, path)


def answer_is_under_way(stage: Stage) -> list[Stale]:
    """Purge while the old page is on its way from Django to Varnish."""
    return _under_way(4, stage, _UNDER_WAY)


def answer_is_under_way_for_long(stage: Stage) -> list[Stale]:
    """The same until after the second purge: what no protection covers."""
    return _under_way(5, stage, _UNDER_WAY_FOR_LONG)


def _under_way(pk: int, stage: Stage, seconds: float) -> list[Stale]:
    path = _page_of(pk, stage)
    stage.front.delay = seconds
    with _visiting(stage, path):
        time.sleep(_UNDER_WAY / 2)
        _save(pk, stage)
    stage.front.delay = 0.0
    return _stale(stage, path)


def _page_of(pk: int, stage: Stage) -> str:
    """Return the path of a row's page, which nobody has read, when no purge is recent any more."""
    if not Notice.objects.exists():
        put_out(Shelf(0))
    get(stage.web_ports[0], "/feed.xml")
    time.sleep(_BEYOND_QUARANTINE)
    return Flavour.objects.get(pk=pk).get_absolute_url()


@contextmanager
def _visiting(stage: Stage, path: str, *, slow: float = 0.0) -> Iterator[None]:
    """Ask the inner tier for a page at the beginning of the block, and have it at the end."""
    with ThreadPoolExecutor(1) as visitors:
        visit = visitors.submit(get, stage.nodes["inner"], path, slow=slow)
        yield
        assert visit.result().status == 200


def _visit_all(stage: Stage, path: str) -> None:
    for port in stage.nodes.values():
        assert get(port, path).status == 200


def _save(pk: int, stage: Stage, *, fate: str | None = None) -> None:
    order = {"operation": "save", "pk": pk, "fate": fate}
    status, _ = post(stage.web_ports[1], "/chaos/write/", order)
    assert status == 200, status


def _stale(stage: Stage, path: str) -> list[Stale]:
    wait_until_quiet(stage)
    return compare(stage, [path])


SCENARIOS: dict[str, Callable[[Stage], list[Stale]]] = {
    "fence": slow_render,
    "outbox": killed_after_commit,
    "tiers": inner_is_late,
    "repeat": answer_is_under_way,
    "limit": answer_is_under_way_for_long,
}
