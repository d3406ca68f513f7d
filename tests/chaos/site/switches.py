"""One protection taken out, to see whether the harness notices.

``fence``: generations are neither recorded nor checked; ``check``: they are recorded only.
What ``repeat``, ``outbox`` and ``tiers`` take out stands in the settings.
"""

from collections.abc import Iterable, Mapping

from dumper_purge.respond import fence
from dumper_purge.respond.fence import Ticket

__all__ = ["off"]


def off(protection: str | None) -> None:
    """Take a protection out of this process."""
    if protection in {"fence", "check"}:
        Ticket.tokens = _tokens_of_now
        Ticket.recheck = _never
    if protection == "fence":
        fence.record = _nowhere


def _tokens_of_now(self: Ticket, tags: Iterable[str]) -> dict[str, str]:
    return self._generations.read(list(tags))


def _never(self: Ticket, held: Mapping[str, str]) -> None:
    return None


def _nowhere(batch: object) -> None:
    return None
