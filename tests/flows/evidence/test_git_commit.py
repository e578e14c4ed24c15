"""The commit that is named in the evidence holds the contract as it was used."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from flows.evidence.run_facts import git_commit

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not here")


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "core.autocrlf=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode().strip()


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    """Committed, in a folder of its own, with another commit after it."""
    git(tmp_path, "init", "-q")
    file = tmp_path / "contracts" / "movies.odcs.yaml"
    file.parent.mkdir()
    file.write_bytes(b"id: movies\nversion: 1\n")
    for name in (file, tmp_path / "other.txt"):
        name.touch()
        git(tmp_path, "add", str(name))
        git(tmp_path, "commit", "-q", "--allow-empty", "-m", name.name)
    return file


def test_a_committed_contract_names_the_last_commit_that_touched_it(contract: Path) -> None:
    expected = git(contract.parent, "log", "-1", "--format=%H", "--", contract.name)
    assert git_commit(str(contract), sha256(contract)) == expected


def test_ends_of_lines_that_git_wrote_are_no_change(contract: Path) -> None:
    contract.write_bytes(contract.read_bytes().replace(b"\n", b"\r\n"))
    assert git_commit(str(contract), sha256(contract)) is not None


def test_a_change_that_was_not_committed_has_no_commit(contract: Path) -> None:
    contract.write_bytes(b"id: movies\nversion: 2\n")
    assert git_commit(str(contract), sha256(contract)) is None


def test_a_file_that_changed_since_it_was_read_has_no_commit(contract: Path) -> None:
    assert git_commit(str(contract), hashlib.sha256(b"as it was read").hexdigest()) is None


def test_a_file_that_git_does_not_know_and_one_that_is_gone_have_no_commit(contract: Path, tmp_path: Path) -> None:
    unknown = contract.with_name("new.odcs.yaml")
    unknown.write_bytes(b"id: new\n")
    assert git_commit(str(unknown), sha256(unknown)) is None
    assert git_commit(str(tmp_path / "gone.yaml"), "0" * 64) is None
