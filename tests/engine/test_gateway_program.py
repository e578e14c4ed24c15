"""A machine that cannot have Versity's gateway skips its tests, and says why."""

import shutil
import sys
from pathlib import Path

import pytest
from versity_gateway import VERSION, NotThere, built

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the gateway's tests run on Linux alone")


@pytest.fixture(autouse=True)
def nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("GOPROXY", "off")


def test_without_go_the_reason_names_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotThere, match=r"Go 1\.25 or newer, and none is on the PATH"):
        built()


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go is on the PATH")
def test_without_a_network_the_reason_is_what_go_says_and_nothing_unfinished_is_kept(tmp_path: Path) -> None:
    with pytest.raises(
        NotThere, match=rf"(?s)could not fetch or build .* {VERSION}; it said:.*disabled by GOPROXY=off"
    ):
        built()
    assert list((tmp_path / "aceite").iterdir()) == []
