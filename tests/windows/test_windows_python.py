"""The product's tests in a real Python for Windows, which wine runs: paths, encodings, open files, processes, zones."""

import re
from collections.abc import Iterator

import pytest
from windows_python import NotThere, WindowsPython, fetched, running_windows

pytestmark = pytest.mark.proof

ENDED_WITHIN_S = 900

PARTS = {
    "core": ("tests/acceptance",),
    "files": ("tests/windows/test_portable_output.py", "tests/blocks/test_private_files.py"),
}
"""What takes a minute or two: under wine all tests would take hours."""

LINKS = "tests/blocks/test_private_files.py::test_a_link_in_place_of_the_file_is_not_followed"
OF_WINE = {LINKS: "wine 8 makes no links, and says that it did"}
"""What fails by wine and not by us."""


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WindowsPython]:
    try:
        python = fetched()
    except NotThere as why:
        pytest.skip(str(why))
    with running_windows(python, tmp_path_factory.mktemp("windows")) as windows:
        yield windows


def test_it_is_a_python_for_windows(windows):
    said = windows.run("-c", "import os, sys; print(os.name, sys.platform, os.sep, *sys.version_info[:2])", within_s=60)
    assert said.stdout.split() == ["nt", "win32", "\\", "3", "11"]


@pytest.mark.parametrize("part", PARTS)
def test_what_holds_on_this_system_holds_on_windows(windows, part):
    left_out = [f"--deselect={test}" for test in OF_WINE]
    options = ("-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *left_out)
    ended = windows.run(*options, *PARTS[part], within_s=ENDED_WITHIN_S)
    assert ended.returncode == 0, ended.stdout[-20_000:]
    passed = re.search(r"(\d+) passed", ended.stdout)
    assert passed is not None, ended.stdout
    assert int(passed[1]) > 10
