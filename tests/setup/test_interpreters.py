"""Finding Pythons, old ones included."""

import subprocess
import sys

import pytest

from demo.machine import environment, interpreters

OLD = """
import runpy, sys
sys.version_info = (3, 9, 1)
runpy.run_path({!r}, run_name="__main__")
"""


def test_the_running_python_is_the_one_below_its_virtual_environment():
    found = interpreters.running()
    assert found.version == "{}.{}".format(*sys.version_info[:2])
    assert found.prefix == sys.base_prefix


def test_a_shim_that_fails_is_not_taken_for_a_python(tmp_path, monkeypatch):
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert interpreters.find("3.99") is None


def test_a_python_that_lies_about_its_version_is_not_taken(tmp_path, monkeypatch):
    (tmp_path / "python3.99").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert interpreters.find("3.99") is None


def test_a_python_is_found_below_pyenv(tmp_path, monkeypatch):
    version = "{}.{}".format(*sys.version_info[:2])
    folder = tmp_path / "versions" / f"{version}.1" / "bin"
    folder.mkdir(parents=True)
    (folder / f"python{version}").symlink_to(interpreters.running().path)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    found = interpreters.find(version)
    assert found is not None
    assert found.path == str(folder / f"python{version}")


@pytest.mark.parametrize("command", ["demo", "tests"])
def test_an_old_python_is_told_what_it_takes(command):
    code = OLD.format(str(environment.ROOT / command / "__main__.py"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "This needs Python 3.10 or newer, and runs on 3.9.\n"
