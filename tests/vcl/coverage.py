"""Which branches of the VCL a run of varnishtest went through.

The VCL compiler numbers every branch and lists where each begins; at run time VCL_trace, which is
masked unless asked for, names those that were entered.
"""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.varnish import QUICKLY_COMPILED, VARNISHADM, VARNISHD, VARNISHLOG, VCL_FOLDER
from tests.vcl.cases import CASES

__all__ = ["TRACE", "Branch", "branches", "entered"]

_SOURCES = re.compile(r"\*srcname\[VGC_NSRCS\] = \{(.*?)\};", re.DOTALL)
_REFERENCE = re.compile(r"\[ *\d+\] = \{ (?:VPI_REF_MAGIC, )?(\d+), +\d+, +(\d+), +(\d+), +\"")
_SOURCE = re.compile(r"// VCL\.SHOW (\d+) \d+ (\S+)")
_TRACE = re.compile(r"VCL_trace +\w (\S+) \d+ (\d+)\.(\d+)\.(\d+)")

TRACE = f"""
shell {{
	exec > ${{trace}}
	for vcl in vcl1 vcl2; do
		echo "LOADED $vcl"
		{VARNISHADM} -n ${{v1_name}} vcl.show -v $vcl | grep -a VCL.SHOW || true
	done
	{VARNISHLOG} -n ${{v1_name}} -d -g raw -i VCL_trace
}}
"""
"""What is added to a case, so that it writes its files' names and its branches to ${trace}."""


class Branch(NamedTuple):
    """Where a branch begins."""

    file: str
    line: int
    position: int


def branches(vcl: str, workdir: Path) -> set[Branch]:
    """Return all branches of ``vcl`` and of what it includes."""
    main = workdir / "main.vcl"
    main.write_text(vcl)
    command = [
        VARNISHD,
        "-C",
        "-f",
        str(main),
        "-n",
        str(workdir),
        "-p",
        f"vcl_path={VCL_FOLDER}:{CASES}",
        "-p",
        f"cc_command={QUICKLY_COMPILED}",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    code = result.stdout + result.stderr
    names = re.findall(r'"([^"]*)"', _SOURCES.findall(code)[0])
    references = _REFERENCE.findall(code)
    return {_branch(names[int(source)], line, at) for source, line, at in references}


def entered(output: str) -> set[Branch]:
    """Return the branches that the ``${trace}`` of a case names."""
    names: dict[tuple[str, str], str] = {}
    for part in output.split("LOADED ")[1:]:
        vcl = part.split(maxsplit=1)[0].strip()
        names.update({(vcl, number): path for number, path in _SOURCE.findall(part)})
    return {
        _branch(names[vcl, source], line, at)
        for vcl, source, line, at in _TRACE.findall(output)
        if (vcl, source) in names
    }


def _branch(path: str, line: str, position: str) -> Branch:
    return Branch(Path(path).name, int(line), int(position))
