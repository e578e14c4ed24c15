"""A Python for Windows that wine runs: Maven fetches the interpreter, pip the libraries. See decision 0051."""

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from forwarding_dll import exported_names, forwarding_dll
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from repository import ROOT

VERSION, PYTHON = "3.11.3-1.5.9", "3.11"
SHA256 = "3263a50b256447bb7b9e604d6587627e419891370fc33b94469e6a06ff4de834"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
_FILE = f"cpython-{VERSION}-windows-x86_64.jar"
_IN_JAR = PurePosixPath("org/bytedeco/cpython/windows-x86_64")

_LEFT_OUT = {"test", "idlelib", "tkinter", "pip", "setuptools", "site-packages", "ensurepip", "lib2to3"}
_FETCHED_WITHIN_S = 900
_BEGUN_WITHIN_S = 180
_MARKED = {
    "implementation_name": "cpython",
    "os_name": "nt",
    "platform_machine": "AMD64",
    "platform_python_implementation": "CPython",
    "platform_system": "Windows",
    "python_full_version": VERSION.partition("-")[0],
    "python_version": PYTHON,
    "sys_platform": "win32",
}
"""What markers of requirements are about. pip would answer for the system that it runs on."""


class NotThere(Exception):
    """This machine cannot have a Python for Windows; the message says why, and what to do about it."""


@dataclass(frozen=True, slots=True)
class WindowsPython:
    """The interpreter, the folder that it knows as drive C, and the environment in which wine runs it."""

    program: Path
    drive_c: Path
    environment: dict[str, str]

    def run(self, *arguments: str, within_s: float) -> subprocess.CompletedProcess[str]:
        """Run it in the repository. It gets pipes only: wine 8 lets no program ask what an output file is."""
        return subprocess.run(
            ["wine", str(self.program), *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=within_s,
            check=False,
        )


@contextmanager
def running_windows(python: Path, folder: Path) -> Iterator[WindowsPython]:
    """Start a Windows 10 of the test's own in the folder, and end its processes with the block."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "ACEITE_"))}
    own = {"WINEPREFIX": str(folder / "prefix"), "WINEDEBUG": "-all", "LANG": "C.UTF-8", "DISPLAY": ""}
    asks_nobody = {"WINEDLLOVERRIDES": "mscoree,mshtml="}
    # Compiled files stay inside: pytest for Linux would take those of pytest for Windows for its own.
    paths = {"PYTHONUTF8": "1", "PYTHONPYCACHEPREFIX": r"C:\compiled", "PYTHONPATH": _installed(folder / "installed")}
    environment = {**kept, **own, **asks_nobody, **paths}
    try:
        version = ["reg", "add", r"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f"]
        subprocess.run(["wine", *version], env=environment, capture_output=True, timeout=_BEGUN_WITHIN_S, check=True)
        yield WindowsPython(python / "python.exe", folder / "prefix" / "drive_c", environment)
    finally:
        subprocess.run(["wine", "wineboot", "--end-session", "--shutdown"], env=environment, timeout=60, check=False)


def windows_path(path: Path) -> str:
    """Return what wine calls this system's path."""
    return "Z:" + str(path).replace("/", "\\")


def _installed(folder: Path) -> str:
    """Return a PYTHONPATH by which the repository counts as installed, as `pip install -e` would have it."""
    aceite = importlib.metadata.distribution("aceite")
    described = folder / f"aceite-{aceite.version}.dist-info"
    described.mkdir(parents=True)
    for name in ("METADATA", "entry_points.txt"):
        (described / name).write_text(aceite.read_text(name) or "", encoding="utf-8")
    return ";".join(map(windows_path, (ROOT, folder)))


def fetched() -> Path:
    """Return the folder of the Python with its libraries; it is made if this user has not got it yet.

    Raises:
        NotThere: wine or Maven is missing, or Maven or pip could not fetch something.
    """
    for program, remedy in (("wine", "apt-get install wine64 wine"), ("mvn", "https://maven.apache.org/install.html")):
        if not shutil.which(program):
            raise NotThere(f"not installed: {program} ({remedy})")
    wanted = [*_requirements(), *(f"{name}{_pinned(name)}" for name in ("pytest", "pytest-xdist", "hypothesis"))]
    known = hashlib.sha256(json.dumps([SHA256, wanted, _CONSTRAINTS.read_text(encoding="utf-8")]).encode()).hexdigest()
    caches = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(caches) if caches else Path.home() / ".cache") / "aceite" / f"windows-python-{known[:16]}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
            made = Path(unfinished) / "python"
            _unpack(_jar(Path(unfinished)), made)
            _install(wanted, made / "Lib" / "site-packages")
            with suppress(OSError):  # another process was faster
                made.replace(folder)
    return folder


def _jar(folder: Path) -> Path:
    artifact = f"-Dartifact=org.bytedeco:cpython:{VERSION}:jar:windows-x86_64"
    _fetch([str(shutil.which("mvn")), "-q", "-B", "-C", _COPY, artifact, f"-DoutputDirectory={folder}"], folder)
    found = hashlib.sha256((folder / _FILE).read_bytes()).hexdigest()
    assert found == SHA256, f"{_FILE} from Maven has the SHA-256 {found}, and not {SHA256}: it is another file"
    return folder / _FILE


def _unpack(jar: Path, folder: Path) -> None:
    """Lay out the interpreter as Python's own installer does, and add the two DLLs that jar and wine lack."""
    with zipfile.ZipFile(jar) as archive:
        for name in archive.namelist():
            parts = PurePosixPath(name).relative_to(_IN_JAR).parts if name.startswith(f"{_IN_JAR}/") else ()
            if name.endswith("/") or not parts or (parts[0] == "lib" and parts[1] in _LEFT_OUT):
                continue
            if parts[0] == "lib" or parts in {("python.exe",), ("python311.dll",)}:
                path = folder.joinpath("Lib", *parts[1:]) if parts[0] == "lib" else folder / parts[0]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(name))
    names = exported_names((folder / "python311.dll").read_bytes())
    stable = forwarding_dll("python3.dll", {name: f"python311.{name}" for name in names})
    (folder / "python3.dll").write_bytes(stable)
    # Since 2024 what is written in Rust asks this DLL for random bytes. Windows has it from 10 on, wine since 9.
    random = forwarding_dll("bcryptprimitives.dll", {"ProcessPrng": "advapi32.SystemFunction036"})
    (folder / "bcryptprimitives.dll").write_bytes(random)


def _install(wanted: Iterable[str], folder: Path) -> None:
    """Let pip unpack wheels for Windows, and then those that only Windows needs of what they need."""
    missing = list(wanted)
    for_windows = ["--platform", "win_amd64", "--python-version", PYTHON, "--implementation", "cp"]
    while missing:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder), "--only-binary=:all:"]
        _fetch([*pip, "--no-compile", *for_windows, "-c", str(_CONSTRAINTS), *missing], folder.parent)
        there = list(importlib.metadata.distributions(path=[str(folder)]))
        names = {canonicalize_name(each.name) for each in there}
        needs = [Requirement(text) for each in there for text in each.requires or ()]
        lacking = [need for need in needs if need.marker and need.marker.evaluate({**_MARKED, "extra": ""})]
        missing = sorted({need.name for need in lacking if canonicalize_name(need.name) not in names})


_CONSTRAINTS = ROOT / "constraints.txt"


def _requirements() -> list[str]:
    """Return what the product needs on Windows, with the sandbox's and Iceberg's libraries."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    read = [Requirement(text) for text in (*project["dependencies"], *extras["sandbox"], *extras["iceberg"])]
    needed = [each for each in read if each.marker is None or each.marker.evaluate(_MARKED)]
    for each in needed:
        each.marker = None
    return [str(each) for each in needed]


def _pinned(name: str) -> str:
    """Return the version that the constraints have, such as `==9.0.1`."""
    found = re.search(rf"(?mi)^{re.escape(name)}(==\S+)", _CONSTRAINTS.read_text(encoding="utf-8"))
    return found[1] if found else ""


def _fetch(command: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, encoding="utf-8", timeout=_FETCHED_WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise NotThere(f"{Path(command[0]).name} did not fetch within {late.timeout:g} s") from late
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-5:])
        raise NotThere(f"{Path(command[0]).name} could not fetch what a Python for Windows needs; it said:\n{said}")
