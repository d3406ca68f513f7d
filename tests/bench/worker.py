"""A process that measures an unregistered model: ``python -m tests.bench.worker [APP]``.

Each line it reads is ``OPERATION COUNT``; it answers with the seconds per operation.
"""

import sys
from collections.abc import Callable

import django
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.bench import settings as bench_settings
from tests.bench.measure import per_call, uncollected
from tests.bench.tables import flavours, tables


def configure(with_dumper: bool) -> None:
    """Set Django up, with all apps of the benchmarks or with the plain one alone."""
    values = {name: value for name, value in vars(bench_settings).items() if name.isupper()}
    if not with_dumper:
        values["INSTALLED_APPS"] = ["tests.bench.plain"]
    settings.configure(**values)
    django.setup()
    if ("dumper_purge" in sys.modules) is not with_dumper:
        raise AssertionError("The process without dumper_purge must not have imported it.")


def serve() -> None:
    """Answer until standard input ends."""
    model = apps.get_model("plain", "PlainFlavour")
    with tables(model):
        flavour, *others = flavours(model, 20)
        everyone_else = model.objects.filter(pk__in=[other.pk for other in others])
        with CaptureQueriesContext(connection) as queries:
            everyone_else.delete()
        if [query["sql"].split()[0] for query in queries] != ["BEGIN", "DELETE", "COMMIT"]:
            raise AssertionError(f"This delete was not fast: {queries.captured_queries}")
        operations: dict[str, Callable[[], object]] = {
            "save": flavour.save,
            "delete": everyone_else.delete,
        }
        for line in sys.stdin:
            operation, count = line.split()
            with uncollected():
                print(per_call(operations[operation], int(count))(), flush=True)


configure("dumper_purge" in sys.argv[1:])
serve()
