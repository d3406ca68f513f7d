"""Installing Debian packages: who may, who is asked, and what is said otherwise."""

import io
import os
import subprocess

import pytest

from demo.machine import packages
from demo.machine.packages import Package, SetUpError


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with apt-get and sudo, an ordinary user, and no terminal."""
    ran = []

    def run(command, **options):
        ran.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    for name in ("apt-get", "sudo"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(packages, "PATH", str(tmp_path))
    monkeypatch.setattr(packages.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(packages.sys, "stdin", io.StringIO())
    monkeypatch.setattr(packages.subprocess, "run", run)
    return tmp_path, ran


def answer(monkeypatch, text):
    monkeypatch.setattr(packages.sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda question: text)


def test_root_installs_at_once(machine, monkeypatch):
    monkeypatch.setattr(packages.os, "geteuid", lambda: 0)
    packages.install(["varnish"], yes=False)
    (command,) = machine[1]
    assert command[:2] == ["/bin/sh", "-c"]
    assert command[-1] == "varnish"


def test_sudo_is_not_used_without_a_terminal_to_ask_on(machine):
    with pytest.raises(SetUpError, match="Run with --yes, or yourself: sudo apt-get install"):
        packages.install(["varnish"], yes=False)
    assert machine[1] == []


def test_sudo_is_used_without_a_terminal_where_yes_was_said(machine):
    packages.install(["varnish"], yes=True)
    assert machine[1][0][:2] == ["sudo", "--non-interactive"]


def test_a_person_who_agrees_gets_it_by_sudo(machine, monkeypatch):
    answer(monkeypatch, "y")
    packages.install(["varnish"], yes=False)
    assert machine[1][0][0] == "sudo"


def test_a_person_who_refuses_is_told_the_command(machine, monkeypatch):
    answer(monkeypatch, "")
    with pytest.raises(SetUpError, match="sudo apt-get install --no-install-recommends varnish"):
        packages.install(["varnish"], yes=False)
    assert machine[1] == []


def test_a_closed_standard_input_is_no_terminal(machine, monkeypatch):
    monkeypatch.setattr(packages.sys, "stdin", None)
    with pytest.raises(SetUpError, match="--yes"):
        packages.install(["varnish"], yes=False)


def test_without_sudo_the_command_for_root_is_named(machine):
    (machine[0] / "sudo").unlink()
    with pytest.raises(SetUpError, match=r"There is no sudo here. Run as root: apt-get install"):
        packages.install(["varnish"], yes=True)


def test_without_apt_the_packages_are_named(machine):
    (machine[0] / "apt-get").unlink()
    with pytest.raises(SetUpError, match=r"no apt-get.*varnish redis-server"):
        packages.install(["varnish", "redis-server"], yes=True)


def test_a_failing_apt_shows_what_it_said(machine, monkeypatch, capsys):
    failed = subprocess.CompletedProcess([], 100, "E: no space left", "")
    monkeypatch.setattr(packages.subprocess, "run", lambda *args, **options: failed)
    with pytest.raises(SetUpError, match="apt-get failed"):
        packages.install(["varnish"], yes=True)
    assert "E: no space left" in capsys.readouterr().out


def test_a_package_is_proven_by_its_executable_or_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "PATH", str(tmp_path))
    listed = (Package("one", "one-server"), Package("two", f"{tmp_path}/*/two.so"))
    assert packages.missing(listed) == ["one", "two"]
    (tmp_path / "one-server").write_text("")
    (tmp_path / "one-server").chmod(0o755)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "two.so").write_text("")
    assert packages.missing(listed) == []


APT = """#!/bin/sh
echo "apt-get $*" >> {log}
[ -e {policy} ] && {policy} >> {log}
case "$*" in *update*) touch {lists};; *) [ -e {lists} ];; esac
"""


@pytest.fixture
def apt(tmp_path):
    """The script that root runs, with an apt-get that knows no package before its update."""
    log, policy, lists = (tmp_path / name for name in ("log", "policy-rc.d", "lists"))
    (tmp_path / "apt-get").write_text(APT.format(log=log, policy=policy, lists=lists))
    (tmp_path / "apt-get").chmod(0o755)
    script = packages._SCRIPT.replace("/usr/sbin/policy-rc.d", str(policy))
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])

    def run():
        command = ["/bin/sh", "-c", script, "install", "varnish"]
        return subprocess.run(command, env={"PATH": path}, capture_output=True).returncode

    return run, log, policy, lists


def test_the_lists_are_updated_only_where_a_package_is_not_found(apt):
    run, log, _, _ = apt
    assert run() == 0
    verbs = [line.split()[4] for line in log.read_text().splitlines() if "apt-get" in line]
    assert verbs == ["install", "update", "install"]
    log.unlink()
    assert run() == 0
    assert log.read_text().count("apt-get") == 1


def test_no_service_starts_while_packages_are_installed_and_the_rule_goes_afterwards(apt):
    run, log, policy, lists = apt
    lists.touch()
    seen = log.parent / "seen"
    text = (log.parent / "apt-get").read_text() + f"cp {policy} {seen}\n"
    (log.parent / "apt-get").write_text(text)
    assert run() == 0
    assert seen.read_text() == "#!/bin/sh\nexit 101\n"
    assert not policy.exists()


def test_a_rule_of_the_machine_s_own_stays(apt):
    run, _, policy, lists = apt
    lists.touch()
    policy.write_text("#!/bin/sh\nexit 0\n")
    policy.chmod(0o755)
    assert run() == 0
    assert policy.read_text() == "#!/bin/sh\nexit 0\n"
