"""Trino's program, which Maven fetches once, and the Java that runs it."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from acceptance.errors import SettingsError

VERSION = "476"
"""The last version that Java 24 runs too; its core is served without the 800 MB of all plugins."""
OLDEST_JAVA = 24
LACKS = "leave `--engine` out, and DuckDB answers"

_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"


@dataclass(frozen=True, slots=True)
class _Part:
    """An artifact of the group io.trino, and the folder of the program that it is unpacked in."""

    artifact: str
    kind: str
    folder: str
    sha256: str

    @property
    def file(self) -> str:
        return f"{self.artifact}-{VERSION}.{self.kind}"


_PARTS = (
    _Part("trino-server-core", "tar.gz", "core", "0f388f9967c177ae70a47c099082fc95387f0c3cb96d8000d1d41fc3a5223158"),
    _Part("trino-hive", "zip", "plugins", "611bacdb07d9f3cf7b9d47f97ecc76fa2e7ff8bfe8a9728c3d06adc1bfb8662e"),
    _Part("trino-iceberg", "zip", "plugins", "99edba5b491ed94d599aeb61e0794272d3569d8b563f3bb8569e8a49daa87b6c"),
)


@dataclass(frozen=True, slots=True)
class TrinoProgram:
    """Where the program is: Java, the folder of the server's classes, and that of its plugins."""

    java: Path
    classes: Path
    plugins: Path


def missing() -> str:
    """Return what this machine lacks for Trino and what to do about it; "" for nothing."""
    if os.name == "nt":
        return f"Trino {VERSION} runs on Linux and macOS, and not on Windows: run the sandbox in WSL, or {LACKS}"
    if _java() is None:
        return (
            f"Trino {VERSION} needs Java {OLDEST_JAVA} or newer, and none is in JAVA_HOME, on the PATH or where this "
            f"system keeps them: install one (https://adoptium.net) and set JAVA_HOME to its folder, or {LACKS}"
        )
    if not _folder().exists() and shutil.which("mvn") is None:
        return (
            f"Trino {VERSION} is not in {_folder().parent} yet, and Maven (mvn), which fetches it, is not on the PATH: "
            f"install Maven 3.6.3 or newer (https://maven.apache.org/install.html), or {LACKS}"
        )
    return ""


def fetched() -> TrinoProgram:
    """Return the program; Maven fetches its 800 MB if this user has not got them yet.

    Raises:
        SettingsError: this machine lacks something, or Maven did not fetch the files that we know.
    """
    java = _java()
    if (lacks := missing()) or java is None:
        raise SettingsError(lacks)
    folder = _folder()
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        sys.stderr.write(f"Maven fetches Trino {VERSION} into {folder}: 800 MB, once\n")
        with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
            for part in _PARTS:
                _unpack(_verified(part, Path(unfinished)), Path(unfinished) / "program" / part.folder)
            with suppress(OSError):  # another process was faster
                (Path(unfinished) / "program").replace(folder)
    return TrinoProgram(java, folder / "core" / f"trino-server-core-{VERSION}" / "lib", folder / "plugins")


def _verified(part: _Part, folder: Path) -> Path:
    """Let Maven fetch the part, and return its file, which has the checksum that we know."""
    artifact = f"-Dartifact=io.trino:{part.artifact}:{VERSION}:{part.kind}"
    command = [str(shutil.which("mvn")), "-q", "-B", "-C", _COPY, artifact, f"-DoutputDirectory={folder}"]
    result = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if result.returncode != 0:
        said = "\n".join(line for line in result.stdout.splitlines() if line.startswith("[ERROR]"))
        raise SettingsError(f"Maven could not fetch {part.file} (io.trino); it said:\n{said or result.stderr}")
    with (folder / part.file).open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != part.sha256:
        raise SettingsError(
            f"{part.file} from Maven has the SHA-256 {found}, and not {part.sha256}: it is another file than the one "
            f"that Aceite knows. Look at what your Maven repository serves, remove it from ~/.m2, or {LACKS}"
        )
    return folder / part.file


def _unpack(file: Path, folder: Path) -> None:
    if file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive:
            archive.extractall(folder)
    else:
        with tarfile.open(file) as archive:
            archive.extractall(folder, filter="data")
    file.unlink()


def _folder() -> Path:
    """Return the program's folder, where this user keeps what can be fetched again."""
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "aceite" / f"trino-{VERSION}"


def _java() -> Path | None:
    """Return a Java that is new enough: that of JAVA_HOME, of the PATH, or one that the system keeps beside it."""
    home, found = os.environ.get("JAVA_HOME"), shutil.which("java")
    candidates = [
        *([Path(home) / "bin" / "java"] if home else ()),
        *([Path(found)] if found else ()),
        *sorted(Path("/usr/lib/jvm").glob("*/bin/java")),
        *sorted(Path("/Library/Java/JavaVirtualMachines").glob("*/Contents/Home/bin/java")),
    ]
    return next((java for java in candidates if java.exists() and _version(java) >= OLDEST_JAVA), None)


def _version(java: Path) -> int:
    """Return 25 for what says 'openjdk version "25.0.1" 2025-10-21'."""
    said = subprocess.run([java, "-version"], capture_output=True, encoding="utf-8", errors="replace", check=False)
    version = said.stderr.partition('"')[2].partition('"')[0].partition(".")[0]
    return int(version) if version.isdigit() else 0
