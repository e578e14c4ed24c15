"""Gathers the facts of a judging run from Prefect, git and the installed packages."""

import hashlib
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from prefect.runtime import flow_run

from acceptance.contract.contract import Contract
from acceptance.evidence.assembled import RunFacts
from blocks.build import Caller
from flows.prefect_api.runs import triggered_by

_GIT_WITHIN_S = 10
_INERT = ("--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false")
"""Options with which git takes file names literally, and runs no program that the folder's configuration names."""


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
            ["git", *_INERT, *arguments], cwd=folder, capture_output=True, timeout=_GIT_WITHIN_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
