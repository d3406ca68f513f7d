"""``--output``: a folder that varnishd can be started with."""

import grp
import os
import stat
import subprocess

import pytest
from django.core.exceptions import ImproperlyConfigured

from dumper_purge.rendering.choices import Choices
from dumper_purge.rendering.document import render
from dumper_purge.rendering.folder import write
from tests.rendering.site import PARTS
from tests.varnish import VARNISHD


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_may_read_the_token_and_everybody_the_shipped_files(tmp_path):
    main = write(tmp_path / "new" / "folder", render(Choices()))

    files = {path.name: mode(path) for path in main.parent.iterdir()}
    shipped = ["dumper_xkey.vcl", "dumper.vcl", *PARTS]
    assert files == {"main.vcl": 0o600, **dict.fromkeys(shipped, 0o644)}


def test_a_file_that_others_could_read_is_replaced_by_one_that_they_cannot(tmp_path):
    (tmp_path / "main.vcl").write_text("old")
    (tmp_path / "main.vcl").chmod(0o644)

    main = write(tmp_path, render(Choices()))

    assert mode(main) == 0o600
    assert "old" not in main.read_text().split()


def test_a_group_may_read_it_where_one_is_named(tmp_path):
    group = grp.getgrgid(os.getgid()).gr_name

    main = write(tmp_path, render(Choices()), group)

    assert mode(main) == 0o640
    assert main.group() == group


def test_an_unknown_group_is_an_error_and_leaves_no_file(tmp_path):
    with pytest.raises(ImproperlyConfigured, match="--output = .*no-such-group"):
        write(tmp_path, render(Choices()), "no-such-group")

    assert not [path for path in tmp_path.iterdir() if "main" in path.name]


def test_a_folder_that_is_a_file_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ImproperlyConfigured, match="--output = "):
        write(tmp_path / "file", render(Choices()))


@pytest.mark.needs("varnishd")
def test_varnishd_finds_what_main_vcl_includes_wherever_the_folder_is(tmp_path):
    main = write(tmp_path, render(Choices()))
    jail = ["-j", "none"] if os.geteuid() == 0 else []

    done = subprocess.run(
        [VARNISHD, *jail, "-C", "-n", str(tmp_path / "work"), "-f", str(main)], capture_output=True
    )

    assert done.returncode == 0, done.stderr[-2000:]
