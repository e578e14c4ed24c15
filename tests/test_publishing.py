"""A stranger can use, test and judge the repository: its licence, its CI workflow, its changelog and its decisions."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from repository import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def blocks_of_code(path: Path) -> list[str]:
    return re.findall(r"^```\n(.*?)\n```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(job: str) -> list[str]:
    return [step["run"].strip() for step in WORKFLOW["jobs"][job]["steps"] if "run" in step]


def test_the_licence_that_the_package_names_is_the_one_in_the_repository():
    assert PROJECT["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_ci_runs_the_readmes_test_command_on_every_system_and_python():
    matrix = WORKFLOW["jobs"]["tests"]["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "windows-latest", "macos-latest"]
    assert matrix["python"] == PYTHONS
    assert WORKFLOW["jobs"]["tests"]["runs-on"] == "${{ matrix.os }}"
    (command,) = commands("tests")
    assert command in blocks_of_code(ROOT / "README.md")


def test_ci_runs_the_proofs_on_linux():
    assert WORKFLOW["jobs"]["proofs"]["runs-on"] == "ubuntu-latest"
    assert commands("proofs")[-1] == "pytest -m proof"
    assert commands("engine")[-1] == "pytest -m engine"


def test_ci_installs_what_the_local_script_installs():
    programs = re.compile(r"install -y --no-install-recommends ([\w -]+)")
    script = programs.search((ROOT / ".ci/run").read_text(encoding="utf-8"))
    workflow = programs.search("\n".join(commands("proofs")))
    assert script is not None
    assert workflow is not None
    assert script[1].split() == workflow[1].split()


def test_the_package_names_every_python_that_ci_tests():
    named = [name.rpartition(" ")[2] for name in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", name)]
    assert named == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


def test_the_changelog_says_each_change_in_one_line_and_verdict_changing_ones_first():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    assert releases[0].startswith("[Unreleased]")
    assert f"[{PROJECT['version']}]" in releases[1].splitlines()[0]
    for release in releases:
        for list_of_changes in re.split(r"^### ", release, flags=re.MULTILINE)[1:]:
            kind, *changes = [line for line in list_of_changes.splitlines() if line]
            assert kind in {"Added", "Changed", "Fixed", "Removed"}
            assert all(change.startswith("- ") and len(change) <= 160 for change in changes), kind
            turn_verdicts = [change.startswith("- **verdict**") for change in changes]
            assert turn_verdicts == sorted(turn_verdicts, reverse=True), kind


def test_every_file_of_the_repository_has_a_name_that_windows_can_check_out():
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone: what the repository holds is not known")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    names = [name for name in listed.split("\0") if name]
    impossible = re.compile(r"(?i)[<>:\"|?*\\\x00-\x1f]|[ .](/|$)|(^|/)(con|prn|aux|nul|com\d|lpt\d)(\.[^/]*)?(/|$)")
    assert [name for name in names if impossible.search(name)] == []
    assert len(names) > 500
