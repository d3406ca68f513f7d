"""Every branch of the shipped VCL is entered by some case: all of them run with VCL_trace."""

from pathlib import Path

import pytest

from tests.varnish import VCL_FOLDER
from tests.vcl.cases import NAMES
from tests.vcl.coverage import Branch, branches, entered
from tests.vcl.runs import Runs

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


def entered_by(name: str, runs: Runs) -> set[Branch]:
    result = runs.result(name)
    if result.returncode:
        # As every case is tried again where it may have been late among others.
        result = runs.result(name)
    assert result.returncode == 0, result.stdout[-3000:]
    return entered(runs.trace(name).read_text(errors="replace"))


def test_every_branch_is_entered(
    workdir: Path, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "vcl 4.1;\nbackend default none;\n" + "".join(
        f'include "{name}";\n' for name in INCLUDES
    )
    shipped = {branch for branch in branches(text, workdir) if branch.file in SHIPPED}
    runs.start(*NAMES)

    seen = set().union(*(entered_by(name, runs) for name in NAMES)) & shipped

    with capsys.disabled():
        share = 100 * len(seen) / len(shipped)
        print(f"\nVCL: {len(seen)} of {len(shipped)} branches, {share:.1f} %")
    assert sorted(shipped - seen) == []
