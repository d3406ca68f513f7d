"""``python -m tests.bench [--quick] [--json] [NAME ...]``."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")

missing = [name for name in ("django", "requests", "redis", "wagtail") if find_spec(name) is None]
if missing:
    sys.exit(f"Missing: {', '.join(missing)}. Run: pip install -r {REQUIREMENTS}")

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.settings"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"

import django

django.setup()

from tests.bench.run import main

sys.exit(main())
