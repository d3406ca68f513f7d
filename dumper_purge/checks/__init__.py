"""System checks: everything a user can misconfigure, with an id and a remedy.

They run with ``manage.py check``, ``runserver`` and ``migrate``, as Django's own do. Importing them
registers them.
"""

from dumper_purge.checks.cache import check_cache
from dumper_purge.checks.databases import check_outbox, check_sqlite
from dumper_purge.checks.engine import check_engine
from dumper_purge.checks.middleware import check_middleware
from dumper_purge.checks.registrations import check_registrations
from dumper_purge.checks.settings import check_settings

__all__ = [
    "check_cache", "check_engine", "check_middleware", "check_outbox", "check_registrations",
    "check_settings", "check_sqlite",
]  # fmt: skip
