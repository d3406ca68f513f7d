"""The settings of the site whose purges an engine carries out; the environment has the rest."""

import json
import os

SECRET_KEY = "contrib"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = "tests.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["dumper_purge", "tests.contrib"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_CONCURRENCY = 1
DUMPER_SINGLE_PROCESS = True
DUMPER_STRICT = True

globals().update(json.loads(os.environ["CONTRIB_SETTINGS"]))
