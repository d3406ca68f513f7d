"""One call of an API over a real socket, whatever answers there."""

import http.server
import os
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest

from dumper_purge.exceptions import Transient
from dumper_purge.transport import pooled
from dumper_purge.transport.pooled import Call, Token, exchange
from tests.apis.server import CUT, HANG, RESET, Answer, serving
from tests.backends.scripted import refused_url, scripted

SECRET = "a-secret-that-nobody-may-see"
PARAMETER = "a-parameter-of-the-url"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
PATIENCE = 0.3
MARGIN = 0.5
# Machines may be busy.
pytestmark = pytest.mark.flaky(reruns=1)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    """Let each test have connections of its own, and no proxy of the machine's."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    pooled._session.cache_clear()


def call(url, **changes):
    options = {"connect_timeout": PATIENCE, "read_timeout": PATIENCE, **changes}
    made = options.pop("call", Call(path="/purge", params={"url": PARAMETER}, json={"a": 1}))
    auth = options.pop("auth", Token("Api-Key", SECRET))
    return exchange(made, url, auth=auth, **options)


def failure(url, **changes):
    """Return what the error says; fail if it, or what it came of, shows what it must not."""
    with pytest.raises(Transient) as caught:
        call(url, **changes)
    said = str(caught.value)
    assert PARAMETER not in said
    assert SECRET not in said + repr(caught.value) + repr(caught.value.__cause__)
    return said


# What is sent


def test_a_call_is_sent_as_it_was_built():
    with serving(Answer(200, {"done": True}, {"X-Id": "7"})) as vendor:
        reply = call(vendor.url + "/")

    (request,) = vendor.received
    assert (request.method, request.target) == ("POST", f"/purge?url={PARAMETER}")
    assert request.json == {"a": 1}
    assert request.headers["api-key"] == SECRET
    assert request.headers["user-agent"] == "django-dumper-purge"
    assert (reply.status, reply.json, reply.headers["x-id"]) == (200, {"done": True}, "7")


def test_the_netrc_of_the_user_is_not_looked_at(monkeypatch, tmp_path):
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password of-mine\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))

    with serving(Answer(200, "{}")) as vendor:
        call(vendor.url, auth=None)

    assert "authorization" not in vendor.received[0].headers


def test_cookies_are_not_kept():
    with serving(Answer(200, "{}", {"Set-Cookie": "session=of-somebody; Path=/"})) as vendor:
        call(vendor.url)
        call(vendor.url)

    assert "cookie" not in vendor.received[1].headers


def test_a_connection_is_used_again():
    with scripted(answering_twice) as node:
        call(node.url)
        call(node.url)

    assert node.connections == 1


def answering_twice(talk, number):
    while read_request(talk):
        talk.send(OK)


def read_request(talk):
    """Read a whole request, its body too, which is ``{"a": 1}``."""
    head = talk.request()
    while head and len(talk._data) < 8:
        talk._data += talk.connection.recv(100)
    talk._data = b""
    return head


# Redirects


@pytest.mark.parametrize(
    "location", ["/other", "http://[bad", "http://{elsewhere}/x", "", "ftp://a/b"]
)
def test_a_redirect_is_an_answer_and_leads_nowhere(location):
    with serving(Answer(200, "{}")) as elsewhere:
        where = location.replace("{elsewhere}", elsewhere.url.removeprefix("http://"))
        with serving(Answer(302, "moved", {"Location": where})) as vendor:
            reply = call(vendor.url)

    assert (reply.status, reply.text) == (302, "moved")
    assert len(vendor.received) == 1
    assert elsewhere.received == []


# Answers that do not come, or do not end


def within(seconds):
    """Return a function that fails after so many seconds from now."""
    started = time.monotonic()

    def check():
        assert time.monotonic() - started < seconds

    return check


def test_nobody_answers_a_connection():
    """Its backlog is full, so that the kernel answers no further one."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        check = within(PATIENCE + MARGIN)
        said = failure(f"http://127.0.0.1:{address[1]}", read_timeout=30.0)
        check()
        for each in waiting:
            each.close()

    assert said == "did not answer within 0.3 s"


def test_no_answer_is_waited_for_once():
    check = within(PATIENCE + MARGIN)
    with serving(HANG) as vendor:
        said = failure(vendor.url)
        check()

    assert said == "did not answer within 0.3 s"
    assert len(vendor.received) == 1


def in_drops(beginning, drop):
    def script(talk, number):
        talk.request()
        talk.send(beginning)
        while not talk.node.stopped.wait(0.02):
            talk.send(drop)

    return script


def hanging_after(beginning):
    def script(talk, number):
        talk.request()
        talk.send(beginning)
        talk.hang()

    return script


SLOW = {
    "a body that hangs": hanging_after(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
    "headers that hang": hanging_after(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "a status in drops": in_drops(b"HTTP/1.1 200 ", b"O"),
    "headers in drops": in_drops(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "one header in drops": in_drops(b"HTTP/1.1 200 OK\r\nA: ", b"b"),
    "a body in drops": in_drops(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"x"),
    "chunks in drops": in_drops(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"
    ),
    "interim answers": in_drops(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW)
def test_an_answer_is_whole_in_time_or_none(script):
    with scripted(script) as node:
        check = within(PATIENCE + MARGIN)
        said = failure(node.url)
        check()

    assert said == "did not answer within 0.3 s"
    assert node.connections == 1


def test_interim_answers_without_a_pause_end_as_well():
    def script(talk, number):
        talk.request()
        while True:
            talk.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000)

    with scripted(script) as node:
        check = within(PATIENCE + MARGIN)
        assert failure(node.url) == "did not answer within 0.3 s"
        check()


def test_what_begins_late_has_only_the_rest_of_the_time():
    def script(talk, number):
        talk.request()
        talk.node.stopped.wait(1.2)
        talk.send(b"HTTP/1.1 200 OK\r\n")
        talk.hang()

    with scripted(script) as node:
        check = within(1.5 + MARGIN)
        assert failure(node.url, read_timeout=1.5) == "did not answer within 1.5 s"
        check()


def test_an_answer_in_drops_that_ends_in_time_is_taken():
    def script(talk, number):
        talk.request()
        for letter in OK.decode():
            talk.send(letter.encode())
            time.sleep(0.001)

    with scripted(script) as node:
        assert call(node.url, read_timeout=5.0).text == "{}"


def test_an_answer_leaves_the_connection_as_much_time_as_before():
    def script(talk, number):
        while read_request(talk):
            time.sleep(0.2)
            talk.send(OK)

    with scripted(script) as node:
        for _ in range(3):
            assert call(node.url).status == 200

    assert node.connections == 1


def test_an_endless_body_is_cut():
    def script(talk, number):
        talk.request()
        talk.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            talk.send(b"x" * 65_536)

    with scripted(script) as node:
        reply = call(node.url, read_timeout=5.0)

    assert reply.text == "x" * 262_144


def test_an_endless_redirect_is_cut():
    def script(talk, number):
        talk.request()
        talk.send(b"HTTP/1.1 302 Found\r\nLocation: /\r\nConnection: close\r\n\r\n")
        while True:
            talk.send(b"x" * 65_536)

    with scripted(script) as node:
        assert len(call(node.url, read_timeout=5.0).text) == 262_144


# Connections that break


def test_a_pooled_connection_that_was_closed_is_made_anew_with_the_same_call():
    """What identifies a call to an API is decided when it is built; it is signed each time."""
    made = []

    def sign(request):
        made.append(request)
        request.headers["Api-Key"] = SECRET
        return request

    one = Call(path="/purge", json={"id": "of-this-purge"})
    with serving(lambda request, number: RESET if number == 1 else Answer(200, "{}")) as vendor:
        call(vendor.url, call=one)
        reply = call(vendor.url, call=one, auth=sign)

    assert reply.status == 200
    before, after = vendor.received[1:]
    assert before == after
    assert len(made) == 2


def test_a_path_that_would_be_resolved_to_another_call_is_not_called():
    with serving(Answer(200, "{}")) as vendor:
        with pytest.raises(ValueError, match="another call"):
            call(vendor.url, call=Call(path="/purge/a.example/../../service/S/purge_all"))

    assert vendor.received == []


@pytest.mark.parametrize("fault", [RESET, CUT], ids=["reset", "cut"])
def test_a_connection_that_breaks_twice_is_given_up(fault):
    with serving(fault) as vendor:
        said = failure(vendor.url)

    assert said.startswith("cannot be reached: ")
    assert len(vendor.received) == 2


def test_nobody_listens():
    assert failure(refused_url()) == "cannot be reached: Connection refused"


def test_a_name_that_does_not_exist():
    said = failure("http://nowhere.invalid")

    assert said.startswith("cannot be reached: ")
    assert "nowhere.invalid" not in said


GARBAGE = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "nothing": b"",
    "zeros": b"\0" * 9_000,
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n{}",
    "no gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "no chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
    "very long": b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_no_answer(garbage):
    def script(talk, number):
        talk.request()
        talk.send(garbage)

    with scripted(script) as node:
        said = failure(node.url)

    assert said.startswith("cannot be reached: ")


def test_what_is_no_json_says_nothing():
    for text in ("<html>", "[1]", "null", '"x"', "[" * 100_000, "", "NaN"):
        with serving(Answer(200, text)) as vendor:
            assert call(vendor.url).json == {}


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Make a certificate for 127.0.0.1 that nobody has signed."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", path, "-out", path], check=True, capture_output=True)
    return path


@contextmanager
def secure(certificate):
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(self.headers["Api-Key"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            pass

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}", received
    finally:
        server.shutdown()
        server.server_close()


def test_a_certificate_that_nobody_signed_gets_no_secret(certificate):
    with secure(certificate) as (url, received):
        said = failure(url, read_timeout=5.0)

    assert "CERTIFICATE_VERIFY_FAILED" in said
    assert received == []


def test_the_authorities_of_the_environment_are_trusted(certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

    with secure(certificate) as (url, received):
        assert call(url, read_timeout=5.0).status == 200

    assert received == [SECRET]


# Proxies


def test_a_proxy_of_the_environment_is_used(monkeypatch):
    with serving(Answer(200, "{}")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        call("http://api.invalid")

    assert proxy.received[0].target == f"http://api.invalid/purge?url={PARAMETER}"


def test_a_proxy_may_be_avoided(monkeypatch):
    with serving(Answer(200, "{}")) as proxy, serving(Answer(200, "{}")) as vendor:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        call(vendor.url)

    assert proxy.received == []
    assert len(vendor.received) == 1


def test_a_proxy_has_to_be_in_time(monkeypatch):
    with scripted(SLOW["headers in drops"]) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        check = within(PATIENCE + MARGIN)
        failure("http://api.invalid")
        check()


def test_the_password_of_a_proxy_is_not_shown(monkeypatch):
    refused = refused_url().removeprefix("http://")
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://me:{SECRET}@{refused}")

    assert failure("http://api.invalid") == "cannot be reached: Connection refused"
    assert failure("https://api.invalid") == "cannot be reached: Connection refused"


# Processes


def test_a_child_opens_a_connection_of_its_own():
    with scripted(answering_twice) as node:
        call(node.url)
        child = os.fork()
        if not child:
            status = 1
            try:
                status = 0 if call(node.url).status == 200 else 2
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        call(node.url)

    assert os.waitstatus_to_exitcode(status) == 0
    assert node.connections == 2


# Errors before anything is sent


def test_a_signature_that_fails_is_tried_again_and_shows_nothing():
    def sign(request):
        raise ValueError(f"the key {SECRET} is expired")

    with serving(Answer(200, "{}")) as vendor, pytest.raises(Transient) as caught:
        call(vendor.url, auth=sign)

    assert str(caught.value) == "cannot be called: ValueError"
    assert vendor.received == []
