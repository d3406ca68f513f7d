"""A process of the site: ``python -m tests.contrib.web save|sweep``, which prints JSON."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import django
from django.conf import settings


def save():
    """Save once; return how long that took."""
    memos = import_module("tests.contrib.models").Memo.objects
    started = time.monotonic()
    memos.create(text="new")
    return {"seconds": time.monotonic() - started}


def sweep():
    """Deliver what is due; return how many entries that were."""
    return {"rows": import_module("dumper_purge.deliver.sweep").sweep()}


if __name__ == "__main__":
    if "celery" in settings.DUMPER_ENGINE:
        # As the package of a site with Celery does, before Django is set up.
        import_module("tests.contrib.celery")
    django.setup()
    # In a thread, as most servers do.
    with ThreadPoolExecutor(1) as threads:
        print(json.dumps(threads.submit({"save": save, "sweep": sweep}[sys.argv[1]]).result()))
