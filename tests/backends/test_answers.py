"""HTTP answers, cut out of a stream."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dumper_purge.transport.answers import AnswerReader, Garbled

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def read(data, *, closed=False, sizes=None):
    reader = AnswerReader()
    answers = []
    position = 0
    for size in [*(sizes or []), len(data)]:
        reader.feed(data[position : position + size])
        position += size
        while answer := reader.take():
            answers.append(answer)
    if closed:
        reader.feed(b"")
        while answer := reader.take(closed=True):
            answers.append(answer)
    return answers


@pytest.mark.parametrize(
    "data, status, body",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
        (b"HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", 200, b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", 404, b""),
        (
            CHUNKED + b"2\r\nhi\r\n1;x=y\r\n!\r\n0\r\n\r\n",
            200,
            b"hi!",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\nTrailer: x\r\n\r\n",
            200,
            b"",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            200,
            b"x",
        ),
    ],
)
def test_an_answer_is_read(data, status, body):
    (answer,) = read(data)

    assert (answer.status, answer.body) == (status, body)


def test_a_body_without_a_length_ends_with_the_connection():
    data = b"HTTP/1.1 503 Busy\r\n\r\nwhatever"

    assert read(data) == []
    assert [(a.status, a.body) for a in read(data, closed=True)] == [(503, b"whatever")]


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\x01\x02\x03",
        b"PURGE / HTTP/1.1\r\nDumper-Token: secret\r\n\r\n",
        b"HTTP/1.1 999 Odd\r\n\r\n",
        b"HTTP/1.1 2000 Odd\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    ],
)
def test_garbage_is_told_from_an_answer(data):
    with pytest.raises(Garbled) as raised:
        read(data)

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "head, last",
    [
        (b"HTTP/1.1 200 OK\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: x, close\r\n", True),
        (b"HTTP/1.0 200 OK\r\n", True),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", False),
    ],
)
def test_the_last_answer_of_a_connection_is_known(head, last):
    reader = AnswerReader()
    reader.feed(head + b"Content-Length: 0\r\n\r\n")
    reader.take()

    assert reader.last is last


def test_a_header_is_found_whatever_its_case():
    (answer,) = read(b"HTTP/1.1 429 Slow\r\nRETRY-After:  7 \r\nContent-Length: 0\r\n\r\n")

    assert answer.header("Retry-After") == "7"
    assert answer.header("Retry") is None


@given(st.lists(st.integers(1, 40), max_size=60))
def test_it_does_not_matter_how_the_stream_was_cut(sizes):
    data = (
        b"HTTP/1.1 200 Purged\r\nContent-Length: 2\r\n\r\n{}"
        b"HTTP/1.1 100 Continue\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n"
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        b"HTTP/1.1 204 None\r\n\r\n"
    )

    answers = read(data, sizes=sizes)

    assert [(a.status, a.body) for a in answers] == [
        (200, b"{}"),
        (200, b"abc"),
        (404, b""),
        (204, b""),
    ]


INTERIM = b"HTTP/1.1 103 Early Hints\r\n\r\n"
FINAL = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def test_some_interim_answers_may_come_before_each_answer():
    assert len(read((INTERIM * 20 + FINAL) * 3)) == 3


def test_interim_answers_without_end_are_garbled():
    with pytest.raises(Garbled, match="interim"):
        read(INTERIM * 21 + FINAL)
