"""The claims of vcl/, one .vtc file each, and proof that each protection's test can fail."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.varnish import VCL_FOLDER

CASES = Path(__file__).parent
VARNISHTEST = os.environ.get("VARNISHTEST", "varnishtest").split()
JOBS = int(os.environ.get("VARNISHTEST_JOBS", "3"))
NAMES = sorted(path.stem for path in CASES.glob("*.vtc"))


class Mutant(NamedTuple):
    """A protection taken out of the VCL, and the case that must notice."""

    case: str
    old: str
    new: str = ""
    file: str = "dumper.vcl"


MUTANTS = [
    Mutant("purge_is_refused", 'req.http.Dumper-Token != req.http.Dumper-Token-Wanted', "false"),
    Mutant("empty_token", "unset req.http.Dumper-Token-Previous;"),
    Mutant("purge_is_refused", "call dumper_authorise;", file="dumper_xkey.vcl"),
    Mutant("empty_token", '|| req.http.Dumper-Token == ""'),
    Mutant("acl_narrows", "client.ip !~ dumper_purgers", "client.ip ~ dumper_purgers"),
    Mutant("unkeyed_headers_are_removed", "unset req.http.Dumper-Token;\n    call", "call"),
    Mutant("unkeyed_headers_are_removed", "unset req.http.X-Forwarded-Host;"),
    Mutant("unkeyed_headers_are_removed", "if (req.restarts == 0) {\n        unset", "if (false) {\n        unset"),
    Mutant("scheme_of_strangers", "remote.ip ~ dumper_terminators", "remote.ip !~ dumper_terminators"),
    Mutant("scheme_is_a_variant", 'set beresp.http.Vary = "X-Forwarded-Proto"', 'unset beresp.http.Vary'),
    Mutant("targets", ' || req.url ~ "^//"'),
    Mutant("host_is_normalised", "std.tolower(req.http.Host)", "req.http.Host"),
    Mutant("uncanonical_paths_are_not_stored", '        || req.url ~ "^[^?]*/\\.\\.?(?:[/?]|$)"'),
    Mutant("uncanonical_paths_are_not_stored", "[89A-F][0-9A-F]", "[89A-Fa-f][0-9A-Fa-f]"),
    Mutant("session_cookie_bypasses", 'std.collect(req.http.Cookie, ";");'),
    Mutant("session_cookie_bypasses", "call dumper_private_cookies;", "if (false) { call dumper_private_cookies; }"),
    Mutant("authorization_bypasses", "req.http.Authorization || "),
    Mutant("body_with_get_bypasses", 'req.http.Content-Length != "0"', "false"),
    Mutant("repeated_parameters_bypass", "{\n            return (pass);\n        }", "{}"),
    Mutant("explicit_freshness_only", "set beresp.ttl = 0s;"),
    Mutant("private_things_are_not_stored", "|| beresp.http.Set-Cookie"),
    Mutant("private_things_are_not_stored", '|| beresp.http.CDN-Cache-Control ~ "(?i)\\b(?:private|no-store|no-cache)\\b"'),
    Mutant("vary_on_visitors", "|user-agent"),
    Mutant("lifetime_twice", "std.collect(beresp.http.Surrogate-Control);"),
    Mutant("statuses", "beresp.status != 410", "beresp.status != 410 && beresp.status != 500"),
    Mutant("age_counts", " - beresp.age"),
    Mutant("lifetime_twice", '&& beresp.http.Dumper-Field !~ "(?i)\\bmax-age\\b.*,\\s*max-age\\b"'),
    Mutant("delivered_headers", "unset resp.http.Surrogate-Control;"),
    Mutant("delivered_headers", "unset resp.http.xkey;"),
    Mutant("waiting_purge", "set req.hash_always_miss = false;"),
    Mutant("waiting_purge", "set req.hash_ignore_busy = false;"),
    Mutant("waiting_purge_variants", "set req.hash_ignore_vary = true;"),
    Mutant("ban_cannot_be_broken_out_of", ' || req.http.Dumper-Ban-Path ~ {"^$|[\\s"]"}'),
    Mutant("ban_cannot_be_broken_out_of", ' && req.http.Dumper-Ban-Host ~ {"^$|[\\s"\\\\]"}', " && false"),
    Mutant("xkey_is_an_include", "call dumper_refuse_what_is_not_included;", "if (false) { call dumper_refuse_what_is_not_included; }"),
    Mutant("xkey_purges_by_tag", 'std.collect(req.http.xkey-purge, " ");', file="dumper_xkey.vcl"),
    Mutant("stale_if_error", "return (error(beresp.status, beresp.reason));"),
    Mutant("no_stale_without_leave", "set beresp.grace = 0s;\n    set", "set beresp.grace = 60s;\n    set"),
]


def run_case(name: str, vcl_folder: Path = VCL_FOLDER) -> subprocess.CompletedProcess[str]:
    command = [*VARNISHTEST, "-t", "20", "-D", f"vcl_path={vcl_folder}:{CASES}"]
    return subprocess.run(
        [*command, str(CASES / f"{name}.vtc")], capture_output=True, text=True, check=False
    )


def run_mutant(mutant: Mutant) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        # Started by root, varnishd compiles as another user.
        Path(folder).chmod(0o755)
        write_mutant(mutant, Path(folder))
        return run_case(mutant.case, Path(folder))


def write_mutant(mutant: Mutant, folder: Path) -> None:
    for file in VCL_FOLDER.glob("*.vcl"):
        text = file.read_text()
        if file.name == mutant.file:
            assert mutant.old in text, f"{mutant.file} has no {mutant.old!r} any more"
            text = text.replace(mutant.old, mutant.new, 1)
        (folder / file.name).write_text(text)


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(JOBS) as pool:
        yield pool


Runs = dict[object, "Future[subprocess.CompletedProcess[str]]"]


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, pool: ThreadPoolExecutor) -> Runs:
    """Every run that the selected tests want, a few at a time."""
    started: Runs = {}
    for item in request.session.items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if item.module is not request.module:  # type: ignore[attr-defined]
            continue
        if name := parameters.get("name"):
            started[name] = pool.submit(run_case, name)
        elif mutant := parameters.get("mutant"):
            started[mutant] = pool.submit(run_mutant, mutant)
    return started


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str, runs: Runs) -> None:
    result = runs[name].result()

    assert result.returncode == 0, result.stdout[-6000:]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.case}-{mutant.old[:30]}")
def test_case_notices_that_its_protection_is_gone(mutant: Mutant, runs: Runs) -> None:
    result = runs[mutant].result()

    assert result.returncode == 2, result.stdout[-3000:]
    assert "VCC-compiler failed" not in result.stdout
