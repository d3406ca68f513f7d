"""The race of renders and purges: ``python -m tests.stress.race purge 2000`` prints JSON.

Every trial has a page of its own. A visitor asks Varnish for it, a row changes at a random moment
of that render, and when all purges are through, the page is asked for again. It is stale if it
shows the old text then: it would for a year.
"""

import argparse
import http.client
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import django
from django.apps import apps
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.test import override_settings

from dumper_purge.deliver import delivery
from tests.stress.pace import RENDERING
from tests.stress.plain import without_fence
from tests.varnish import Varnishd

__all__ = ["main", "race"]

SLOWEST = 0.06
AT_ONCE = 12
OURS = "dumper_purge.backends.varnish.VarnishBackend"
PLAIN = "tests.stress.plain.PlainBackend"


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class Handler(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def site() -> Iterator[int]:
    """Serve Django on a free port of 127.0.0.1, a thread per request."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.set_app(get_wsgi_application())
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def options(method: str, varnish: Varnishd, *, plain: bool) -> dict[str, object]:
    return {
        "BACKEND": PLAIN if plain else OURS,
        "LOCATION": [varnish.url],
        "HOSTS": [varnish.host],
        "OPTIONS": {"token": varnish.token, "method": method},
    }


def create_notes(count: int) -> None:
    """Write them past the ORM: nothing is to be purged yet."""
    note = apps.get_model("stress", "Note")
    with connection.schema_editor() as editor:
        editor.create_model(note)
    with connection.cursor() as cursor:
        rows = [(pk, "old") for pk in range(1, count + 1)]
        cursor.executemany(f"INSERT INTO {note._meta.db_table} (id, text) VALUES (%s, %s)", rows)


def ask(varnish: Varnishd, pk: int) -> tuple[str, bool]:
    """Return what the page shows, and whether Varnish had it."""
    visitor = http.client.HTTPConnection("127.0.0.1", varnish.port, timeout=60)
    try:
        visitor.request("GET", f"/notes/{pk}/")
        response = visitor.getresponse()
        text = response.read().decode()
        assert response.status == 200, (response.status, text)
        return text, response.headers["Cache-Status"].endswith("varnish; hit")
    finally:
        visitor.close()


def change(pk: int, moment: float) -> None:
    time.sleep(moment)
    note = apps.get_model("stress", "Note")(pk=pk, text="new")
    note.save(force_update=True)
    connection.close()


def race(method: str, trials: int, *, fence: bool, seed: int) -> dict[str, object]:
    """Return how many of the pages are stale when everything is through, and how many are kept."""
    create_notes(trials)
    with ExitStack() as stack:
        varnish = stack.enter_context(Varnishd(backend_port=stack.enter_context(site())))
        backends = {"varnish": options(method, varnish, plain=not fence)}
        stack.enter_context(override_settings(DUMPER_BACKENDS=backends))
        if not fence:
            stack.enter_context(without_fence())
        visitors = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        writers = stack.enter_context(ThreadPoolExecutor(AT_ONCE))

        def trial(pk: int) -> None:
            chance = random.Random(f"{seed} {pk}")
            RENDERING[pk] = chance.uniform(0, SLOWEST)
            written = writers.submit(change, pk, chance.uniform(0, SLOWEST))
            ask(varnish, pk)
            written.result()
            del RENDERING[pk]

        started = time.monotonic()
        pages = range(1, trials + 1)
        list(visitors.map(trial, pages))
        undone = delivery.finish(60)
        seen = list(visitors.map(lambda pk: ask(varnish, pk), pages))
        again = list(visitors.map(lambda pk: ask(varnish, pk), pages))
    return {
        "method": method,
        "fence": fence,
        "trials": trials,
        "stale": sum("old" in {a[0], b[0]} for a, b in zip(seen, again, strict=True)),
        "undone": len(undone),
        "kept": sum(hit for _, hit in again),
        "seconds": round(time.monotonic() - started, 1),
        "seed": seed,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", choices=["purge", "xkey", "ban"])
    parser.add_argument("trials", type=int)
    parser.add_argument("--without-fence", action="store_true")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stress-") as folder:
        os.environ["STRESS_DATABASE"] = str(Path(folder, "notes.sqlite3"))
        django.setup()
        outcome = race(
            arguments.method,
            arguments.trials,
            fence=not arguments.without_fence,
            seed=arguments.seed,
        )
    print(json.dumps(outcome))
    return 0


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.stress.settings"
    sys.exit(main())
