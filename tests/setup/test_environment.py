"""Making virtual environments, and saying what is missing."""

import fcntl
import subprocess
import sys

import pytest

from demo.machine import environment, interpreters, packages
from demo.machine.interpreters import Interpreter
from demo.machine.packages import SetUpError


@pytest.fixture(autouse=True)
def checkout(tmp_path, monkeypatch):
    """A checkout of its own, so that the environments in use stay."""
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "FOLDER", tmp_path / ".environments")
    return tmp_path


@pytest.fixture
def pip():
    """What pip answers."""
    return subprocess.CompletedProcess([], 0, "", "")


@pytest.fixture
def commands(monkeypatch, pip):
    """Record what is run, and run only the making of the environment itself."""
    ran = []
    real = subprocess.run

    def run(command, **options):
        ran.append(command)
        if "pip" in command:
            return pip
        return real([*command, "--without-pip"] if "venv" in command else command, **options)

    monkeypatch.setattr(environment.subprocess, "run", run)
    return ran


def installs(commands):
    return [command[6:] for command in commands if "pip" in command]


def test_an_environment_is_made_once(commands):
    first = environment.make("demo", interpreters.running(), ["Django"], yes=False)
    second = environment.make("demo", interpreters.running(), ["Django"], yes=False)
    assert first == second
    assert first.exists()
    assert installs(commands) == [["Django"]]


def test_an_environment_is_made_anew_when_its_requirements_change(commands):
    environment.make("demo", interpreters.running(), ["Django"], yes=False)
    environment.make("demo", interpreters.running(), ["Django", "requests"], yes=False)
    assert installs(commands) == [["Django"], ["Django", "requests"]]


def test_an_environment_whose_making_was_cut_short_is_made_anew(commands):
    python = environment.make("demo", interpreters.running(), ["Django"], yes=False)
    (python.parent.parent / "complete").unlink()
    environment.make("demo", interpreters.running(), ["Django"], yes=False)
    assert len(installs(commands)) == 2


def test_two_pythons_of_one_version_have_an_environment_each(commands):
    own = interpreters.running()
    other = Interpreter(own.path, own.version, "/elsewhere")
    assert environment.make("demo", own, [], yes=False) != environment.make(
        "demo", other, [], yes=False
    )


def test_a_failing_pip_shows_what_it_said(commands, pip):
    pip.returncode, pip.stdout = 1, "ERROR: No matching distribution found for Djnago"
    with pytest.raises(SetUpError, match=r"(?s)ERROR: No matching.*pip could not install Djnago"):
        environment.make("demo", interpreters.running(), ["Djnago"], yes=False)
    assert not list((environment.FOLDER).glob("*/complete"))


def test_another_process_that_builds_is_waited_for(checkout, commands, capsys, monkeypatch):
    environment.FOLDER.mkdir()
    waited = []

    def flock(file, operation):
        if operation & fcntl.LOCK_NB:
            raise BlockingIOError
        waited.append(operation)

    monkeypatch.setattr(environment.fcntl, "flock", flock)
    environment.make("demo", interpreters.running(), [], yes=False)
    assert waited == [fcntl.LOCK_EX]
    assert "Waiting for another process" in capsys.readouterr().out


def test_a_checkout_that_cannot_be_written_is_named():
    environment.FOLDER.write_text("a file where the folder should be")
    with pytest.raises(SetUpError, match="The checkout has to be writable"):
        environment.make("demo", interpreters.running(), [], yes=False)


def without_ensurepip(prefix):
    return Interpreter("/bin/false", "3.11", prefix)


def test_debians_python_gets_its_venv_package(monkeypatch):
    asked = []
    monkeypatch.setattr(packages, "install", lambda names, yes: asked.append((names, yes)))
    with pytest.raises(SetUpError, match="venv failed"):
        environment.make("demo", without_ensurepip("/usr"), [], yes=True)
    assert asked == [(["python3.11-venv"], True)]


def test_any_other_python_without_ensurepip_is_an_error_that_says_so():
    with pytest.raises(SetUpError, match="/bin/false has no venv or ensurepip"):
        environment.make("demo", without_ensurepip("/opt/python"), [], yes=False)


def test_the_requirements_are_those_of_pyproject(monkeypatch, checkout):
    (checkout / "pyproject.toml").write_text('[project]\ndependencies = ["Django>=5.2", "x"]\n')
    assert environment.runtime_requirements() == ["Django>=5.2", "x"]


def test_a_python_of_the_environment_finds_the_checkout_whatever_the_user_had_set(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PYTHONHOME", "/elsewhere")
    variables = environment.variables()
    assert variables["PYTHONPATH"] == str(environment.ROOT)
    assert "PYTHONHOME" not in variables


def test_the_set_up_needs_the_standard_library_only():
    code = "import demo.__main__, tests.runner, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=packages.__file__.rsplit("/demo/", 1)[0],
    )
    assert not {"django", "requests", "pytest"} & set(done.stdout.split())
