"""Every kind of corruption, with and without a key: it is found, and shown with what landed and what the table has.

The rows are put into the sandbox's table, and its Athena is asked. A column is classified: nobody sees its values.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from builders import contract_text
from contract_texts import watched
from proven_delivery import Proof, failed

from acceptance.judging.judge import Verdict
from acceptance.proof.differences import Differences
from sandbox.pipeline.provision import provision

COLUMNS = """
  - {name: who, logicalType: string, physicalType: string}
  - {name: price, logicalType: number, physicalType: "decimal(9,2)"}
  - {name: note, logicalType: string, physicalType: string}
  - {name: cpf, logicalType: string, physicalType: string, classification: restricted}
"""
KEY = "  - {name: id, logicalType: integer, physicalType: int, primaryKey: true}\n"
ROWS = ["ana,1.50,x,p-111", "bia,2.00,,p-222", "caio,3.00,y,p-333", "davi,4.00,z,p-444", "eva,4.00,w,p-555"]
OTHERS = [f"n{number},9.99,,p-{number}" for number in range(300)]
"""So many that rows are dealt to several buckets."""
SEVERAL = 3 * ["rui,5.00,,p-666"]
SECRET = "p-"
"""Every value of the classified column begins with it."""


@dataclass(frozen=True)
class Corruption:
    """`table` is what the table holds, from the table `base` that landed. The rest is what must be shown."""

    table: str
    with_key: tuple[str, ...]
    without_key: tuple[str, ...]


def replaced(column: str, value: str, where: str) -> str:
    return f'SELECT * REPLACE (CASE WHEN {where} THEN {value} ELSE "{column}" END AS "{column}") FROM base'


CORRUPTIONS = {
    "a row lost": Corruption(
        "SELECT * FROM base WHERE who <> 'caio'",
        ("id 3: only landed",),
        ("row who caio, price 3.00, note y, cpf •••: only landed",),
    ),
    "a row doubled": Corruption(
        "SELECT * FROM base UNION ALL SELECT * FROM base WHERE who = 'caio'",
        ("id 3: landed once, in the table twice",),
        ("row who caio, price 3.00, note y, cpf •••: landed once, in the table twice",),
    ),
    "a row more": Corruption(
        "SELECT * FROM base UNION ALL SELECT * REPLACE ('leo' AS who, 7 AS price, 'q' AS note) FROM base"
        " WHERE who = 'caio'",
        ("id 3: only in the table",),
        ("row who leo, price 7.00, note q, cpf •••: only in the table",),
    ),
    "a cell changed": Corruption(
        replaced("price", "3.01", "who = 'caio'"),
        ("id 3: price '3.00' landed, '3.01' in the table",),
        ("who caio, note y, cpf •••: price '3.00' landed, '3.01' in the table",),
    ),
    "a classified cell changed": Corruption(
        replaced("cpf", "'p-999'", "who = 'caio'"),
        ("id 3: cpf '•••' landed, '•••' in the table",),
        ("who caio, price 3.00, note y: cpf '•••' landed, '•••' in the table",),
    ),
    "cells swapped between two rows": Corruption(
        replaced("note", "CASE who WHEN 'caio' THEN 'z' ELSE 'y' END", "who IN ('caio', 'davi')"),
        ("id 3: note 'y' landed, 'z' in the table", "id 4: note 'z' landed, 'y' in the table"),
        (
            "who caio, price 3.00, cpf •••: note 'y' landed, 'z' in the table",
            "who davi, price 4.00, cpf •••: note 'z' landed, 'y' in the table",
        ),
    ),
    "all rows twice": Corruption(
        "SELECT * FROM base UNION ALL SELECT * FROM base",
        ("id 1: landed once, in the table twice",),
        (": landed once, in the table twice",),
    ),
    "a null for an empty text": Corruption(
        replaced("note", "''", "who = 'bia'"),
        ("id 2: note null landed, '' in the table",),
        ("who bia, price 2.00, cpf •••: note null landed, '' in the table",),
    ),
    "two rows merged": Corruption(
        "SELECT * REPLACE (CASE who WHEN 'caio' THEN 'yz' ELSE note END AS note) FROM base WHERE who <> 'davi'",
        ("id 3: note 'y' landed, 'yz' in the table", "id 4: only landed"),
        (
            "who caio, price 3.00, cpf •••: note 'y' landed, 'yz' in the table",
            "row who davi, price 4.00, note z, cpf •••: only landed",
        ),
    ),
    "no rows": Corruption("SELECT * FROM base WHERE false", (": only landed",), (": only landed",)),
    "one of several equal rows lost": Corruption(
        "SELECT * FROM base WHERE who <> 'rui' UNION ALL SELECT * FROM base WHERE who = 'rui' LIMIT 305 + 2",
        ("id 308: only landed",),
        ("row who rui, price 5.00, note null, cpf •••: landed 3 times, in the table twice",),
    ),
    "all of several equal rows lost": Corruption(
        "SELECT * FROM base WHERE who <> 'rui'",
        ("id 308: only landed",),
        ("row who rui, price 5.00, note null, cpf •••: only landed, 3 times",),
    ),
    "a cell of several equal rows changed": Corruption(
        replaced("price", "5.01", "who = 'rui'"),
        ("id 308: price '5.00' landed, '5.01' in the table",),
        ("who rui, note null, cpf •••: price '5.00' landed, '5.01' in the table, in 3 equal rows",),
    ),
}


@pytest.fixture(scope="module")
def proof(local_aws, tmp_path_factory) -> Callable[..., Proof]:
    proofs: dict[str, Proof] = {}

    def proof(dataset: str, columns: str, lines: list[str]) -> Proof:
        """A delivery of these lines, the header first."""
        if dataset not in proofs:
            contract = watched(contract_text(dataset, columns, day="day", database="shown"))
            provision(boto3.Session("test", "test", region_name="us-east-1"), local_aws.endpoint, [contract])
            folder: Path = tmp_path_factory.mktemp(dataset)
            (folder / "landed.csv").write_text("\n".join([*lines, ""]), encoding="utf-8", newline="")
            proofs[dataset] = Proof(local_aws, contract, folder / "landed.csv", folder)
            proofs[dataset].load()
        return proofs[dataset]

    return proof


def rejected(proof: Proof, table: str) -> Differences:
    """Judge the table, and return where it differs."""
    judgement, where = proof.judge_only(table)
    assert judgement.verdict is Verdict.REJECTED
    assert "cells_equal_landed" in failed(judgement)
    assert where is not None and where.rows
    observed = next(result.observed for result in judgement.results if result.check.id == "cells_equal_landed")
    assert str(where.rows[0]) in observed
    assert SECRET not in f"{where!r} {where}"
    return where


@pytest.mark.proof
@pytest.mark.parametrize("way", CORRUPTIONS)
def test_with_a_key_each_corruption_is_shown_by_the_key_of_its_rows(proof, way):
    lines = [f"{number},{line}" for number, line in enumerate([*ROWS, *OTHERS, *SEVERAL], 1)]
    where = rejected(proof("keyed", KEY + COLUMNS, ["id,who,price,note,cpf", *lines]), CORRUPTIONS[way].table)
    for expected in CORRUPTIONS[way].with_key:
        assert any(str(row).endswith(expected) for row in where.rows), [*map(str, where.rows)]


@pytest.mark.parametrize("way", CORRUPTIONS)
def test_without_a_key_each_corruption_is_shown_by_values_and_counts(proof, way):
    lines = [*ROWS, *OTHERS, *SEVERAL]
    where = rejected(proof("keyless", COLUMNS, ["who,price,note,cpf", *lines]), CORRUPTIONS[way].table)
    for expected in CORRUPTIONS[way].without_key:
        assert any(str(row).endswith(expected) for row in where.rows), [*map(str, where.rows)]


@pytest.mark.proof
def test_of_a_million_equal_rows_one_that_is_lost_is_shown(proof):
    lines = ["who,price,note,cpf", *["ana,1.50,x,p-111"] * 1_000_000, "bia,2.00,,p-222"]
    where = rejected(proof("million", COLUMNS, lines), "SELECT * FROM base OFFSET 1")
    assert not where.cut_off
    assert [str(row) for row in where.rows] == [
        "row who ana, price 1.50, note x, cpf •••: landed 1000000 times, in the table 999999 times"
    ]
