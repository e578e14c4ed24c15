"""The core's tests in a real Python for Windows, which wine runs. Decision 0051 says why this one."""

import re
from collections.abc import Iterator

import pytest
from windows_python import NotThere, WindowsPython, fetched, running_windows

pytestmark = pytest.mark.proof

ENDED_WITHIN_S = 900


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


def test_the_core_holds_on_windows(windows):
    options = ("-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider")
    ended = windows.run(*options, "tests/acceptance", within_s=ENDED_WITHIN_S)
    assert ended.returncode == 0, ended.stdout[-20_000:]
    passed = re.search(r"(\d+) passed", ended.stdout)
    assert passed is not None, ended.stdout
    assert int(passed[1]) > 2000
