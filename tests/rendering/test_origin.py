"""Where Django listens."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from dumper_purge.rendering.choices import Choices
from dumper_purge.rendering.origin import origin


def test_django_listens_where_gunicorn_does_by_default():
    assert origin(Choices()).body == (
        'backend default {\n    .host = "127.0.0.1";\n    .port = "8000";\n}'
    )


@pytest.mark.parametrize(
    "value, lines",
    [
        ("app-1.internal:8080", ['.host = "app-1.internal";', '.port = "8080";']),
        ("[2001:db8::1]:80", ['.host = "2001:db8::1";', '.port = "80";']),
        ("unix:/run/gunicorn.sock", ['.path = "/run/gunicorn.sock";']),
    ],
)
def test_a_backend_is_a_port_or_a_socket(value, lines):
    body = origin(Choices(backends=(value,))).body

    assert [line.strip() for line in body.splitlines()[1:-1]] == lines


@pytest.mark.parametrize(
    "value", ["", "8000", "localhost", "unix:gunicorn.sock", 'unix:/a"; } sub x', "a:1\n", "a b:1"]
)
def test_what_is_neither_is_an_error_with_its_remedy(value):
    with pytest.raises(ImproperlyConfigured) as caught:
        origin(Choices(backends=(value,)))

    assert f"--backend = {value!r} must be host:port" in str(caught.value)


def test_several_backends_take_turns():
    body = origin(Choices(backends=("a:1", "b:2"))).body

    assert "backend default {" in body
    assert "backend django_2 {" in body
    assert "    django.add_backend(default);\n    django.add_backend(django_2);\n" in body
    assert "set req.backend_hint = django.backend();" in body


def test_a_probe_asks_for_a_host_that_django_knows(site):
    site.ALLOWED_HOSTS = [".example.com", "www.example.com"]

    body = origin(Choices(probe="/health/")).body

    assert '"GET /health/ HTTP/1.1"\n        "Host: www.example.com"\n' in body
    assert "X-Forwarded-Proto" not in body
    assert ".probe = django_answers;" in body


def test_a_probe_is_not_redirected_to_https(site):
    site.SECURE_SSL_REDIRECT = True

    assert '"X-Forwarded-Proto: https"' in origin(Choices(probe="/health/")).body


@pytest.mark.parametrize("path", ["", "health", "/a b", "//a/", '/"', "/" + "a" * 500])
def test_a_probe_that_is_no_path_is_an_error(path):
    with pytest.raises(ImproperlyConfigured, match="--probe = .* must be a path such as /health/"):
        origin(Choices(probe=path))
