"""``python3 demo``: its tables, its exit status, its pages, and how it leaves."""

import os
import re
import signal
import socket
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
import requests

from demo.machine import environment

# The command as it is, in the environment of the tests.
COMMAND = """
import sys
from pathlib import Path
from demo import __main__ as command
command.environment.make = lambda *arguments, **options: Path(sys.argv[1])
sys.exit(command.main(sys.argv[2:]))
"""

# A Python whose purges are lost.
BROKEN = """\
#!{python}
from django.core.management import execute_from_command_line
from dumper_purge.respond import fence
fence.record = lambda *arguments, **options: None
execute_from_command_line(["django", "story"])
"""


def start(*options, python=sys.executable, **more):
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(python), *options],
        cwd=environment.ROOT,
        env=environment.variables() | {"NO_PROXY": "*"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
        **more,
    )


def heed_ctrl_c():
    """What a shell starts in the background ignores it, and so does all that starts from there."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def told(*options, **more):
    """Run the command to its end; return its status and what it printed."""
    process = start(*options, **more)
    shown, _ = process.communicate(timeout=120)
    return process.returncode, shown


def marks(shown):
    """The second table: one word per act, one letter per page."""
    table = shown.partition("page, and ms after each act")[2].partition("R rendered")[0]
    rows = [re.findall(r" ([RPV-])(?= |$)", line) for line in table.splitlines()[1:] if line]
    return ["".join(column) for column in zip(*rows, strict=True)]


@pytest.fixture(scope="module")
def story():
    return told()


def test_every_page_of_the_story_is_fresh(story):
    status, shown = story
    assert status == 0, shown
    assert shown.endswith("Every one of 100 pages shown was fresh.\n")


def test_the_story_renders_the_pages_that_changed_and_no_other(story):
    # / feed lemon pistachio strawberry vanilla wild-strawberry cone cup tub
    assert marks(story[1]) == [
        "RRRRRR-RRR",  # the first visit
        "PPPPPP-PPP",  # the second visit
        "RRPPPR-RRR",  # vanilla costs more
        "RRPP-PRRRP",  # strawberry has another slug
        "RRRR-RPRPR",  # lemon comes in a tub
        "RRPR-PPPRR",  # pistachio costs less
        "RPRR-RRPPP",  # another notice
        "PPPP-PPPPP",  # a change that was rolled back
        "RRR--RRPRR",  # no more pistachio
        "PPP--PPPPP",  # 2 seconds later
    ]


def test_the_story_is_plain_text_where_it_is_not_on_a_terminal(story):
    assert "\033" not in story[1]


def test_a_story_whose_purges_are_lost_is_found_out(tmp_path):
    python = tmp_path / "python"
    python.write_text(BROKEN.format(python=sys.executable))
    python.chmod(0o755)
    status, shown = told(python=python)
    assert status == 1
    assert "pages shown were STALE" in shown
    assert "NO: " in shown


@pytest.mark.needs("varnishd")
def test_every_page_of_the_story_is_fresh_behind_varnish():
    status, shown = told("--varnish")
    assert status == 0, shown
    acts = marks(shown)
    assert acts[1] == "VVVVVV-VVV"
    assert [act.count("R") for act in acts] == [9, 0, 6, 5, 7, 5, 5, 0, 7, 0, 0]
    last = shown.rpartition("answered by")[2]
    assert re.search(r"^/sizes/cone/ +Varnish +[1-9]\d* s$", last, re.MULTILINE)


class Parlour:
    """The site as ``--serve`` leaves it running, and a person with a browser."""

    def __init__(self, *options):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = start("--serve", "--port", str(self.port), *options)
        self.session = requests.Session()
        self.session.trust_env = False
        self.greeting = [self.process.stdout.readline() for _ in range(3)]

    def get(self, path):
        return self.session.get(f"http://127.0.0.1:{self.port}{path}", timeout=30)

    def post(self, path, **values):
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', self.get("/edit/").text)[1]
        values["csrfmiddlewaretoken"] = token
        url = f"http://127.0.0.1:{self.port}{path}"
        return self.session.post(url, data=values, timeout=30)

    def leave(self, how=signal.SIGINT):
        os.killpg(self.process.pid, how)  # the whole group, as a terminal does
        rest, _ = self.process.communicate(timeout=30)
        return self.process.returncode, rest


@pytest.fixture
def parlour():
    opened = Parlour()
    yield opened
    if opened.process.poll() is None:
        opened.leave(signal.SIGTERM)


def flavour(name, **values):
    return {"name": name, "cents": 200, "description": "Good.", "sizes": [1]} | values


def prefixed(prefix, values):
    return {f"{prefix}-{name}": value for name, value in values.items()}


def test_serving_says_what_to_open(parlour):
    assert f"http://127.0.0.1:{parlour.port}/ " in parlour.greeting[0]
    assert f"http://127.0.0.1:{parlour.port}/edit/ " in parlour.greeting[1]
    assert parlour.get("/").status_code == 200


def test_a_page_tells_its_own_script_whether_it_was_a_hit(parlour):
    first, second = parlour.get("/sizes/cup/"), parlour.get("/sizes/cup/")
    assert first.headers["Server-Timing"] == 'cache;desc="miss"'
    assert second.headers["Server-Timing"] == 'cache;desc="page cache hit"'
    assert first.text == second.text
    assert re.search(r'data-rendered-at="\d+\.\d+"', first.text)


def test_a_flavour_renamed_in_the_form_is_renamed_on_its_pages(parlour):
    assert "Vanilla" in parlour.get("/").text
    assert parlour.get("/flavours/vanilla/").status_code == 200
    parlour.post("/edit/flavours/1/", **prefixed("flavour-1", flavour("Bourbon Vanilla")))
    assert "Bourbon Vanilla" in parlour.get("/").text
    assert parlour.get("/flavours/vanilla/").status_code == 404
    assert "Bourbon Vanilla" in parlour.get("/flavours/bourbon-vanilla/").text


def test_a_flavour_is_added_and_deleted_in_the_form(parlour):
    parlour.get("/")
    parlour.post("/edit/flavours/", **prefixed("flavour-new", flavour("Fig")))
    assert "Fig" in parlour.get("/").text
    parlour.post("/edit/flavours/5/delete/")
    assert "Fig" not in parlour.get("/").text


def test_the_notice_is_changed_in_the_form_wherever_it_stands(parlour):
    parlour.get("/flavours/lemon/")
    parlour.post("/edit/notice/", text="Back at <three>.")
    assert "Back at <three>." in unescape(parlour.get("/flavours/lemon/").text)


def test_a_name_that_is_taken_is_refused_with_a_word(parlour):
    taken = prefixed("flavour-1", flavour("Lemon"))
    answer = parlour.post("/edit/flavours/1/", **taken)
    assert answer.status_code == 422
    assert "Another flavour has this name" in answer.text


def test_the_counter_is_never_cached(parlour):
    parlour.get("/edit/")
    answer = parlour.get("/edit/")
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Server-Timing"] == 'cache;desc="miss"'


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_parlour_closes_without_a_trace(parlour, how):
    (folder,) = {Path(path) for path in re.findall(r"/\S*last-spoon-\w+", files_of(parlour))}
    status, rest = parlour.leave(how)
    assert "Traceback" not in rest
    assert status in {0, 130, 143}
    assert not folder.exists()


def files_of(parlour):
    """Where its database is: the environment of its Django process."""
    parlour.get("/")
    children = Path(f"/proc/{parlour.process.pid}/task/{parlour.process.pid}/children")
    child = children.read_text().split()[0]
    return Path(f"/proc/{child}/environ").read_text().replace("\0", "\n")


@pytest.mark.needs("varnishd")
def test_behind_varnish_a_page_tells_who_gave_it_and_a_change_is_seen_at_once():
    parlour = Parlour("--varnish")
    try:
        parlour.get("/flavours/lemon/")
        hit = parlour.get("/flavours/lemon/")
        assert hit.headers["Server-Timing"] == 'cache;desc="Varnish hit"'
        changed = prefixed("flavour-4", flavour("Lemon", description="Sweet by now."))
        parlour.post("/edit/flavours/4/", **changed)
        assert "Sweet by now." in parlour.get("/flavours/lemon/").text
    finally:
        parlour.leave()


def test_a_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, shown = told("--serve", "--port", str(port))
    assert status == 1
    assert f"Port {port} is not free" in shown


def test_ctrl_c_ends_the_story_without_a_traceback():
    process = start()
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    shown, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in shown
