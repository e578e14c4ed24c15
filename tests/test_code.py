"""The code keeps its own rules: ruff, mypy and the import rules of pyproject.toml."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

RULES = {
    "ruff finds nothing": ["-m", "ruff", "check", "."],
    "the code is formatted": ["-m", "ruff", "format", "--check", "."],
    "the types agree": ["-m", "mypy"],
    "packages import only what they may": [
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
    ],
}


@pytest.mark.parametrize("rule", RULES)
def test_rule(rule):
    result = subprocess.run(
        [sys.executable, *RULES[rule]], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
