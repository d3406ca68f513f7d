"""The settings of the site whose processes are killed; the environment has the rest."""

import json
import os

from tests.mariadb import use_pymysql

SECRET_KEY = "outbox"
DEBUG = False
USE_TZ = True
ROOT_URLCONF = "tests.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.contenttypes", "dumper_purge", "tests.zoo"]
DUMPER_STRICT = True

globals().update(json.loads(os.environ["OUTBOX_SITE"]))

if "mysql" in DATABASES["default"]["ENGINE"]:  # noqa: F821 - of the environment
    use_pymysql()
