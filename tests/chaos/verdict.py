"""When everything is quiet: every URL on every node, against a fresh render."""

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from django.db import connection
from django.test import Client

from dumper_purge.conf import current
from tests.chaos.plan import HOST
from tests.chaos.site.versions import shown
from tests.chaos.stage import Stage
from tests.chaos.visits import UNREACHABLE, Answer, get, without_times

__all__ = ["Stale", "compare", "outbox_rows", "wait_until_quiet"]

_TABLE = "dumper_purge_outboxentry"
_LONGEST_WAIT = 90.0
# A second purge, and a page in doubt in both tiers, one after the other, with rounding.
_SETTLING = 3.0
_ATTEMPTS = 5


@dataclass(frozen=True)
class Stale:
    """A page that is not what a fresh render is."""

    node: str
    path: str
    shown: Answer
    fresh: Answer

    def __str__(self) -> str:
        some = self.differences()[:5]
        told = ", ".join(f"{row} {old} instead of {new}" for row, old, new in some)
        return (
            f"{self.path} on {self.node}: {self.shown.status} instead of {self.fresh.status},"
            f" {told or self._first_line()}; {self.shown.headers}"
        )

    def _first_line(self) -> str:
        """Return the first line that differs, where all versions are the same."""
        lines = zip(self.shown.text.splitlines(), self.fresh.text.splitlines(), strict=False)
        for old, new in lines:
            if without_times(old) != without_times(new):
                return f"{old.strip()!r} instead of {new.strip()!r}"
        return "shorter or longer"

    def differences(self) -> list[tuple[str, int, int]]:
        """Return the rows whose versions differ, the one shown and the fresh one; 0: none."""
        old, new = shown(self.shown.text), shown(self.fresh.text)
        return [
            (row, old.get(row, 0), new.get(row, 0))
            for row in sorted(old | new)
            if old.get(row) != new.get(row)
        ]


def wait_until_quiet(stage: Stage) -> float:
    """Wait until nothing is left to purge, and a while longer; return how long the first took."""
    started = time.monotonic()
    while outbox_rows()["pending"] or not _all_idle(stage):
        if time.monotonic() > started + _LONGEST_WAIT:
            break
        time.sleep(0.2)
    seconds = time.monotonic() - started
    time.sleep(_SETTLING + current().doubt_ttl)
    return seconds


def outbox_rows() -> Counter[str]:
    """Return how many entries the outbox has, by their state: dead ones are given up."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT state, count(*) FROM {_TABLE} GROUP BY state")
        return Counter(dict(cursor.fetchall()))


def compare(stage: Stage, paths: list[str]) -> list[Stale]:
    """Return the pages, of all nodes, that differ from a fresh render."""
    visitor = Client(headers={"host": HOST})
    fresh = {}
    for path in paths:
        response = visitor.get(path)
        fresh[path] = Answer(response.status_code, response.content.decode(), {})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        nodes = stage.nodes.items()
        found = pool.map(lambda node: _stale_on(*node, fresh), nodes)
    return [stale for some in found for stale in some]


def _stale_on(node: str, port: int, fresh: dict[str, Answer]) -> list[Stale]:
    answers = {path: _answer(port, path) for path in fresh}
    return [
        Stale(node, path, answer, fresh[path])
        for path, answer in answers.items()
        if (answer.status, without_times(answer.text))
        != (fresh[path].status, without_times(fresh[path].text))
    ]


def _answer(port: int, path: str) -> Answer:
    answer = None
    for attempt in range(_ATTEMPTS):
        with suppress(*UNREACHABLE):
            answer = get(port, path)
            if answer.status < 500:
                return answer
        time.sleep(0.3 * attempt)
    raise RuntimeError(f"{path} cannot be had from port {port}: {answer}")


def _all_idle(stage: Stage) -> bool:
    try:
        answers = [get(port, "/chaos/idle/") for port in stage.web_ports]
    except UNREACHABLE:
        return False
    return all('"idle": true' in answer.text for answer in answers)
