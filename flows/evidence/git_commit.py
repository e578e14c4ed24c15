"""Which commit a contract's file is of, when it is kept in git and the command is there."""

import hashlib
import subprocess
from pathlib import Path

_WITHIN_S = 10

_INERT = ("--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false")
"""Names of files are names, and nothing that the folder's own git configuration names is run."""


def git_commit(path: str, sha256: str) -> str | None:
    """The last commit that touched the file, if the file has this SHA-256 and is as in that commit; else None.

    So a change that was not committed, or a file that git does not know, never passes as committed. Git may write
    other ends of lines into a folder than it keeps.
    """
    file = Path(path).absolute()
    try:
        here = file.read_bytes()
    except OSError:
        return None
    commit = _git(file.parent, "log", "-1", "--format=%H", "--", file.name)
    if not commit:
        return None
    name = commit.decode("ascii", "replace").strip()
    content = _git(file.parent, "show", f"{name}:./{file.name}")
    same = content is not None and _lines(content) == _lines(here) and hashlib.sha256(here).hexdigest() == sha256
    return name if same else None


def _lines(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n")


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git answers; None if it is not there, does not answer in time, or refuses."""
    try:
        done = subprocess.run(
            ["git", *_INERT, *arguments], cwd=folder, capture_output=True, timeout=_WITHIN_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
