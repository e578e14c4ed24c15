"""Gathers the facts of a judging run from Prefect, git and the installed packages."""

import hashlib
import os
import platform
import shutil
import subprocess
from functools import partial
from importlib.metadata import version
from pathlib import Path

from prefect.runtime import flow_run

from acceptance.contract.contract import Contract
from acceptance.evidence.assembled import RunFacts
from blocks.build import Caller
from flows.prefect_api.runs import triggered_by

_GIT_WITHIN_S = 10
_INERT = (
    *("--literal-pathspecs", "--no-pager", "--no-replace-objects", "--no-optional-locks"),
    *("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "safe.bareRepository=explicit"),
)
_REACHES_NOBODY = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
"""Options and variables with which git takes names literally, and runs no program that the folder's own configuration
names: no hook, no monitor, no pager, and nothing that would fetch what is missing in a partial clone."""


def this_run(contract: Contract, caller: Caller) -> RunFacts:
    return run_of(contract, caller, str(flow_run.id), flow_run.name or "", flow_run.ui_url)


def run_of(contract: Contract, caller: Caller, flow_run_id: str, name: str, url: str | None) -> RunFacts:
    return RunFacts(
        id=flow_run_id,
        name=name,
        url=url,
        triggered_by=triggered_by(flow_run_id),
        aws_account=caller.account,
        aws_caller=caller.arn,
        git_commit=git_commit(contract.path, contract.sha256),
        software={
            **{name: version(name) for name in ("aceite", "prefect", "duckdb", "boto3", "sqlglot")},
            "python": platform.python_version(),
        },
    )


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
    if hashlib.sha256(here).hexdigest() != sha256:
        return None
    commit = _git(file.parent, "rev-list", "-1", "HEAD", "--", file.name)
    if not commit:
        return None
    # Only ids are compared: git need not read the content, which may be of any size, or be missing.
    return commit if _git(file.parent, "rev-parse", f"{commit}:./{file.name}") in _blob_ids(here) else None


def _blob_ids(content: bytes) -> frozenset[str]:
    """Return git's ids of the content with each kind of line end, as SHA-1 and as SHA-256 repositories have them."""
    lines = content.replace(b"\r\n", b"\n")
    blobs = [b"blob %d\0%b" % (len(each), each) for each in (content, lines, lines.replace(b"\n", b"\r\n"))]
    hashes = (partial(hashlib.sha1, usedforsecurity=False), hashlib.sha256)
    return frozenset(digest(blob).hexdigest() for digest in hashes for blob in blobs)


def _git(folder: Path, *arguments: str) -> str | None:
    """Return git's answer; None if git is missing, fails, or does not answer in time."""
    program = shutil.which("git")
    if program is None or not Path(program).is_absolute():  # Windows would also take one of the current folder
        return None
    own = {name: value for name, value in os.environ.items() if not name.upper().startswith("GIT_")}
    try:
        done = subprocess.run(
            [program, *_INERT, *arguments],
            cwd=folder,
            env={**own, **_REACHES_NOBODY},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_WITHIN_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("ascii", "replace").strip()
