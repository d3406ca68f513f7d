"""One process of a site whose rows are files; it prints what it saw as JSON.

Usage: ``worker.py reads|writes CACHE LOCATION FOLDER SECONDS FENCE NUMBER``.
"""

import json
import random
import sys
import time
from pathlib import Path

import django
from django.conf import settings

ROLE, CACHE, LOCATION, FOLDER, SECONDS, FENCE, NUMBER = sys.argv[1:8]
PAGES = 6
WRITERS = 2

settings.configure(
    SECRET_KEY="stress",
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["dumper_purge"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    CACHES={
        "default": {
            "BACKEND": f"django.core.cache.backends.{CACHE}",
            "LOCATION": LOCATION,
            "OPTIONS": {"MAX_ENTRIES": 10_000} if CACHE.startswith("file") else {},
        }
    },
)
django.setup()

from django.http import HttpResponse  # noqa: E402 - after the settings
from django.test import RequestFactory  # noqa: E402

import dumper_purge as dumper  # noqa: E402
from dumper_purge.batch import PurgeBatch  # noqa: E402
from dumper_purge.middleware import CacheMiddleware  # noqa: E402
from dumper_purge.respond import fence  # noqa: E402


def value(kind, number):
    try:
        return int((Path(FOLDER) / f"{kind}{number}").read_text())
    except FileNotFoundError:
        return 0


def write(kind, number, new):
    temporary = Path(FOLDER) / f"{kind}{number}.{NUMBER}"
    temporary.write_text(str(new))
    temporary.replace(Path(FOLDER) / f"{kind}{number}")


def view(request):
    number = int(request.path.split("/")[2])
    found = value("row", number)
    time.sleep(random.uniform(0, 0.004))
    if number % 2:
        dumper.tag(f"row{number}")
    return HttpResponse(str(found))


def reads(until):
    seen = {"requests": 0, "hits": 0, "stale": 0}
    middleware, factory = CacheMiddleware(view), RequestFactory()
    while time.monotonic() < until:
        number = random.randrange(PAGES)
        wanted = value("recorded", number)
        response = middleware(factory.get(f"/page/{number}/"))
        seen["requests"] += 1
        seen["hits"] += "hit" in response["Cache-Status"]
        seen["stale"] += int(response.content) < wanted
    return seen


def writes(until):
    numbers = [number for number in range(PAGES) if number % WRITERS == int(NUMBER) % WRITERS]
    count = 0
    while time.monotonic() < until:
        number = random.choice(numbers)
        version = value("row", number) + 1
        write("row", number, version)
        if number % 2:
            fence.record(PurgeBatch.of(tags=[f"row{number}"]))
        else:
            fence.record(PurgeBatch.of([f"/page/{number}/"]))
        write("recorded", number, version)
        count += 1
        time.sleep(random.uniform(0, 0.02))
    return {"writes": count}


if FENCE == "off":
    fence.Ticket.tokens = lambda self, tags: self._generations.read(list(tags))
print(json.dumps({"reads": reads, "writes": writes}[ROLE](time.monotonic() + float(SECONDS))))
