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


def test_nothing_that_the_folders_own_configuration_names_is_run(contract: Path, tmp_path: Path) -> None:
    """A partial clone lacks the content, and git would fetch it by a program of the configuration."""
    git(tmp_path, "config", "uploadpack.allowFilter", "true")
    run = tmp_path / "run"
    for depth in ("blob:none", "tree:0"):
        clone = tmp_path / depth.partition(":")[0]
        git(tmp_path, "clone", "-q", "--no-local", f"--filter={depth}", "--no-checkout", tmp_path.as_uri(), str(clone))
        (clone / "contracts").mkdir()
        copy = clone / "contracts" / contract.name
        copy.write_bytes(contract.read_bytes())
        program = f"touch '{run.as_posix()}'; false"
        for name in ("remote.origin.uploadpack", "core.pager", "core.sshCommand", "core.fsmonitor", "gpg.program",
                     "core.alternateRefsCommand", "diff.x.textconv", "filter.x.clean", "filter.x.smudge"):  # fmt: skip
            git(clone, "config", name, program)
        git(clone, "config", "log.showSignature", "true")
        (clone / ".git" / "info").mkdir(exist_ok=True)
        (clone / ".git" / "info" / "attributes").write_text("* diff=x filter=x\n", encoding="utf-8")
        hook = clone / ".git" / "hooks" / "reference-transaction"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
        hook.chmod(0o755)
        found = git_commit(str(copy), sha256(copy))
        assert not run.exists(), depth
        assert found in (None, git(tmp_path, "log", "-1", "--format=%H", "--", str(contract))), depth


def test_variables_of_git_name_no_other_repository(
    contract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = git_commit(str(contract), sha256(contract))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "x")
    assert expected is not None
    assert git_commit(str(contract), sha256(contract)) == expected


def test_a_replaced_commit_is_not_believed(contract: Path, tmp_path: Path) -> None:
    first = git(tmp_path, "rev-parse", "HEAD")
    contract.write_bytes(b"id: movies\nversion: 2\n")
    git(tmp_path, "commit", "-q", "-a", "-m", "changed")
    git(tmp_path, "replace", first, git(tmp_path, "commit-tree", "HEAD^{tree}", "-m", "another"))
    git(tmp_path, "update-ref", "HEAD", first)
    assert git_commit(str(contract), sha256(contract)) is None
