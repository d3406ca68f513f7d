"""A site that registers no model, and purges by word alone."""

import subprocess
import sys

SITE = """
import sys
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["dumper_purge"], USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}},
)
django.setup()
from django.core.management import call_command
from django.db import transaction
call_command("migrate", verbosity=0)
import dumper_purge
from dumper_purge.deliver import delivery
from dumper_purge.models import OutboxEntry
delivery.deliver = lambda batch, **options: print(OutboxEntry.objects.count())
with transaction.atomic():
    dumper_purge.purge_tags("menu")
"""


def test_a_purge_in_a_transaction_is_entered_in_the_outbox(tmp_path):
    command = [sys.executable, "-c", SITE, str(tmp_path / "db")]

    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert said.stdout == "1\n"
