"""What the command writes on a system whose own code page is not UTF-8, and the names that it gives to files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from repository import ROOT

from cli.verbs.contracts_init import file_name


def aceite(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """As on a Windows in Portuguese, where what is redirected would be written in the code page 1252."""
    environment = {**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": "cp1252", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "cli.main", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)


def test_a_contract_that_is_redirected_into_a_file_is_one_that_can_be_read(tmp_path):
    (tmp_path / "preços.csv").write_text("código;数据;preço\n1;ação;2.5\n2;x;3.5\n", encoding="utf-8")
    drafted = aceite(tmp_path, "contracts", "init", "preços.csv", "--dataset", "precos")
    assert drafted.returncode == 0, drafted.stderr.decode()
    (tmp_path / "precos.odcs.yaml").write_bytes(drafted.stdout)
    assert "数据" in (tmp_path / "precos.odcs.yaml").read_text(encoding="utf-8")
    checked = aceite(tmp_path, "contracts", "check", "precos.odcs.yaml")
    assert checked.returncode == 0, checked.stdout.decode()


def test_a_message_with_letters_that_the_code_page_has_not_is_written(tmp_path):
    (tmp_path / "数据.odcs.yaml").write_text("id: a\nid: b\n", encoding="utf-8")
    checked = aceite(tmp_path, "contracts", "check", "数据.odcs.yaml")
    assert checked.returncode == 1
    assert "数据.odcs.yaml:2:" in checked.stdout.decode("utf-8")


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("in/20260102/movies.csv", "movies.csv"),
        ("in/12:30 a|b?.csv", "12_30 a_b_.csv"),
        ("in/c:\\windows\\x.csv", "c__windows_x.csv"),
        ("in/NUL.csv", "_NUL.csv"),
        ("in/com1", "_com1"),
        ("in/com¹.csv", "_com¹.csv"),
        ("in/aux .tar.gz", "_aux .tar.gz"),
        ("in/auxiliary.csv", "auxiliary.csv"),
        ("in/..", "_"),
        ("in/", "_"),
        ("in/preços. ", "preços"),
        ("in/" + "x" * 300 + ".csv", "x" * 96 + ".csv"),
    ],
)
def test_a_copy_of_an_object_has_a_name_that_every_system_takes(key, name, tmp_path):
    assert file_name(key) == name
    (tmp_path / name).write_bytes(b"1")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(name, b"1")]
