"""The settings of the benchmarks, with the outbox, and with what ``BENCH_OUTBOX`` (JSON) adds."""

import json
import os

from tests.bench import settings as bench

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"file": {"class": "logging.FileHandler", "filename": os.environ["BENCH_LOG"]}},
    "loggers": {"dumper": {"handlers": ["file"], "level": "WARNING", "propagate": False}},
}
# What a dead node is owed stays in the outbox: nobody has to wait for it at the end.
DUMPER_EXIT_TIMEOUT = 0.5

globals().update({name: value for name, value in vars(bench).items() if name.isupper()})
DUMPER_OUTBOX = True
INSTALLED_APPS = [*bench.INSTALLED_APPS, "tests.bench.outbox"]
globals().update(json.loads(os.environ["BENCH_OUTBOX"]))
