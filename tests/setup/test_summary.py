"""The closing lines of ``python3 tests``."""

import os
import re
import sys

import pytest

from tests.summary import Summary

WITHOUT_PLUGINS = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@pytest.fixture
def summary():
    return Summary(["Python 3.14 is not on this machine"])


def pytest_on(folder, body):
    (folder / "test_it.py").write_text(body)
    ini = folder / "pytest.ini"
    ini.write_text("[pytest]\n")
    return [sys.executable, "-m", "pytest", "-q", "-c", str(ini), str(folder)]


def test_pytests_counts_are_added_up_in_its_own_words(summary, tmp_path, capsys):
    body = "import pytest\ndef test_a(): pass\ndef test_b(): assert 0\ndef test_c(): pytest.skip()"
    summary.pytest("pytest", pytest_on(tmp_path, body), WITHOUT_PLUGINS)
    summary.run("ruff", ["true"], WITHOUT_PLUGINS)
    assert summary.close() == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(r"=+ 1 failed, 2 passed, 1 skipped in [0-9.]+s =+", last)


def test_suites_that_run_at_once_are_printed_one_after_the_other(summary, tmp_path, capsys):
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    body = f"import os, pathlib, time\n{MEET}"
    suites = {folder.name: pytest_on(folder, body) for folder in folders}

    summary.pytests(suites, WITHOUT_PLUGINS, at_once=2)

    assert summary.close() == 0
    shown = capsys.readouterr().out
    assert shown.count("1 passed in") == 2
    assert [step.title for step in summary.steps] == ["a", "b"]
    assert shown.splitlines()[-1].startswith("=") and " 2 passed in " in shown


MEET = """
def test_it():
    here = pathlib.Path(__file__).parent
    (here / "begun").touch()
    until = time.monotonic() + 20
    while not all((here.parent / name / "begun").exists() for name in "ab"):
        assert time.monotonic() < until
        time.sleep(0.01)
"""


def test_a_failed_check_counts_as_a_failure(summary, capsys):
    summary.run("mypy", ["false"], WITHOUT_PLUGINS)
    assert summary.close() == 1
    shown = capsys.readouterr().out
    assert "FAILED  mypy" in shown
    assert " 1 failed in " in shown


def test_what_could_not_be_run_fails_and_what_this_machine_lacks_is_said(summary, capsys):
    summary.fail("servers", "varnish missing")
    assert summary.close() == 1
    shown = capsys.readouterr().out
    assert "varnish missing" in shown
    assert "not run Python 3.14 is not on this machine" in shown


def test_all_well_is_zero(summary, tmp_path, capsys):
    summary.pytest("pytest", pytest_on(tmp_path, "def test_a(): pass"), WITHOUT_PLUGINS)
    assert summary.close() == 0
    assert " 1 passed in " in capsys.readouterr().out.splitlines()[-1]


def test_a_pytest_that_dies_before_it_counts_is_a_failure(summary, capsys):
    summary.pytest("pytest", ["false"], WITHOUT_PLUGINS)
    assert summary.close() == 1
    assert " 1 failed in " in capsys.readouterr().out.splitlines()[-1]
