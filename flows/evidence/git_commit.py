"""Finds the commit of a contract's file, if it is kept in git and the git command is installed."""

import hashlib
import subprocess
from pathlib import Path

_WITHIN_S = 10

_INERT = ("--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false")
"""Options with which git takes file names literally, and runs no program that the folder's configuration names."""


def git_commit(path: str, sha256: str) -> str | None:
    """Return the last commit that touched the file if the file has this SHA-256 and equals that commit; else None.

    A change that was not committed, or a file that git does not track, is never reported as committed. Line ends may
    differ, because git may check out others than it stores.
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
    """Return git's output; None if git is missing, fails, or does not answer in time."""
    try:
        done = subprocess.run(
            ["git", *_INERT, *arguments], cwd=folder, capture_output=True, timeout=_WITHIN_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
