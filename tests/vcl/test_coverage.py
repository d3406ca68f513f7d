"""Every branch of the shipped VCL is entered by some case: a run of its own, with VCL_trace."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.varnish import VCL_FOLDER, version
from tests.vcl.coverage import TRACE, Branch, branches, entered
from tests.vcl.test_varnishtest import CASES, JOBS, NAMES, run_case

pytestmark = [pytest.mark.needs("varnishtest"), pytest.mark.stress]

INCLUDES = [
    "languages.vcl",
    "dumper_escapes.vcl",
    "dumper_languages.vcl",
    "dumper_websockets.vcl",
    "dumper_xkey.vcl",
    "dumper_unsafe.vcl",
    "dumper_variants.vcl",
    "dumper.vcl",
]

SHIPPED = {path.name for path in VCL_FOLDER.glob("dumper*.vcl")}


@pytest.fixture
def workdir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="coverage-") as folder:
        # Started by root, varnishd compiles as another user.
        Path(folder).chmod(0o755)
        yield Path(folder)


def run_traced(name: str, workdir: Path) -> set[Branch]:
    case = workdir / f"{name}.vtc"
    case.write_text((CASES / f"{name}.vtc").read_text() + TRACE)
    trace = workdir / f"{name}.trace"
    arguments = ["-p", "vsl_mask=+VCL_trace", "-D", f"trace={trace}"]
    if version() >= (7, 4):
        arguments += ["-p", "feature=+trace"]
    result = run_case(name, arguments=arguments, folder=workdir)
    if result.returncode:
        # As every case is tried again where it may have been late among others.
        result = run_case(name, arguments=arguments, folder=workdir)
    assert result.returncode == 0, result.stdout[-3000:]
    return entered(trace.read_text(errors="replace"))


def test_every_branch_is_entered(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "vcl 4.1;\nbackend default none;\n" + "".join(
        f'include "{name}";\n' for name in INCLUDES
    )
    shipped = {branch for branch in branches(text, workdir) if branch.file in SHIPPED}

    with ThreadPoolExecutor(JOBS) as pool:
        seen = set().union(*pool.map(lambda name: run_traced(name, workdir), NAMES)) & shipped

    with capsys.disabled():
        share = 100 * len(seen) / len(shipped)
        print(f"\nVCL: {len(seen)} of {len(shipped)} branches, {share:.1f} %")
    assert sorted(shipped - seen) == []
