"""A char is compared without its padding, which is U+0020 and no other space, in files and in tables."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from builders import contract_text
from contract_texts import PATH
from landed_contract import column, contract
from proven_delivery import Proof

from acceptance.judging.judge import Verdict
from acceptance.odcs.reader import read_contract
from landed.file import read_landed
from sandbox.pipeline.provision import provision

COLUMNS = """\
- {name: code, logicalType: string, physicalType: char(5), primaryKey: true}
- {name: above, logicalType: string, physicalType: char(5)}
"""
PADDED = "SELECT * REPLACE (rpad(code, 5, ' ') AS code, rpad(above, 5, ' ') AS above) FROM base"


@pytest.fixture(scope="module")
def proof(local_aws: Any, tmp_path_factory: pytest.TempPathFactory) -> Proof:
    of = read_contract(contract_text("tree", COLUMNS, day="day"), PATH, {})
    assert of is not None
    folder = tmp_path_factory.mktemp("tree")
    landed = folder / "landed.csv"
    landed.write_text("code,above\nab,ab\nc,\n", encoding="utf-8", newline="")
    provision(boto3.Session("test", "test", region_name="us-east-1"), local_aws.endpoint, [of])
    proof = Proof(local_aws, of, landed, folder)
    proof.load()
    return proof


@pytest.mark.parametrize("select", ["SELECT * FROM base", PADDED], ids=["as landed", "padded"])
def test_a_padded_cell_is_the_cell_that_landed(proof: Proof, select: str) -> None:
    judgement, differences = proof.judge_only(select)
    assert (judgement.verdict, differences) == (Verdict.ACCEPTED, None), judgement.reason


@pytest.mark.parametrize("space", ["\t", "\n", "\u00a0", "\u2003", "\u3000"])
def test_another_space_at_the_end_is_a_changed_cell(proof: Proof, space: str) -> None:
    judgement, differences = proof.judge_only(f"SELECT * REPLACE (trim(above) || '{space}' AS above) FROM ({PADDED})")
    assert judgement.verdict is Verdict.REJECTED
    assert differences is not None
    assert [(row.cells[0].landed, row.cells[0].table) for row in differences.rows] == [("ab", f"ab{space}")]


def test_a_blank_in_front_is_a_changed_cell(proof: Proof) -> None:
    assert proof.judge_only("SELECT * REPLACE (' ' || above AS above) FROM base")[0].verdict is Verdict.REJECTED


def test_a_landed_cell_is_as_long_as_it_is_without_its_padding(tmp_path: Path) -> None:
    path, of = tmp_path / "landed", contract(column("c", "char(2)"))
    path.write_text("c\nab   \nab\nabc\nab\t\nab\u00a0 \n", encoding="utf-8", newline="")
    assert [(fault.line, fault.column) for fault in read_landed(path, of, tmp_path).faults] == [
        (4, "c"),
        (5, "c"),
        (6, "c"),
    ]
