"""The whole site: database, cache, two tiers of Varnish, two web processes, a worker, and proxies.

Visitors ask the outer or the inner Varnish; the outer asks the inner one, and that the two web
processes in turn.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from tests.chaos import programs
from tests.chaos.edges import Edge, inner_vcl, open_edge, outer_vcl
from tests.chaos.plan import HOST, ROOT, Plan
from tests.chaos.ports import free_port, wait_for_port
from tests.chaos.processes import Process, Supervisor
from tests.chaos.programs import Redis
from tests.chaos.proxy import Proxies, Proxy
from tests.postgres import postgres_server
from tests.varnish import TOKEN

__all__ = ["Stage", "stage"]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Everything that can be asked, or broken."""

    plan: Plan
    redis: Redis
    edges: dict[str, Edge]
    web_ports: list[int]
    webs: list[Process]
    worker: Process | None
    front: Proxy
    supervisor: Supervisor

    @property
    def processes(self) -> list[Process]:
        """All processes but those of Varnish."""
        return [self.redis, *self.webs, *([self.worker] if self.worker else [])]

    @property
    def proxies(self) -> list[Proxy]:
        """All proxies."""
        return [self.front, *(proxy for edge in self.edges.values() for proxy in _both(edge))]

    @property
    def nodes(self) -> dict[str, int]:
        """The port of every place where a page can be asked for."""
        edges = {name: edge.fetches.port for name, edge in self.edges.items()}
        return edges | {f"web {number}": port for number, port in enumerate(self.web_ports)}

    def wait_for_ports(self) -> None:
        """Return when everything listens again."""
        edges = [edge.node.port for edge in self.edges.values()]
        for port in (self.redis.port, *self.web_ports, *edges):
            wait_for_port(port)


@contextmanager
def stage(plan: Plan) -> Iterator[Stage]:
    """Start everything, and stop it whatever happens."""
    with ExitStack() as stack:
        proxies = stack.enter_context(Proxies())
        database = stack.enter_context(postgres_server(durable=False))
        redis, web_ports = Redis(plan.folder), [free_port(), free_port()]
        front = proxies.open(Proxy("front", *web_ports))
        edges = _edges(front.port, proxies, stack)
        _tell_django(plan, database, redis.port, edges)
        plan.clock.write_text("0")
        webs = [programs.web(number, port, plan) for number, port in enumerate(web_ports)]
        worker = None if plan.without == "outbox" else programs.worker(plan)
        site = Stage(
            plan=plan,
            redis=redis,
            edges=edges,
            web_ports=web_ports,
            webs=webs,
            worker=worker,
            front=front,
            supervisor=Supervisor(),
        )
        _start(site, stack)
        yield site


def _edges(port: int, proxies: Proxies, stack: ExitStack) -> dict[str, Edge]:
    inner = open_edge("inner", inner_vcl(port), proxies, stack)
    outer = open_edge("outer", outer_vcl(inner.fetches.port), proxies, stack)
    return {"outer": outer, "inner": inner}


def _tell_django(plan: Plan, database: dict[str, Any], redis: int, edges: dict[str, Edge]) -> None:
    """Set the environment of this process and of those that it starts."""
    told = {
        **asdict(plan),
        "folder": str(plan.folder),
        "host": HOST,
        "database": database,
        "redis": f"redis://127.0.0.1:{redis}/0",
        "token": TOKEN,
        **{name: f"http://127.0.0.1:{edge.purges.port}" for name, edge in edges.items()},
    }
    os.environ["CHAOS"] = json.dumps(told)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.chaos.settings"


def _start(site: Stage, stack: ExitStack) -> None:
    command = [sys.executable, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, check=True)
    for process in site.processes:
        stack.callback(process.stop)
        process.start()
    site.wait_for_ports()
    site.supervisor.watch(*site.processes, *(edge.node for edge in site.edges.values()))
    stack.enter_context(site.supervisor)


def _both(edge: Edge) -> tuple[Proxy, Proxy]:
    return edge.fetches, edge.purges
