"""The README: a newcomer who copies its snippets, in order, gets a cached site that stays fresh."""

import importlib
import os
import pkgutil
import re
import subprocess
import sys
import textwrap
from dataclasses import fields
from pathlib import Path

import pytest

from dumper_purge import backends, checks, conf

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.rst").read_text()

PROJECT = {
    "settings.py": """
        import os
        from pathlib import Path

        SECRET_KEY = "readme"
        DEBUG = True
        ALLOWED_HOSTS = ["testserver"]
        ROOT_URLCONF = "urls"
        DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
        CACHES = {
            "default": {
                "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
                "LOCATION": Path(__file__).parent / "cache",
                "OPTIONS": {"MAX_ENTRIES": 10_000},
            }
        }
        INSTALLED_APPS = ["flavours"]
        MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
        TEMPLATES = [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": ["templates"],
            }
        ]
    """,
    "urls.py": """
        from django.urls import path

        from flavours import views

        urlpatterns = [
            path("flavours/", views.flavours, name="flavours"),
            path("flavours/<slug:slug>/", views.flavour, name="flavour"),
            path("basket/", views.basket),
        ]
    """,
    "templates/flavour.html": "{{ flavour.name }}",
    "templates/flavours.html": "{% for flavour in flavours %}{{ flavour.name }} {% endfor %}",
    "templates/basket.html": "basket",
    "flavours/__init__.py": "",
    "visit.py": """
        import os
        import sys

        os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
        import django

        django.setup()
        from django.core.management import call_command
        from django.test import Client

        from flavours import scoops
        from flavours.models import Flavour

        call_command("check", fail_level="WARNING")
        call_command("migrate", run_syncdb=True, verbosity=0)
        vanilla = Flavour.objects.create(slug="vanilla", name="Vanilla")
        scoops.Scoop.objects.create(name="big", flavour=vanilla)
        client = Client()

        def see(path):
            response = client.get(path)
            return response.content.decode(), response["Cache-Status"].split(";")[1].strip()

        assert see("/flavours/vanilla/?size=2") == ("Vanilla", "fwd=miss"), see(
            "/flavours/vanilla/?size=2"
        )
        assert see("/flavours/vanilla/?size=2") == ("Vanilla", "hit")
        assert see("/flavours/") == ("Vanilla ", "fwd=miss")
        assert see("/flavours/") == ("Vanilla ", "hit")
        vanilla.name = "Bourbon"
        vanilla.save()
        assert see("/flavours/vanilla/?size=2") == ("Bourbon", "fwd=miss")
        assert see("/flavours/") == ("Bourbon ", "fwd=miss")
        assert see("/flavours/") == ("Bourbon ", "hit")
        exec(compile(open("by_hand.py").read(), "by_hand.py", "exec"))
        assert see("/flavours/") == ("Vanilla ", "fwd=miss")
        assert see("/basket/")[1] != "hit" and see("/basket/")[1] != "hit"
        print("fresh")
    """,
}


def snippets():
    for block in re.findall(r"( *)\.\. code-block:: python\n\n((?:\1 {4}.*\n|\n)+)", README):
        code = textwrap.dedent(block[1]).strip() + "\n"
        name = code.partition("\n")[0].removeprefix("# ")
        yield {"by hand": "by_hand.py"}.get(name, name), code


def write_project(folder):
    for name, text in PROJECT.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
    for name, code in snippets():
        if any(word in code for word in ("DUMPER_BACKENDS", "DUMPER_ENGINE")):
            continue
        with (folder / name).open("a") as file:
            file.write(code)


def test_every_python_snippet_names_its_file():
    names = [name for name, _ in snippets()]
    assert "settings.py" in names
    assert all(re.fullmatch(r"[a-z_/]+\.py", name) for name in names)


def test_the_snippets_make_a_site_that_stays_fresh(tmp_path):
    write_project(tmp_path)
    result = subprocess.run(
        [sys.executable, "visit.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.stdout.endswith("fresh\n"), result.stdout + result.stderr


def test_the_celery_snippet_makes_an_app_that_sweeps():
    code = next(code for _, code in snippets() if "Celery(" in code)
    names = {}
    exec(code, names)

    app = names["app"]
    assert app.conf.beat_schedule["dumper_purge.sweep"]["task"] in app.tasks
    assert app.tasks["dumper_purge.carry_out"].acks_late


def test_the_tasks_snippet_is_a_right_configuration(settings):
    code = next(code for _, code in snippets() if "TASKS" in code)
    names = {"INSTALLED_APPS": []}
    exec(code, names)
    settings.DUMPER_ENGINE, settings.TASKS = names["DUMPER_ENGINE"], names["TASKS"]

    assert names["INSTALLED_APPS"] == ["django_tasks_db"]
    assert checks.check_engine() == []


@pytest.mark.parametrize("number", [0, 1], ids=["Varnish", "Varnish behind a CDN"])
def test_the_backends_snippets_are_right_configurations(settings, monkeypatch, number):
    monkeypatch.setenv("DUMPER_TOKEN", "secret")
    monkeypatch.setenv("CLOUDFLARE_TOKEN", "secret")
    code = [code for _, code in snippets() if "DUMPER_BACKENDS" in code][number]
    names = {"os": os}
    exec(code, names)
    settings.DUMPER_BACKENDS = names["DUMPER_BACKENDS"]

    assert checks.check_settings() == []
    assert backends.configured()[0].tag_header == "xkey"
    assert len(backends.configured()) == number + 1


def caches():
    """Every backend that is shipped, with the options of its own."""
    for module in pkgutil.iter_modules(backends.__path__, "dumper_purge.backends."):
        for name, cls in vars(importlib.import_module(module.name)).items():
            if name.endswith("Backend") and cls.__module__ == module.name:
                yield cls


@pytest.mark.parametrize("cls", list(caches()), ids=lambda cls: cls.__name__)
def test_every_backend_and_each_of_its_options_is_listed(cls):
    if cls.__name__ in {"BaseBackend", "ApiBackend", "ProxyBackend"}:
        pytest.skip("what others stand on")
    assert cls.__name__ in README
    names = {field.name for field in fields(cls)} - {"alias", "location", "hosts"}
    unlisted = {name for name in names if f"``{name}``" not in README}
    assert unlisted <= {"bypasses_session_cookie"}


@pytest.mark.parametrize("name", sorted(conf.names()))
def test_every_setting_has_a_heading(name):
    assert re.search(rf"^``DUMPER_{name.upper()}``$", README, re.MULTILINE)


def test_every_check_is_listed():
    source = "".join(path.read_text() for path in (ROOT / "dumper_purge/checks").glob("*.py"))
    kinds = re.findall(r"\b(error|warning)\(\s*(\d+),", source)
    ids = {f"dumper_purge.{'E' if kind == 'error' else 'W'}{int(n):03d}" for kind, n in kinds}
    assert len(ids) == 18
    assert ids == set(re.findall(r"^``(dumper_purge\.[EW]\d{3})``", README, re.MULTILINE))
