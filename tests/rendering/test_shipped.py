"""The shipped files are found wherever the package lies."""

import pytest

from dumper_purge.rendering import shipped
from tests.rendering.site import PARTS
from tests.varnish import VCL_FOLDER


@pytest.mark.parametrize("folder", ["site/dumper_purge/vcl", "site/vcl"])
def test_they_lie_inside_the_installed_package_or_beside_it_in_a_checkout(
    monkeypatch, tmp_path, folder
):
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "a.vcl").write_text("vcl 4.1;\n\nimport std;\n")
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path / "site" / "dumper_purge")

    assert shipped.shipped_files(["a.vcl"]) == {"a.vcl": "vcl 4.1;\n\nimport std;\n"}


def test_they_come_in_the_order_in_which_they_are_asked_for():
    names = ["dumper_xkey.vcl", "dumper_escapes.vcl"]

    assert list(shipped.shipped_files(names)) == names


def test_the_parts_of_a_file_come_right_after_it():
    names = list(shipped.shipped_files(["dumper.vcl", "dumper_xkey.vcl"]))

    assert names == ["dumper.vcl", *PARTS, "dumper_xkey.vcl"]
    assert len(PARTS) > 5


@pytest.mark.parametrize("path", sorted(VCL_FOLDER.glob("dumper*.vcl")), ids=lambda path: path.name)
def test_the_version_goes_where_a_file_stands_in_the_middle_of_another(path):
    text = path.read_text()

    assert text.count("vcl 4.1;\n") == 1
    assert "vcl 4.1;" not in shipped.without_version(text)
    assert not [line for line in shipped.without_version(text).splitlines() if "include " in line]
