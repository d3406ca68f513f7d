"""What ``python3 tests`` runs, for which arguments, and what it does without servers."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from demo.machine import packages
from demo.machine.packages import SetUpError
from tests import conftest, runner
from tests.matrix import NEWEST, Plan, Run
from tests.summary import Step, Summary


@pytest.fixture
def machine(monkeypatch):
    """A machine on which every command succeeds and nothing is missing; what it is made to do."""
    done = SimpleNamespace(missing=[], installed=[], commands=[], modules=[])

    def make(name, interpreter, wanted, *, yes):
        return Path("/environments", name, "bin", "python")

    def run(self, title, command, variables):
        done.commands.append([Path(command[0]).name, *command[1:]])
        self.steps.append(Step(title, passed=True))

    def run_all(self, suites, variables, *, at_once):
        done.at_once = at_once
        for title, command in suites.items():
            run(self, title, command, variables)

    def module(python, command):
        done.modules.append([python.parent.parent.name, *command])
        return 0

    monkeypatch.setattr(packages, "missing", lambda listed: list(done.missing))
    monkeypatch.setattr(packages, "install", lambda names, yes: done.installed.append(names))
    monkeypatch.setattr(runner.environment, "make", make)
    monkeypatch.setattr(runner.interpreters, "find", lambda version: None)
    monkeypatch.setattr(runner, "_module", module)
    monkeypatch.setattr(Summary, "run", run)
    monkeypatch.setattr(Summary, "pytest", run)
    monkeypatch.setattr(Summary, "pytests", run_all)
    return done


def test_without_arguments_everything_runs(machine):
    assert runner.main([]) == 0
    assert machine.commands[:4] == [
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["mypy"],
        ["lint-imports", "--no-cache"],
    ]
    whole, apart = machine.commands[4], machine.commands[-1]
    assert whole[:3] == apart[:3] == ["python", "-m", "pytest"]
    assert {f"--ignore={folder}" for folder in apart[3:]} == set(whole[5:])
    assert "tests/vcl" in apart
    assert machine.at_once in {1, 2}


def test_other_pythons_run_what_takes_no_server_and_the_newest_django_all(machine, monkeypatch):
    first = SimpleNamespace(version="3.11", executable="python3.11")
    runs = [Run(first, "5.2"), Run(first, "6.0"), Run(first, NEWEST)]
    monkeypatch.setattr(runner, "plan", lambda running, find: Plan(runs[0], runs[1:]))

    assert runner.main([]) == 0

    whole, older, newest, _ = machine.commands[-4:]
    assert older[3:5] == ["-m", "not stress and not needs"]
    assert newest[3:5] == ["-m", "not stress"]
    assert "--ignore=tests/vcl" in older
    assert "-m" not in whole[3:]


def test_arguments_are_pytests(machine):
    assert runner.main(["-k", "fence", "-x", "tests/respond"]) == 0
    ((environment, *command),) = machine.modules
    assert environment.startswith("checks-django")
    assert command == ["pytest", "-k", "fence", "-x", "tests/respond"]
    assert machine.commands == []


def test_bench_gets_its_own_arguments_and_environment(machine):
    assert runner.main(["bench", "--quick", "--help"]) == 0
    assert machine.modules == [["bench", "tests.bench", "--quick", "--help"]]


def test_help_is_printed_and_nothing_installed(machine, capsys):
    machine.missing = ["varnish"]
    assert runner.main(["--help"]) == 0
    assert "--without-servers" in capsys.readouterr().out
    assert machine.installed == []


def test_missing_servers_are_installed(machine):
    machine.missing = ["varnish"]
    runner.main(["-x"])
    assert machine.installed == [["varnish"]]


def refuse(names, yes):
    raise SetUpError("There is no sudo here.")


def test_servers_that_cannot_be_installed_fail_the_run_and_are_named(machine, monkeypatch, capsys):
    machine.missing = ["varnish", "redis-server"]
    monkeypatch.setattr(packages, "install", refuse)
    assert runner.main([]) == 1
    shown = capsys.readouterr()
    assert "There is no sudo here." in shown.err
    assert "varnish, redis-server missing: what needs them could not run" in shown.out
    assert machine.commands[-1][:3] == ["python", "-m", "pytest"]


def test_without_servers_nothing_is_installed_and_pytest_is_told(machine):
    machine.missing = ["varnish"]
    assert runner.main(["--without-servers"]) == 0
    assert machine.installed == []
    for command in machine.commands[-2:]:
        assert command[:4] == ["python", "-m", "pytest", "--without-servers"]


def test_an_environment_that_cannot_be_made_is_an_error_with_its_reason(
    machine, monkeypatch, capsys
):
    def fail(*arguments, **options):
        raise SetUpError("pip could not install Django")

    monkeypatch.setattr(runner.environment, "make", fail)
    assert runner.main([]) == 1
    assert capsys.readouterr().err == "pip could not install Django\n"


class Item:
    """A test that needs a server."""

    def __init__(self, *names, without_servers=False):
        self._names = names
        self.config = SimpleNamespace(getoption=lambda name: without_servers)

    def iter_markers(self, name):
        return [SimpleNamespace(args=self._names)]


def test_a_test_whose_server_is_missing_fails_and_names_it():
    with pytest.raises(pytest.fail.Exception, match="no-such-server not installed"):
        conftest.pytest_runtest_setup(Item("no-such-server"))


def test_a_test_whose_server_is_missing_is_skipped_where_that_was_asked_for():
    with pytest.raises(pytest.skip.Exception, match="no-such-server not installed"):
        conftest.pytest_runtest_setup(Item("no-such-server", without_servers=True))


def test_varnish_is_not_enough_without_its_modules(monkeypatch):
    monkeypatch.setattr(packages.glob, "glob", lambda pattern: [])
    with pytest.raises(pytest.fail.Exception, match="varnish-modules"):
        conftest.pytest_runtest_setup(Item("varnishd"))
