"""A plan on its way: beside each other, in halves, stopped, and never more done than was done."""

import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.machine import environment
from dumper_purge.backends.api import sending
from dumper_purge.backends.api.planning import Item
from dumper_purge.backends.api.sending import Sending, grouped
from dumper_purge.backends.outcome import Verdict
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import PurgeError, Rejected, Transient, Unfinished
from tests.apis.made import backend

TAGS = {"tag_field": "Tags", "able": ("purge_tags",), "hosts": ()}
FOLDERS = PurgeBatch(prefixes=frozenset({"/a/", "/b/"}))
THROTTLED = (Verdict.THROTTLED, Transient("slow down", retry_after=7))
REFUSED = (Verdict.REFUSED, Rejected("wrong token"))


def batch(count):
    return PurgeBatch(paths=frozenset(f"/{number}/" for number in range(count)))


def send(made, what):
    """Send, and return the error, or None."""
    try:
        made.send(what, "made")
    except Exception as error:
        return error
    return None


def bad(*names):
    """Return an answer: refused together with these items."""

    def script(name, items, number):
        if set(items) & set(names):
            return Verdict.BAD_ITEM, Rejected("bad item")
        return Verdict.DONE

    return script


def at_most(limit):
    """Return an answer: so many items in a call, and no more."""

    def script(name, items, number):
        return Verdict.DONE if len(items) <= limit else (Verdict.TOO_BIG, Rejected("too big"))

    return script


def names(count, **options):
    """Return the items of so many paths, in the order in which they are sent."""
    made = backend(**TAGS | options)
    made.send(batch(count), "made")
    return [name for _, name in made.purged]


# Calls


def test_a_call_holds_no_more_items_and_bytes_than_it_may():
    made = backend(**TAGS, sizes=(1, 3, 1, 1, 1))
    items = [Item("purge_tags", f"{number:04}") for number in range(7)]

    assert [len(group) for group in grouped(made, items)] == [3, 3, 1]


def test_operations_are_not_mixed():
    made = backend()
    items = [Item("purge_tags", "a"), Item("purge_hosts", "a.example"), Item("purge_tags", "b")]

    assert [len(group) for group in grouped(made, items)] == [1, 1, 1]


def test_calls_are_made_in_the_order_of_the_plan():
    made = backend(**TAGS, concurrency=1)

    made.send(batch(23), "made")

    sent = [name for _, name in made.purged]
    assert sent == sorted(sent)
    assert [len(items) for _, items in made.made] == [5, 5, 5, 5, 3]


# Beside each other


def test_as_many_calls_as_are_allowed_are_made_at_once():
    barrier = threading.Barrier(4, timeout=5)
    made = backend(
        **TAGS, concurrency=4, script=lambda *args: (barrier.wait(), Verdict.DONE)[1:][0]
    )

    made.send(batch(5 * 8), "made")

    assert len(made.made) == 8


def test_never_more_calls_than_are_allowed_are_made_at_once():
    lock, state = threading.Lock(), {"now": 0, "most": 0}

    def script(*args):
        with lock:
            state["now"] += 1
            state["most"] = max(state["most"], state["now"])
        time.sleep(0.002)
        with lock:
            state["now"] -= 1
        return Verdict.DONE

    backend(**TAGS, concurrency=3, script=script).send(batch(100), "made")

    assert state["most"] == 3


def test_no_thread_is_left_behind():
    before = threading.active_count()

    backend(**TAGS, concurrency=8).send(batch(100), "made")

    assert threading.active_count() == before


def test_one_call_takes_no_thread(monkeypatch):
    monkeypatch.setattr(threading.Thread, "start", lambda thread: pytest.fail("a thread"))

    backend(**TAGS, concurrency=8).send(batch(5), "made")


def test_all_is_sent_where_no_thread_can_be_started(monkeypatch):
    def start(thread):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", start)
    made = backend(**TAGS, concurrency=8)

    made.send(batch(100), "made")

    assert len(made.made) == 20


def test_a_real_interpreter_that_ends_sends_all_of_it():
    program = (
        "import atexit, django; from django.conf import settings; settings.configure();"
        "from tests.apis.made import backend; from dumper_purge.batch import PurgeBatch;"
        "made = backend(tag_field='Tags', able=('purge_tags',), hosts=());"
        "batch = PurgeBatch(paths=frozenset(f'/{n}/' for n in range(100)));"
        "atexit.register(lambda: (made.send(batch, 'made'), print(len(made.purged))))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=environment.ROOT, env=environment.variables(),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert (done.stdout.strip(), done.stderr) == ("100", "")


# Stops


@pytest.mark.parametrize("answer", [THROTTLED, REFUSED], ids=["throttled", "refused"])
def test_nothing_is_sent_after_what_concerns_all(answer):
    made = backend(**TAGS, concurrency=1, script=lambda *a: answer if a[2] == 2 else Verdict.DONE)

    error = send(made, batch(100))

    assert error is answer[1]
    assert len(made.made) == 3
    assert len(error.left.paths) == 90


def test_what_goes_on_beside_a_failure_is_counted_as_what_became_of_it():
    barrier = threading.Barrier(4, timeout=5)

    def script(name, items, number):
        barrier.wait()
        if number == 2:
            return THROTTLED
        time.sleep(0.1)
        return Verdict.DONE

    made = backend(**TAGS, concurrency=4, script=script)

    error = send(made, batch(100))

    assert len(made.made) == 4
    assert len(error.left.paths) == 100 - 3 * 5


def test_what_can_come_later_is_told_before_what_cannot():
    tags = names(100)

    def script(name, items, number):
        return bad(tags[0])(name, items, number) if tags[0] in items else THROTTLED

    error = send(backend(**TAGS, concurrency=2, script=script), batch(100))

    assert isinstance(error, Transient)
    assert len(error.left.paths) >= 91


# Bugs


@pytest.mark.parametrize("bug", [KeyError("bug"), SystemExit(1), MemoryError()], ids=repr)
@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_bug_is_raised_and_nothing_passes_for_done(bug, concurrency):
    def script(name, items, number):
        if number == 3:
            raise bug
        return Verdict.DONE

    made = backend(**TAGS, concurrency=concurrency, script=script)

    with pytest.raises(type(bug)) as caught:
        made.send(batch(100), "made")

    assert caught.value is bug
    assert getattr(bug, "left", None) is None


def test_a_bug_comes_before_a_failure_that_would_hide_it():
    barrier = threading.Barrier(2, timeout=5)

    def script(name, items, number):
        barrier.wait()
        if number == 0:
            return THROTTLED
        time.sleep(0.05)
        raise KeyError("bug")

    made = backend(**TAGS, concurrency=2, script=script)

    assert isinstance(send(made, batch(10)), KeyError)


def test_what_a_dying_thread_held_is_not_done():
    def script(name, items, number):
        raise SystemExit

    made = backend(**TAGS, script=script)
    run = Sending(made, [[Item("purge_tags", "a")], [Item("purge_tags", "b")]])

    with pytest.raises(SystemExit):
        run.run()

    assert [item.name for item in run.unsent] == ["a", "b"]


def test_a_verdict_without_an_error_is_tried_again():
    assert isinstance(
        send(backend(**TAGS, script=lambda *a: Verdict.TRANSIENT), batch(3)), Transient
    )
    assert isinstance(send(backend(**TAGS, script=lambda *a: Verdict.TOO_BIG), batch(1)), Rejected)


# Halves


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_too_big_calls_are_halved_however_many_there_are(limit):
    """A vendor that takes 30 where its documentation says 100 must not lose 10,000 URLs."""
    made = backend(**TAGS, sizes=(1, 100, 1, 1, 1), script=at_most(limit))

    made.send(batch(3_000), "made")

    done = [item for _, items in made.made if len(items) <= limit for item in items]
    assert len(done) == len(set(done)) == 3_000


def test_a_vendor_to_which_every_call_is_too_big_is_not_asked_for_ever():
    made = backend(**TAGS, sizes=(1, 100, 1, 1, 1), script=at_most(0))

    error = send(made, batch(10_000))

    assert isinstance(error, Rejected)
    assert len(error.left.paths) == 10_000
    assert len(made.made) < 400


def test_one_bad_item_is_found_and_the_others_are_sent():
    tags = names(100, sizes=(1, 100, 1, 1, 1))
    made = backend(**TAGS, sizes=(1, 100, 1, 1, 1), script=bad(tags[42]))

    error = send(made, batch(100))

    assert isinstance(error, Rejected)
    assert len(error.left.paths) == 1
    assert len(made.made) <= 2 * 7 + 1


def test_where_every_item_is_bad_each_need_not_be_found():
    tags = names(10_000)
    made = backend(**TAGS, sizes=(1, 100, 1, 1, 1), script=bad(*tags))

    error = send(made, batch(10_000))

    assert len(error.left.paths) == 10_000
    assert len(made.made) <= 100 + 2 * 64


# As much as the rate allows


def rounds(made, what, most=1_000):
    """Send what is left, until nothing is; return what was refused."""
    refused = PurgeBatch()
    for _ in range(most):
        before = len(made.made)
        error = send(made, what)
        if not isinstance(error, Unfinished):
            return refused | (error.left if isinstance(error, PurgeError) else PurgeBatch())
        assert error.wait > 0
        assert error.left
        assert len(made.made) > before
        refused |= error.refused.left if error.refused else PurgeBatch()
        what = error.left
    raise AssertionError("it never ends")


def test_what_is_refused_does_not_take_what_comes_later_with_it():
    tags = names(100)
    made = backend(**TAGS, rate=10.0, burst=4, script=bad(tags[3]))

    error = send(made, batch(100))

    assert isinstance(error, Unfinished)
    assert len(error.left.paths) == 100 - 4 * 5
    assert len(error.refused.left.paths) == 1
    assert error.refused.left - error.left == error.refused.left


def test_a_refusal_of_all_takes_what_comes_later_with_it():
    made = backend(**TAGS, rate=10.0, burst=4, script=lambda *args: REFUSED)

    error = send(made, batch(100))

    assert isinstance(error, Rejected)
    assert len(error.left.paths) == 100


@pytest.mark.parametrize("burst", [1, 2, 3, 7])
@pytest.mark.parametrize(
    "what, options",
    [
        (batch(20), {"able": ("purge_urls",), "schemes": ("http", "https")}),
        (PurgeBatch(everything=True), {"able": ("purge_urls", "purge_hosts")}),
        (
            PurgeBatch(prefixes=frozenset({"/a/", "/b/"})),
            {"able": ("purge_urls", "purge_prefixes")},
        ),
        (batch(60), TAGS),
    ],
    ids=["URLs", "hosts", "prefixes", "tags"],
)
def test_it_ends_however_little_the_rate_allows(what, options, burst):
    """What takes more calls than may go at once would otherwise never be done as a whole."""
    hosts = {"hosts": ("a.example", "b.example", "c.example")}
    made = backend(**hosts | options, rate=10.0, burst=burst)
    whole = backend(**hosts | options)
    whole.send(what, "made")

    assert not rounds(made, what)

    assert set(made.purged) == set(whole.purged)
    assert len(made.purged) <= 3 * len(whole.purged)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 6),
    st.integers(1, 8),
    st.sets(st.integers(0, 59), max_size=6),
    st.integers(1, 5),
)
def test_each_item_is_done_once_or_refused_whatever_is_bad(count, burst, size, wrong, limit):
    """Bad items, calls that are too big, and a rate, all at once."""
    tags = names(count)
    poor = {tags[number] for number in wrong if number < count}
    small, harmful = at_most(limit), bad(*poor)

    def script(name, items, number):
        answer = small(name, items, number)
        return harmful(name, items, number) if answer is Verdict.DONE else answer

    sizes = (1, size, 1, 1, 1)
    made = backend(**TAGS, sizes=sizes, rate=10.0, burst=burst, script=script)

    refused = rounds(made, batch(count))

    done = [
        item
        for name, items in made.made
        if script(name, items, 0) is Verdict.DONE
        for item in items
    ]
    assert len(done) == len(set(done))
    assert set(done) == set(tags) - poor
    assert len(refused.paths) == len(poor)


def test_a_cost_is_the_number_of_calls_that_are_made():
    for burst in (1, 4, 100):
        made = backend(**TAGS, rate=10.0, burst=burst)
        send(made, batch(60))
        assert made.cost(batch(60)) == len(made.made)
    assert backend(**TAGS).cost(batch(60)) == 0


def test_a_thread_that_cannot_start_is_told_from_one_that_can(monkeypatch):
    assert sending._start(threading.Thread(target=lambda: None))
