"""``manage.py dumper status``."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from dumper_purge.deliver.outbox import nodes
from tests.deliver.rows import put
from tests.deliver.stage import tier

pytest_plugins = ["tests.deliver.files"]
pytestmark = pytest.mark.usefixtures("files")

SECRET = "a-secret-that-nobody-may-see"


@pytest.fixture(autouse=True)
def _backends(settings):
    settings.DUMPER_BACKENDS = {"edge": tier("http://a", "http://b", secret=SECRET)}


def status(*args):
    """Return the exit code and what was printed."""
    out = io.StringIO()
    try:
        call_command("dumper", "status", *args, stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def test_where_all_is_well_it_ends_with_0():
    code, out = status()

    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "OK: 0 pending, 0 dead letters"
    assert lines[1].split() == "node pending oldest dead breaker last success".split()
    assert lines[2].split() == ["edge", "at", "http://a", "0", "-", "0", "closed", "-"]


@pytest.mark.parametrize(
    ("age", "code", "word"), [(1, 0, "OK"), (100, 1, "WARNING"), (400, 2, "CRITICAL")]
)
def test_its_exit_code_is_how_bad_it_is(age, code, word):
    put("/news/", age=age)

    assert status()[0] == code
    assert status()[1].startswith(f"{word}: 1 pending, the oldest for {age}.")


def test_each_problem_has_a_line():
    put("/news/", alias="edge", node="http://a", state="dead")
    put("/news/", alias="edge", node="http://b", age=100)

    code, out = status()

    assert code == 2
    assert out.splitlines()[1:3] == [
        "  edge at http://a: 1 dead letter, rejected (manage.py dumper failed)",
        "  edge at http://b: 1 pending, the oldest for 100 s",
    ]


def test_a_node_has_a_line_with_what_is_known_of_it():
    nodes.succeeded("edge", "http://b")
    nodes.flush_if_due()
    put("/news/", alias="edge", node="http://b", age=2)

    line = status()[1].splitlines()[-1].split()

    assert line[:4] == ["edge", "at", "http://b", "1"]
    assert line[-4:] == ["closed", "0", "s", "ago"]


def test_programs_get_json_and_the_same_exit_code():
    put("/news/", alias="edge", node="http://a", age=100)

    code, out = status("--json")

    found = json.loads(out)
    assert (code, found["level"], found["pending"], found["dead"]) == (1, 1, 1, 0)
    assert found["nodes"][0]["node"] == "http://a"


def test_the_thresholds_may_be_others():
    put("/news/", age=20)

    assert status("--warning", "10")[0] == 1
    assert status("--warning", "10", "--critical", "15")[0] == 2


@pytest.mark.parametrize("thresholds", [("400", "300"), ("-1", "300"), ("0", "-1"), ("nan", "5")])
def test_thresholds_that_make_no_sense_are_errors_that_end_with_2(thresholds):
    with pytest.raises(CommandError, match="0 or more, and in this order") as raised:
        status("--warning", thresholds[0], "--critical", thresholds[1])

    assert raised.value.returncode == 2


def test_a_setting_that_is_wrong_ends_with_2_as_nothing_can_be_told(settings):
    settings.DUMPER_BACKENDS = {"edge": {"BACKEND": "no.Such"}}

    with pytest.raises(CommandError, match=r"no\.Such") as raised:
        status()

    assert raised.value.returncode == 2


def test_no_option_of_a_backend_is_shown():
    put("/news/", alias="edge", age=100)

    assert SECRET not in status()[1] + status("--json")[1]
