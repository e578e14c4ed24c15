"""A clone on Windows: names that it takes, paths that fit, and the bytes that were committed."""

import re
import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from repository import ROOT

DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\.|$)", re.I)
REFUSED = re.compile(r'[<>:"\\|?*\x00-\x1f]|[. ]$')
LONGEST = 120
"""Characters of a path in the repository: Windows takes 259, and a clone is somewhere in a user's folders."""


def refused(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return len(path) > LONGEST or any(DEVICE.match(part) or REFUSED.search(part) for part in parts)


@pytest.fixture(scope="module")
def committed() -> list[str]:
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("this is no clone, or there is no git")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [name.decode("utf-8") for name in listed.split(b"\0") if name]


def test_each_name_is_one_that_windows_takes_and_no_two_differ_by_capitals_alone(committed):
    assert [path for path in committed if refused(path)] == []
    assert len({path.casefold() for path in committed}) == len(committed) > 500


@pytest.mark.parametrize("path", ["data/aux.csv", "nul", "docs/COM1.md", "a:b", "ends./x", "com¹", "x" * 121])
def test_that_rule_sees_a_name_that_windows_refuses(path):
    assert refused(path)


def test_git_for_windows_lays_out_the_bytes_that_were_committed_but_for_batch_files(committed, tmp_path: Path):
    """With its own settings, by which lines of a text end in CRLF where nobody says otherwise."""
    windows = ["git", "-c", "core.autocrlf=true", "-c", "core.eol=crlf"]
    laid_out = [*windows, "checkout-index", "--all", f"--prefix={tmp_path.as_posix()}/"]
    subprocess.run(laid_out, cwd=ROOT, capture_output=True, check=True)
    crlf = [path for path in committed if b"\r\n" in (tmp_path / path).read_bytes() and not path.endswith(".png")]
    assert [path for path in crlf if not path.endswith((".bat", ".orc"))] == []
    assert "setenv.bat" in crlf
