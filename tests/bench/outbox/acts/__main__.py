"""``python -m tests.bench.outbox.acts MODULE.FUNCTION JSON`` prints what it returns, as JSON."""

import json
import sys

import django
from django.utils.module_loading import import_string

name, arguments = sys.argv[1:]
django.setup()
act = import_string(f"tests.bench.outbox.acts.{name}")
print(json.dumps(act(**json.loads(arguments))))
