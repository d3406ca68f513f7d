"""Pipelining over a real socket, to nodes that behave and nodes that do not."""

import socket
import ssl
import subprocess
import time

import pytest

from dumper_purge.exceptions import Transient
from dumper_purge.transport import answers
from dumper_purge.transport.pipelined import Node, Request, pipeline
from tests.backends.scripted import PURGED, answering, hanging, refused_url, scripted, status


def requests(count):
    return [Request(method="PURGE", target=f"/{i}/", host="example.com") for i in range(count)]


def send(url, count=3, read_timeout=0.3):
    return pipeline(
        Node.parse(url), requests(count), connect_timeout=0.5, read_timeout=read_timeout
    )


def test_answers_come_in_the_order_of_the_requests():
    def script(talk, number):
        while head := talk.request():
            talk.send(status(200, head.split()[1].strip("/")))

    with scripted(script) as node:
        found = send(node.url, 2_000)

    assert [answer.reason for answer in found] == [str(i) for i in range(2_000)]
    assert node.connections == 1


def test_it_reads_while_it_writes():
    big = b"HTTP/1.1 200 Purged\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20_000

    with scripted(answering(big)) as node:
        assert len(send(node.url, 3_000, read_timeout=5)) == 3_000


def test_nothing_to_send_needs_no_connection():
    assert send(refused_url(), 0) == []


def test_a_node_that_refuses_is_transient():
    url = refused_url()

    with pytest.raises(Transient, match=url):
        send(url)


def test_a_node_that_hangs_is_transient_in_time():
    started = time.monotonic()

    with scripted(hanging) as node, pytest.raises(Transient, match="within 0.3 s.*0 of 3"):
        send(node.url)

    assert time.monotonic() - started < 1.5


def test_a_node_that_trickles_is_transient_in_time():
    def script(talk, number):
        talk.request()
        for byte in PURGED:
            talk.send(bytes([byte]))
            if talk.node.stopped.wait(0.05):
                return

    started = time.monotonic()

    with scripted(script) as node, pytest.raises(Transient, match="did not answer"):
        send(node.url)

    assert time.monotonic() - started < 1.5


@pytest.fixture
def streaming():
    """A node that sends interim answers faster than they can be read, for 4 s."""

    def script(talk, number):
        talk.request()
        until = time.monotonic() + 4
        while time.monotonic() < until:
            talk.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 40_000)

    with scripted(script) as node:
        yield node


def test_a_node_that_streams_interim_answers_is_transient(streaming):
    with pytest.raises(Transient, match="only interim answers.*0 of 3 answered"):
        send(streaming.url)


def test_a_node_that_never_stops_sending_is_transient_in_time(streaming, monkeypatch):
    monkeypatch.setattr(answers, "_MAX_INTERIM", 10**9)
    started = time.monotonic()

    with pytest.raises(Transient, match="did not answer"):
        send(streaming.url)

    assert time.monotonic() - started < 2.5


def test_a_node_that_does_not_read_is_transient_in_time():
    with (
        scripted(lambda talk, number: talk.hang()) as node,
        pytest.raises(Transient, match="did not answer"),
    ):
        send(node.url, 200_000)


def test_garbage_is_transient():
    with (
        scripted(answering(b"SSH-2.0-OpenSSH_9.2\r\n")) as node,
        pytest.raises(Transient, match="no HTTP head but b'SSH-2.0"),
    ):
        send(node.url)


def test_more_answers_than_requests_are_garbage():
    def script(talk, number):
        talk.request()
        talk.send(PURGED * 100_000)
        talk.hang()

    with scripted(script) as node, pytest.raises(Transient, match="more than was asked"):
        send(node.url, 100_000)


def test_a_node_that_closes_without_answering_is_transient():
    def script(talk, number):
        talk.request()

    with scripted(script) as node, pytest.raises(Transient, match="closed the connection"):
        send(node.url)


def test_a_node_that_closes_in_mid_answer_is_transient():
    def script(talk, number):
        talk.request()
        talk.send(PURGED[:20])

    with scripted(script) as node, pytest.raises(Transient, match="closed the connection"):
        send(node.url)


def test_what_a_closing_connection_left_unanswered_is_sent_on_the_next():
    def script(talk, number):
        for _ in range(4):
            if talk.request() is None:
                return
            talk.send(PURGED)

    with scripted(script) as node:
        assert len(send(node.url, 10)) == 10
    assert node.connections == 3


def test_connection_close_is_obeyed():
    closing = b"HTTP/1.1 200 Purged\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

    def script(talk, number):
        talk.request()
        talk.send(closing)
        talk.request()
        talk.hang()

    with scripted(script) as node:
        assert len(send(node.url, 3)) == 3
    assert node.connections == 3


def test_a_node_that_stops_answering_in_between_is_transient():
    def script(talk, number):
        if number == 0:
            talk.request()
            talk.send(PURGED)

    with scripted(script) as node, pytest.raises(Transient):
        send(node.url)


@pytest.mark.parametrize("bad", ["/a b/", "/a\r\nX: y", "/\x00", "/é/", "", "/a\n", "/\x7f"])
def test_no_target_can_end_its_line(bad):
    with pytest.raises(ValueError):
        Request(method="PURGE", target=bad, host="h").encode()


@pytest.mark.parametrize("bad", ["a b", "a\r\nX: y", "", "é", "a\x00"])
def test_no_host_can_end_its_line(bad):
    with pytest.raises(ValueError):
        Request(method="PURGE", target="/", host=bad).encode()


@pytest.mark.parametrize(
    "header",
    [("X", "a\r\nY: b"), ("X", "a\n"), ("X: y\r\nZ", "a"), ("X", "\x00"), ("", "a"), ("X", " a")],
)
def test_no_header_can_end_its_line(header):
    with pytest.raises(ValueError):
        Request(method="PURGE", target="/", host="h", headers=(header,)).encode()


@pytest.mark.parametrize("method", ["PUR GE", "P\r\n", ""])
def test_no_method_can_end_its_line(method):
    with pytest.raises(ValueError):
        Request(method=method, target="/", host="h").encode()


def test_a_request_goes_over_the_wire_as_written():
    request = Request(
        method="PURGE", target="/a/?b=1", host="h:81", headers=(("Dumper-Token", "t"), ("A", "b c"))
    )

    assert request.encode() == (
        b"PURGE /a/?b=1 HTTP/1.1\r\nHost: h:81\r\nDumper-Token: t\r\nA: b c\r\n\r\n"
    )


def test_the_headers_stay_out_of_the_repr():
    request = Request(method="PURGE", target="/", host="h", headers=(("Dumper-Token", "secret"),))

    assert "secret" not in repr(request)


@pytest.mark.parametrize(
    "location, text",
    [
        ("http://127.0.0.1:6081", "http://127.0.0.1:6081"),
        ("http://varnish", "http://varnish:80"),
        ("https://varnish/", "https://varnish:443"),
        ("http://[::1]:6081", "http://[::1]:6081"),
    ],
)
def test_a_location_is_read(location, text):
    assert str(Node.parse(location)) == text


@pytest.mark.parametrize(
    "location",
    [
        "varnish:6081", "127.0.0.1", "ftp://varnish", "http://", "http://varnish/path",
        "http://varnish?x", "http://user:password@varnish", "http://varnish:99999",
        "http://var nish", "http://[::1", "",
    ],
)  # fmt: skip
def test_a_wrong_location_is_refused(location):
    with pytest.raises(ValueError) as raised:
        Node.parse(location)

    assert "password" not in str(raised.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.needs("openssl")
def test_tls_is_spoken_and_the_certificate_checked(certificate, monkeypatch):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")

    def script(talk, number):
        talk.connection = server.wrap_socket(talk.connection, server_side=True)
        answering()(talk, number)

    with scripted(script) as node:
        url = node.url.replace("http:", "https:")
        with pytest.raises(Transient, match="certificate"):
            send(url)

        context = ssl.create_default_context(cafile=certificate / "cert.pem")
        monkeypatch.setattr("dumper_purge.transport.node._tls", lambda: context)
        assert len(send(url, 3_000, read_timeout=3)) == 3_000


def test_a_port_that_speaks_no_tls_is_transient():
    with scripted(answering(b"nonsense")) as node, pytest.raises(Transient, match="reached"):
        send(node.url.replace("http:", "https:"))


def test_an_address_that_swallows_packets_is_given_up_in_time():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        # Nobody accepts: a connection or two fill the backlog, the next get no answer.
        port = listener.getsockname()[1]
        filling = [socket.socket() for _ in range(4)]
        for connection in filling:
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", port))
        started = time.monotonic()
        with pytest.raises(Transient):
            send(f"http://127.0.0.1:{port}")
        for connection in filling:
            connection.close()

    assert time.monotonic() - started < 1.5
