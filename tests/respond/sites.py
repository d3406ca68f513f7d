"""A site in the small: two rows, the page that shows them, who reads and who writes them."""

import re

from django.http import HttpResponse
from django.test import RequestFactory

import dumper_purge as dumper
from dumper_purge.batch import Prefix, PurgeBatch
from dumper_purge.exceptions import Transient
from dumper_purge.middleware import CacheMiddleware
from dumper_purge.respond import fence, hints
from tests.respond.stepped import Actor, SteppedCache, pause

__all__ = ["PATH", "PURGES", "Site", "record"]

PATH = "/news/5/"
PURGES = {
    "text": [PurgeBatch.of([PATH]), PurgeBatch.of([Prefix("/news/")]), PurgeBatch(everything=True)],
    "name": [PurgeBatch.of(tags=["author"])],
}


def record(batch):
    """Try until it is done, as deliveries do."""
    while True:
        try:
            return fence.record(batch)
        except Transient:
            pass


class Visit:
    """A request: whether its page is being checked, or on its way after that, and its response."""

    is_checking = True
    response = None


class Edge:
    """Keeps a response from some moment after it was sent, until it is purged."""

    def __init__(self):
        self.stored = None
        self.in_flight = []

    def receive(self, response):
        said = re.match(r"max-age=(\d+)", response.get("Surrogate-Control", ""))
        if said and int(said[1]) > 0:
            self.in_flight.append(response)

    def insert(self, number=0):
        self.stored = self.in_flight.pop(number % len(self.in_flight))


class Site:
    """A page that shows ``text``, purged by path, and ``name``, purged by a tag it learns late."""

    def __init__(self):
        SteppedCache.values = {}
        hints.forget()
        fence._unrecorded.clear()
        self.committed = {"text": 0, "name": 0}
        self.recorded = {"text": 0, "name": 0}
        self.edge = Edge()
        self.actors = []
        self.visits = []
        self.owed = []
        self.middleware = CacheMiddleware(self.view)

    def view(self, request):
        request.visit.is_checking = False
        seen = {}
        for row in self.committed:
            pause()
            seen[row] = self.committed[row]
        pause()
        dumper.tag("author")
        request.visit.is_checking = True
        return HttpResponse(f"{seen['text']} {seen['name']}")

    def visit(self):
        before = dict(self.recorded)
        request = RequestFactory().get(PATH)
        request.visit = Visit()
        self.visits.append(request.visit)
        response = self.middleware(request)
        self.check(response, before)
        self.edge.receive(response)
        request.visit.response = response

    def write(self, row, batch):
        pause()
        self.committed[row] += 1
        version = self.committed[row]
        pause()
        record(batch)
        self.recorded[row] = max(self.recorded[row], version)
        pause()
        self.purge_edge()

    def purge_edge(self):
        """Purge the edge, and remember what was already checked and had not arrived."""
        self.edge.stored = None
        self.owed += [visit for visit in self.visits if visit.is_checking]

    def check(self, response, wanted):
        text, name = map(int, response.content.split())
        assert text >= wanted["text"], "stale"
        assert name >= wanted["name"], "stale"

    def running(self):
        return [actor for actor in self.actors if not actor.is_done]

    def close(self):
        """Let everybody finish, purge the edge again, and look at what is left everywhere."""
        for actor in self.actors:
            actor.finish()
        if self.owed:
            # The second purge comes some time after all of those arrived.
            self.edge.stored = None
            over = [visit.response for visit in self.owed]
            self.edge.in_flight = [sent for sent in self.edge.in_flight if sent not in over]
        while self.edge.in_flight:
            self.edge.insert()
        if self.edge.stored is not None:
            self.check(self.edge.stored, self.committed)
        for _ in range(2):
            Actor(self.visit).finish()
