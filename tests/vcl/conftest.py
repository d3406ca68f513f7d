"""The runs of varnishtest, which begin with the first test that asks for one."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vcl.runs import Runs


@pytest.fixture(scope="package")
def workdir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cases-") as folder:
        # Started by root, varnishd compiles as another user.
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="package")
def runs(request: pytest.FixtureRequest, workdir: Path) -> Iterator[Runs]:
    """Every run that the selected tests want is under way, or waits for its turn."""
    runs = Runs(workdir)
    for item in request.session.items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if "runs" in item.fixturenames:  # type: ignore[attr-defined]
            runs.start(*parameters.values())
    yield runs
    runs.close()
