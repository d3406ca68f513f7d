"""How the outboxes and the nodes are: for monitoring, and for people."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, Error, connections

from dumper_purge.backends import configured
from dumper_purge.conf import current
from dumper_purge.deliver.breaker import THRESHOLD
from dumper_purge.deliver.carrying import riders
from dumper_purge.deliver.errand import place
from dumper_purge.deliver.outbox import databases, figures, sql
from dumper_purge.respond import fence

__all__ = ["CRITICAL", "OK", "WARNING", "Health", "NodeHealth", "counted", "health"]

OK, WARNING, CRITICAL = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class NodeHealth:
    """One node, or (``node`` "") all of a backend; "" "": all backends. Ages are in seconds."""

    alias: str
    node: str
    pending: int = 0
    oldest_pending: float | None = None
    dead: int = 0
    breaker: str = "closed"
    retry_in: float | None = None
    last_success: float | None = None
    error: str = ""
    why_dead: str = ""
    """What one of the dead letters was refused with; ``error`` is what the node said last."""

    def __str__(self) -> str:
        return place(self.alias, self.node or self.alias) if self.alias else "all backends"


@dataclass(frozen=True, kw_only=True)
class Health:
    """``level`` is 0 (well), 1 (warning) or 2 (critical); ``problems`` says why."""

    level: int
    problems: list[str] = field(default_factory=list)
    outboxes: list[str] = field(default_factory=list)
    pending: int = 0
    oldest_pending: float | None = None
    dead: int = 0
    nodes: list[NodeHealth] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


def health(*, warning: float = 60.0, critical: float = 300.0) -> Health:
    """Return how purging is going, as the outbox tells.

    An entry that has been pending for ``warning`` or ``critical`` seconds is a problem of that
    level; so is a dead letter (critical), an open breaker (warning), a database that cannot be
    asked (critical), and generations that this process could not record (critical).
    """
    riders.flush()
    found: dict[tuple[str, str], dict[str, Any]] = {}
    problems: list[tuple[int, str]] = []
    asked = _ask(found, problems)
    for backend in configured():
        for node in () if backend.instant else backend.nodes:
            found.setdefault((backend.alias, node), {})
    if not fence.trusted():
        problems.append((CRITICAL, "this process could not record generations; it stores nothing"))
    nodes = [NodeHealth(alias=a, node=n, **values) for (a, n), values in sorted(found.items())]
    problems += [problem for node in nodes for problem in _problems(node, warning, critical)]
    return _summary(problems, asked, nodes)


def _summary(
    problems: Sequence[tuple[int, str]], asked: list[str], nodes: list[NodeHealth]
) -> Health:
    ages = [node.oldest_pending for node in nodes if node.oldest_pending is not None]
    return Health(
        level=max((level for level, _ in problems), default=OK),
        problems=[text for _, text in sorted(problems, reverse=True)],
        outboxes=asked,
        pending=sum(node.pending for node in nodes),
        oldest_pending=max(ages, default=None),
        dead=sum(node.dead for node in nodes),
        nodes=nodes,
    )


def counted(dead: int) -> str:
    """Return a number of dead letters in words."""
    return f"{dead} dead letter{'' if dead == 1 else 's'}"


def _ask(
    found: dict[tuple[str, str], dict[str, Any]], problems: list[tuple[int, str]]
) -> list[str]:
    if not current().outbox:
        problems.append((WARNING, "DUMPER_OUTBOX is off: a process that dies loses its purges"))
        return []
    asked: list[str] = []
    for using in sorted(connections, key=lambda alias: alias != DEFAULT_DB_ALIAS):
        try:
            if databases.has_table(using):
                _count(using, found)
                if not asked:
                    _add_nodes(using, found)
                asked.append(using)
        except Error as error:
            problems.append((CRITICAL, f"the outbox of {using!r} cannot be read: {error}"))
    if not asked and not problems:
        problems.append((WARNING, "no database has the outbox's table: run manage.py migrate"))
    return asked


def _count(using: str, found: dict[tuple[str, str], dict[str, Any]]) -> None:
    only = {backend.alias: backend.nodes[0] for backend in configured() if len(backend.nodes) == 1}
    for each in figures.counts(using):
        place = (each.alias, each.node or only.get(each.alias, ""))
        values = found.setdefault(place, {})
        values[each.state] = values.get(each.state, 0) + each.number
        if each.state == "pending":
            values["oldest_pending"] = max(each.age, values.get("oldest_pending", 0.0))
        else:
            values["why_dead"] = each.error


def _add_nodes(using: str, found: dict[tuple[str, str], dict[str, Any]]) -> None:
    configured_nodes = {(b.alias, node) for b in configured() for node in b.nodes}
    now = sql.clock(using)
    for row in apps.get_model("dumper_purge", "OutboxNode").objects.using(using):
        if (row.alias, row.node) not in configured_nodes:
            continue
        values = found.setdefault((row.alias, row.node), {})
        values["error"] = row.error
        values["last_success"] = None if row.last_success is None else now - row.last_success
        if row.retry_at is not None and row.failures >= THRESHOLD:
            values["retry_in"] = max(row.retry_at - now, 0.0)
            values["breaker"] = "open" if row.retry_at > now else "half-open"


def _problems(node: NodeHealth, warning: float, critical: float) -> Sequence[tuple[int, str]]:
    problems = []
    if node.dead:
        why = f"{counted(node.dead)}, {node.why_dead or 'rejected'}"
        problems.append((CRITICAL, f"{node}: {why} (manage.py dumper failed)"))
    if node.oldest_pending is not None and node.oldest_pending >= warning:
        level = CRITICAL if node.oldest_pending >= critical else WARNING
        age = f"{node.oldest_pending:.0f} s"
        problems.append((level, f"{node}: {node.pending} pending, the oldest for {age}"))
    if node.breaker != "closed":
        problems.append((WARNING, f"{node}: left alone, as it kept failing ({node.error})"))
    return problems
