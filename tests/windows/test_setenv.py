"""`setenv.bat` in wine's cmd.exe, with a virtual environment that has a stand-in for `prefect`: what that one sees."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from repository import ROOT

BEGUN_WITHIN_S, ENDED_WITHIN_S = 180, 60

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(not shutil.which("wine"), reason="not installed: wine (apt-get install wine64 wine)"),
]

ACTIVATE = """\
@echo off
set "VIRTUAL_ENV=%~dp0.."
set "PATH=%~dp0;%PATH%"
"""
"""Of what Python's own `activate.bat` does, what matters here."""

PREFECT = """\
@echo off
set > seen.txt
"""

FOLDERS = ("aceite", "Meus Projetos (1)", "R&D e dados", "aceitação")
Cmd = Callable[[Path, str], subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="module")
def cmd(tmp_path_factory) -> Iterator[Cmd]:
    """Runs a batch file in its folder, in a Windows of its own."""
    prefix = tmp_path_factory.mktemp("wine") / "prefix"
    environment = {**os.environ, "WINEPREFIX": str(prefix), "WINEDEBUG": "-all", "LANG": "C.UTF-8"}
    environment |= {"WINEDLLOVERRIDES": "mscoree,mshtml=", "DISPLAY": ""}  # it asks nobody about .NET and HTML
    for name in ("PREFECT_PROFILE", "PREFECT_API_URL", "PYTHONUTF8"):
        environment.pop(name, None)

    def run(folder: Path, batch: str, within_s: float = ENDED_WITHIN_S) -> subprocess.CompletedProcess[bytes]:
        command = ["wine", "cmd", "/d", "/c", batch]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=within_s, check=False)

    try:
        run(tmp_path_factory.getbasetemp(), "ver", BEGUN_WITHIN_S)
        yield run
    finally:
        subprocess.run(["wine", "wineboot", "--end-session", "--shutdown"], env=environment, timeout=60, check=False)
        shutil.rmtree(prefix, ignore_errors=True)


def put(path: Path, text: str) -> None:
    """As cmd.exe wants it, and as git puts it into a folder on Windows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\r\n")


def checked_out(folder: Path) -> Path:
    put(folder / "setenv.bat", (ROOT / "setenv.bat").read_text(encoding="utf-8"))
    return folder


@pytest.mark.parametrize("name", FOLDERS)
def test_it_activates_the_environment_and_selects_the_local_profile_in_whatever_folder(cmd, tmp_path, name):
    folder = checked_out(tmp_path / name)
    put(folder / ".venv" / "Scripts" / "activate.bat", ACTIVATE)
    put(folder / ".venv" / "Scripts" / "prefect.bat", PREFECT)
    put(folder / "window.bat", "@echo off\ncall setenv.bat\nif errorlevel 1 exit /b 9\ncall prefect version\n")
    ended = cmd(folder, "window.bat")
    assert ended.returncode == 0, ended
    lines = (folder / "seen.txt").read_bytes().decode("utf-8", "replace").splitlines()
    seen = dict(line.split("=", 1) for line in lines if "=" in line)
    assert {key: seen[key] for key in ("PREFECT_PROFILE", "PREFECT_API_URL", "PYTHONUTF8")} == {
        "PREFECT_PROFILE": "local",
        "PREFECT_API_URL": "http://127.0.0.1:4200/api",
        "PYTHONUTF8": "1",
    }
    assert "VIRTUAL_ENV" in seen


@pytest.mark.parametrize("name", FOLDERS[:3])
def test_without_a_virtual_environment_it_says_how_to_make_one_and_sets_nothing(cmd, tmp_path, name):
    folder = checked_out(tmp_path / name)
    put(folder / "window.bat", "@echo off\ncall setenv.bat\nif not errorlevel 1 exit /b 9\nset > seen.txt\nexit /b 0\n")
    ended = cmd(folder, "window.bat")
    assert ended.returncode == 0, ended
    assert b"There is no virtual environment in " in ended.stdout
    assert name.encode() in ended.stdout
    assert b"py -3.11 -m venv" in ended.stdout
    assert "PREFECT_PROFILE" not in (folder / "seen.txt").read_bytes().decode("utf-8", "replace")


def test_prefect_reads_what_it_sets():
    """The profile is one that Prefect has, and the variables are its settings."""
    from prefect.settings import PREFECT_API_URL, load_profiles

    said = (ROOT / "setenv.bat").read_text(encoding="utf-8")
    assert f"set {PREFECT_API_URL.name}=http" in said
    assert "local" in load_profiles(include_defaults=True).names
