"""The Celery app of the site, as its README would have it."""

import os

from celery import Celery

from dumper_purge.contrib.celery import BEAT

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.contrib.settings")

app = Celery("site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule.update(BEAT)
