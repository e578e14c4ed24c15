"""The main job: `aceite demo`."""

import subprocess
import sys

import pytest
from repository import ROOT


@pytest.mark.proof
def test_the_demo_ends_with_its_four_verdicts_and_code_0(tmp_path):
    ports = ("--aws-port", "0", "--prefect-port", "0")
    result = subprocess.run(
        [sys.executable, "-m", "cli.main", "demo", "--exit", "--home", str(tmp_path / "home"), *ports],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=400,
    )
    assert result.returncode == 0, result.stderr
    assert not any(sign in result.stdout + result.stderr for sign in "␊␍␛"), "our own texts have no control characters"
    told = result.stderr[result.stderr.index("Verdicts") :]
    assert [told.count(word) for word in ("accepted", "rejected", "inconclusive")] == [1, 2, 1], told
    assert told.count("evidence.html") == 4
