"""``import dumper_purge as dumper`` stands in models.py, so it must work early."""

import subprocess
import sys

import pytest

from demo.machine.environment import ROOT


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )


def test_the_package_can_be_imported_before_the_settings_are_known():
    done = run("import dumper_purge; print(dumper_purge.register.__name__)")
    assert (done.stdout, done.stderr) == ("register\n", "")


@pytest.mark.parametrize("module", ["backends", "conf", "signals"])
def test_what_settings_name_can_be_imported_before_the_settings_are_known(module):
    assert run(f"import dumper_purge.{module}").stderr == ""
