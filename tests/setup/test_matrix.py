"""Which Python gets which Django."""

from demo.machine.interpreters import Interpreter
from tests.matrix import plan


def planned(running, *others):
    there = {version: Interpreter(f"/python{version}", version, "/usr") for version in others}
    made = plan(Interpreter(f"/python{running}", running, "/usr"), there.get)
    return str(made.first), sorted(map(str, made.others)), made.gaps


def test_an_old_python_runs_the_long_term_release_and_newer_ones_the_rest():
    assert planned("3.11", "3.10", "3.12", "3.13") == (
        "Python 3.11, Django 5.2",
        ["Python 3.10, Django 5.2", "Python 3.12, Django 6.0", "Python 3.13, Django 6.1"],
        ["Python 3.14 is not on this machine"],
    )


def test_a_new_python_alone_runs_them_all():
    assert planned("3.13") == (
        "Python 3.13, Django 6.1",
        ["Python 3.13, Django 5.2", "Python 3.13, Django 6.0"],
        [
            "Python 3.10 is not on this machine",
            "Python 3.11 is not on this machine",
            "Python 3.12 is not on this machine",
            "Python 3.14 is not on this machine",
        ],
    )


def test_what_no_python_here_can_run_is_said():
    first, others, gaps = planned("3.11")
    assert first == "Python 3.11, Django 5.2"
    assert others == []
    assert gaps[-2:] == ["Django 6.0 needs Python 3.12", "Django 6.1 needs Python 3.12"]


def test_one_newer_python_runs_both_newer_djangos():
    assert planned("3.11", "3.12")[1] == ["Python 3.12, Django 6.0", "Python 3.12, Django 6.1"]


def test_a_python_newer_than_all_we_know_runs_the_newest_django():
    assert planned("3.15")[0] == "Python 3.15, Django 6.1"
