"""The claims of vcl/, one .vtc file each, and proof that each protection's test can fail."""

import re

import pytest

from tests.vcl.cases import NAMES
from tests.vcl.mutants import MUTANTS, Mutant
from tests.vcl.runs import Runs

pytestmark = pytest.mark.needs("varnishtest")


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str, runs: Runs) -> None:
    result = runs.result(name)

    assert result.returncode == 0, result.stdout[-6000:]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.case}-{mutant.old[:30]}")
def test_case_notices_that_its_protection_is_gone(mutant: Mutant, runs: Runs) -> None:
    result = runs.result(mutant)

    assert result.returncode == 2, result.stdout[-3000:]
    assert "VCC-compiler failed" not in result.stdout
    # It was seen, and not only waited for in vain.
    assert re.search(r"(?m)^----.*(EXPECT|Not true)", result.stdout)
