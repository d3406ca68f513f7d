"""The loop that kills a process at every boundary, and what the outbox makes of it."""

import json
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from demo.machine import environment
from dumper_purge.batch import PurgeBatch, purged_tags
from tests.backends.scripted import PURGED, scripted
from tests.outbox.site.writes import SERIES, WRITES, renamed

__all__ = ["Loop", "Site", "site"]

KILLED = -9
MOST = 1_000


class Site:
    """Orders to the nursery, and what the nodes were told to purge, and when."""

    def __init__(self, process, errors, nodes):
        self._process = process
        self._errors = errors
        self._nodes = nodes
        self.purged = {node: [] for node in nodes}

    def order(self, do, write, kill_at=None):
        """Carry out an order; return what the child told, and whether it was killed."""
        line = json.dumps({"do": do, "write": write, "kill_at": kill_at})
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, self._errors.read_text()
        answer = json.loads(answer)
        assert answer["status"] in {0, KILLED}, self._errors.read_text()
        return answer["told"], answer["status"] == KILLED

    def forget(self):
        for purged in self.purged.values():
            purged.clear()

    def unpurged(self, paths, since):
        """Return the node and path of what was not purged after a time."""
        return [
            (node, path)
            for node, purged in self.purged.items()
            for path in paths
            if not any(at > since and path == target for at, target in list(purged))
        ]


@contextmanager
def site(folder, database, **settings):
    """Yield a site with two nodes and a shared cache on this database."""
    with ExitStack() as stack:
        purged = {}
        nodes = [stack.enter_context(_node(purged)) for _ in range(2)]
        varnish = {
            "BACKEND": "dumper_purge.backends.varnish.VarnishBackend",
            "LOCATION": nodes,
            "HOSTS": ["example.com"],
            "OPTIONS": {"token": "t"},
        }
        cache = {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": str(folder / "cache"),
            "OPTIONS": {"MAX_ENTRIES": 10_000},
        }
        settings = {
            "DATABASES": {"default": database},
            "CACHES": {"default": cache},
            "DUMPER_BACKENDS": {"edge": varnish},
            **settings,
        }
        errors = folder / "errors"
        process = stack.enter_context(_nursery(settings, errors))
        made = Site(process, errors, nodes)
        made.purged = purged
        yield made


@contextmanager
def _node(purged):
    received = []

    def script(talk, number):
        while head := talk.request():
            received.append((time.monotonic(), head.split()[1]))
            talk.send(PURGED)

    with scripted(script) as node:
        purged[node.url] = received
        yield node.url


@contextmanager
def _nursery(settings, errors):
    variables = environment.variables() | {
        "DJANGO_SETTINGS_MODULE": "tests.outbox.site.settings",
        "OUTBOX_SITE": json.dumps(settings),
    }
    with errors.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.outbox.site.nursery"],
            cwd=environment.ROOT, env=variables, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


@dataclass
class Loop:
    """Kills one write at each of its boundaries, and counts what was lost for good."""

    site: Site
    write: str
    tried: int = 0
    committed: int = 0
    lost: list = field(default_factory=list)
    wrong: list = field(default_factory=list)

    def run(self):
        """Go on until a process has survived."""
        killed = True
        while killed:
            assert self.tried < MOST
            killed = self._once(self.tried)
            self.tried += killed
        return self

    def run_sweeps(self, boundary):
        """Kill the write at the first boundary of this name, and then each sweep of it."""
        at = self._number(boundary)
        killed = True
        while killed:
            assert self.tried < MOST
            self.site.forget()
            told, _ = self.site.order("write", self.write, at)
            _, killed = self.site.order("sweep", self.write, self.tried)
            self._judge(told)
            self.tried += killed
        return self

    def _number(self, boundary):
        told, _ = self.site.order("write", self.write)
        labels = [each["label"] for each in told if "label" in each]
        return next(number for number, label in enumerate(labels) if label == boundary)

    def _once(self, kill_at):
        self.site.forget()
        told, killed = self.site.order("write", self.write, kill_at)
        self._judge(told)
        return killed

    def _judge(self, told):
        begin, *boundaries = told
        early = {node: list(purged) for node, purged in self.site.purged.items()}
        (found, swept), _ = self.site.order("sweep", self.write)
        where = (self.write, boundaries[-1]["label"], len(boundaries))
        if found["after"] == begin["before"]:
            if found["found"] or any(early.values()):
                self.wrong.append(where)
            return
        self.committed += 1
        since = next(each["at"] for each in boundaries if each["commits"])
        paths = renamed(found["after"]) if self.write in SERIES else WRITES[self.write][1]
        unpurged = self.site.unpurged(paths, since)
        if any(at < since for purged in early.values() for at, _ in purged):
            self.wrong.append(where)
        known = [
            tag
            for tag in purged_tags(PurgeBatch.of(paths))
            if tag in swept["tokens"] and begin["tokens"].get(tag) == swept["tokens"][tag]
        ]
        if unpurged or known:
            self.lost.append(where)
        if not swept["tokens"] or swept["left"]:
            self.wrong.append(where)
