"""``python -m tests.bench.outbox.acts MODULE.FUNCTION JSON`` prints what it returns, as JSON.

Of an iterator one value a line, each when a line comes in.
"""

import json
import sys
from collections.abc import Iterator

import django
from django.utils.module_loading import import_string

name, arguments = sys.argv[1:]
django.setup()
act = import_string(f"tests.bench.outbox.acts.{name}")
result = act(**json.loads(arguments))
if isinstance(result, Iterator):
    for _ in sys.stdin:
        print(json.dumps(next(result)), flush=True)
else:
    print(json.dumps(result))
