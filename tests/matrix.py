"""Which Pythons and which Djangos the tests run on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from demo.machine.interpreters import Interpreter

__all__ = ["DJANGOS", "NEWEST", "PYTHONS", "Plan", "Run", "plan"]

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")

DJANGOS = {"5.2": "3.10", "6.0": "3.12", "6.1": "3.12"}
"""Each Django with the oldest Python that it runs on, the newest last."""

NEWEST = list(DJANGOS)[-1]


@dataclass(frozen=True)
class Run:
    """One Python with one Django."""

    interpreter: Interpreter
    django: str

    def __str__(self) -> str:
        return f"Python {self.interpreter.version}, Django {self.django}"


@dataclass
class Plan:
    """The run with everything, the shorter ones, and what this machine cannot run."""

    first: Run
    others: list[Run] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)


def plan(running: Interpreter, find: Callable[[str], Interpreter | None]) -> Plan:
    """Spread the Djangos over the Pythons that are there, the running one first."""
    made = Plan(Run(running, _supported(running)[-1]))
    untried = [django for django in DJANGOS if django != made.first.django]
    for version in PYTHONS:
        if version == running.version:
            continue
        interpreter = find(version)
        if interpreter is None:
            made.gaps.append(f"Python {version} is not on this machine")
            continue
        supported = _supported(interpreter)
        django = next((name for name in untried if name in supported), supported[-1])
        made.others.append(Run(interpreter, django))
        untried = [name for name in untried if name != django]
    _place(untried, made)
    return made


def _place(untried: list[str], made: Plan) -> None:
    """Give the Djangos that are left over to any Python that can run them."""
    interpreters = [made.first.interpreter, *(run.interpreter for run in made.others)]
    for django in untried:
        able = [python for python in interpreters if django in _supported(python)]
        if able:
            made.others.append(Run(able[0], django))
        else:
            made.gaps.append(f"Django {django} needs Python {DJANGOS[django]}")


def _supported(interpreter: Interpreter) -> list[str]:
    return list(_supporting(_number(interpreter.version)))


def _supporting(python: tuple[int, ...]) -> Iterator[str]:
    return (django for django, oldest in DJANGOS.items() if python >= _number(oldest))


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
