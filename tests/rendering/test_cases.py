"""What is rendered passes the cases of what is shipped."""

import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dumper_purge.rendering.choices import Choices
from dumper_purge.rendering.sections import sections
from dumper_purge.rendering.varnish import varnish
from tests.rendering.site import varnishes
from tests.varnish import VCL_FOLDER
from tests.vcl.cases import CASES, JOBS, run_case

pytestmark = [pytest.mark.needs("varnishtest"), pytest.mark.stress]

TEXTS = {path.stem: path.read_text() for path in sorted(CASES.glob("*.vtc"))}
# The others define what is the site's themselves.
OURS = [name for name, text in TEXTS.items() if 'include "site.vcl"' in text]
MENTIONED = re.compile(r'[?&]([^=&"\s#%]+)')


@pytest.fixture
def site_vcl(site):
    """Render a ``site.vcl`` from settings like those that the shipped one stands for."""
    site.ALLOWED_HOSTS = ["*"]
    site.DUMPER_BACKENDS = varnishes(token="secret")
    texts = "".join(TEXTS[name] for name in OURS)
    site.DUMPER_QUERY_PARAMETERS = sorted(set(MENTIONED.findall(texts)))
    choices = Choices(previous_token="older", purgers=("127.0.0.1",), terminators=("127.0.0.1",))
    # varnishtest writes the backend itself.
    _, *parts = sections(choices, varnish(None))
    return "\n\n".join(["import std;", *(part.text for part in parts)])


@pytest.fixture
def folder(site_vcl):
    """A folder with it and the shipped files."""
    with tempfile.TemporaryDirectory(prefix="rendered-") as name:
        folder = Path(name)
        # Started by root, varnishd compiles as another user.
        folder.chmod(0o755)
        for path in VCL_FOLDER.glob("*.vcl"):
            (folder / path.name).write_text(path.read_text())
        (folder / "site.vcl").write_text(site_vcl)
        yield folder


def test_every_case_passes(folder):
    with ThreadPoolExecutor(JOBS) as pool:
        results = dict(zip(OURS, pool.map(lambda name: run_case(name, folder), OURS), strict=True))

    failed = {name: done.stdout for name, done in results.items() if done.returncode}
    print(*(text[-3000:] for text in failed.values()))
    assert sorted(failed) == []
    assert len(OURS) > 50
