"""A Debian in a folder: nothing of it is left over, and who cannot make one is told why."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from demo.machine import environment, packages
from demo.machine.packages import SetUpError
from tests.releases import debian, mirror
from tests.releases.debian import CHECKOUT, Debian

SMALL = Debian("small", ())

STARTER = """
import sys
from pathlib import Path
from demo.machine import environment
environment.FOLDER = Path(sys.argv[1])
from tests.releases.debian import Debian
Debian("small", ()).run(["/bin/sleep", "300"])
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the Debians of a test lie."""
    monkeypatch.setattr(environment, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def small(folder):
    """The least that can be entered: two programs of this machine, and what they need."""
    try:
        debian.require_rights(SMALL.suite)
    except SetUpError as problem:
        pytest.skip(str(problem))
    for name in ("proc", "dev", "tmp", "mnt"):
        (SMALL.folder / name).mkdir(parents=True)
    for program in ("/bin/sleep", "/bin/touch"):
        said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for path in [program, *re.findall(r"(/\S+)", said)]:
            copy = SMALL.folder / path[1:]
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    return SMALL


@pytest.fixture
def builds(monkeypatch):
    """The Debians that were made anew."""
    made = []

    def build(debian):
        made.append(debian)
        debian.folder.mkdir(exist_ok=True)
        debian._seal.write_text(debian._content)

    monkeypatch.setattr(Debian, "_build", build)
    monkeypatch.setattr(debian, "require_rights", lambda suite: None)
    return made


def inside(folder):
    """Return the processes that have ``folder`` for a root, or see something mounted below it."""
    seen = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            told = f"{(process / 'root').readlink()}\n{(process / 'mounts').read_text()}"
            if str(folder) in told:
                seen.append(process.name)
    return seen


def wait_until(happened):
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_nothing_is_left_running_or_mounted_when_the_process_that_started_it_is_killed(
    small, folder
):
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(folder)], cwd=environment.ROOT)
    wait_until(lambda: inside(folder))
    here = Path("/proc/self/mounts").read_text()

    starter.kill()
    starter.wait()

    wait_until(lambda: not inside(folder))
    assert str(folder) not in here


def test_what_takes_too_long_is_ended_with_all_that_it_started(small, folder, monkeypatch):
    monkeypatch.setattr(debian, "_PATIENCE", 0.5)

    with pytest.raises(subprocess.TimeoutExpired):
        small.run(["/bin/sleep", "20"])

    wait_until(lambda: not inside(folder))


def test_what_runs_inside_writes_to_its_own_folders_and_not_to_the_checkout(small):
    assert small.run(["/bin/touch", "/tmp/file"]).returncode == 0
    assert "Read-only" in small.run(["/bin/touch", f"{CHECKOUT}/file"]).stdout
    assert list((small.folder / "tmp").iterdir()) == []


def test_it_is_made_once_and_again_when_it_must_hold_something_else(folder, builds):
    other = Debian("small", ("more",))

    for wanted in (SMALL, SMALL, other, other):
        with wanted.ready():
            pass

    assert builds == [SMALL, other]


def test_it_is_made_again_on_demand(folder, builds):
    for anew in (False, True):
        with SMALL.ready(anew=anew):
            pass

    assert builds == [SMALL, SMALL]


def test_nobody_makes_it_anew_while_it_is_used(folder, builds):
    with SMALL.ready(), SMALL.ready(), (folder / "debian-small.lock").open() as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_who_is_not_root_is_told_to_use_sudo(folder, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(SetUpError, match="Only root .* for small: run this with sudo"):
        SMALL.ready().__enter__()


def test_a_container_that_may_not_mount_is_told_what_it_lacks(folder, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    refused = subprocess.CompletedProcess([], 1, "unshare failed: Operation not permitted\n")
    monkeypatch.setattr(debian, "_said", lambda command: refused)

    with pytest.raises(SetUpError, match="not permitted. A container needs the .* SYS_ADMIN"):
        SMALL.ready().__enter__()


def test_what_debootstrap_says_is_shown_and_what_it_left_is_not_used(folder, monkeypatch):
    monkeypatch.setattr(debian, "require_rights", lambda suite: None)
    monkeypatch.setattr(debian, "mirror", lambda suite: "http://127.0.0.1/debian/")
    monkeypatch.setattr(packages, "install", lambda names, *, yes: None)
    failed = subprocess.CompletedProcess([], 1, "E: Couldn't find these debs: varnish")
    monkeypatch.setattr(debian, "_said", lambda command: failed)

    for _ in range(2):
        with pytest.raises(RuntimeError, match="Couldn't find these debs"):
            SMALL.ready().__enter__()


@pytest.mark.parametrize(
    "known, message",
    [
        ([], "apt knows no mirror of Debian here. Name one in /etc/apt, where small can be had"),
        (["file:///nowhere/"], "Not to be had from file:///nowhere/ .*: small"),
    ],
)
def test_where_no_mirror_has_it_that_is_said(monkeypatch, known, message):
    monkeypatch.setattr(mirror, "_known", lambda: known)
    monkeypatch.setattr(mirror, "_updated", lambda: True)

    with pytest.raises(SetUpError, match=message):
        mirror.mirror("small")
