"""What is shipped: the wheel and the source distribution."""

import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from demo.machine.environment import ROOT

BUILD = """
import sys
from setuptools import build_meta
folder = sys.argv[1]
build_meta.build_wheel(folder)
build_meta.build_sdist(folder)
"""

NOT_SHIPPED = shutil.ignore_patterns(".git", ".environments", "__pycache__", ".*_cache", "build")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with both, built from a copy: building leaves its marks in the source."""
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=NOT_SHIPPED)
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)],
        cwd=source,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def of(folder, within):
    """The files of a folder in the repository, by the names they have in the wheel."""
    files = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    return {
        f"{within}/{path.relative_to(ROOT / folder)}"
        for path in files
        if "__pycache__" not in path.parts
    }


def test_the_wheel_has_the_whole_package_and_the_vcl_and_nothing_else(wheel):
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    vcl = {name for name in of("vcl", "dumper_purge/vcl") if name.endswith(".vcl")}
    assert len(vcl) >= 3
    nginx = {name for name in of("nginx", "dumper_purge/nginx") if name.endswith(".conf")}
    assert len(nginx) == 5
    squid = {name for name in of("squid", "dumper_purge/squid") if name.endswith(".conf")}
    assert len(squid) == 2
    assert names == of("dumper_purge", "dumper_purge") | vcl | nginx | squid


def test_the_wheel_says_what_it_needs_and_under_which_licence(wheel):
    (metadata,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
    lines = wheel.read(metadata).decode().splitlines()
    assert "Name: django-dumper-purge" in lines
    assert "License-Expression: MIT" in lines
    assert "Requires-Python: >=3.10" in lines
    assert [line for line in lines if line.startswith("Requires-Dist")] == [
        "Requires-Dist: Django>=5.2",
        "Requires-Dist: requests>=2.31",
        "Requires-Dist: urllib3>=2",
        'Requires-Dist: edgegrid-python>=2.0; extra == "akamai"',
        'Requires-Dist: azure-identity>=1.20; extra == "azure"',
        'Requires-Dist: celery>=5.5; extra == "celery"',
        'Requires-Dist: boto3>=1.43; extra == "cloudfront"',
        'Requires-Dist: google-auth>=2.30; extra == "google"',
        'Requires-Dist: django-tasks>=0.12; python_version < "3.12" and extra == "tasks"',
    ]
    assert any(name.endswith("/LICENSE") for name in wheel.namelist())


def test_the_source_distribution_can_run_both_commands(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "LICENSE",
        "README.rst",
        "demo/__main__.py",
        "demo/icecream/templates/icecream/base.html",
        "dumper_purge/py.typed",
        "ruff.toml",
        "setup.cfg",
        "tests/__main__.py",
        "vcl/example.vcl",
    } <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith(".env")]


@pytest.mark.parametrize("line", ["/.environments/", "__pycache__/", "/build/", ".mypy_cache/"])
def test_git_ignores_what_the_commands_make(line):
    assert line in (ROOT / ".gitignore").read_text().splitlines()


def test_continuous_integration_runs_the_very_command():
    script = ROOT / ".ci" / "run"
    assert script.read_text() == "#!/usr/bin/env bash\nexec python3 tests\n"
    assert script.stat().st_mode & 0o111
