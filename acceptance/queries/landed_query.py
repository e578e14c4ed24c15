"""Let Athena read the landed files, if they are too big to download: strict reading, fingerprint, differences.

Athena reads them through a table over the landing location, which the contract names. All columns of a CSV are texts,
which the query reads as strictly as DuckDB does; those of Parquet have the contract's types.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from acceptance.contract.contract import Column, Contract
from acceptance.errors import QueryFailed
from acceptance.judging.findings import LandedFacts
from acceptance.proof.canonical_text import ATHENA, canonical_cell_text
from acceptance.proof.differences import Differences, RowComparison, Texts
from acceptance.proof.fingerprint import (
    Fingerprint,
    athena_digest,
    athena_digest_of_texts,
    athena_row_texts,
    athena_sums,
)
from acceptance.queries.difference_query import cell_names, masked
from acceptance.queries.landed_cells import athena_cell_text, athena_value, expected_cell
from acceptance.queries.measuring_query import delivered
from acceptance.queries.unreadable_cells import remark
from acceptance.sql.text import identifier, only_select, text_literal, unused
from acceptance.text_contrast import spelled

ROWS_AT_MOST = 10_000
"""The most differing rows that one query brings."""

BAD_FILES = "HIVE_BAD_DATA"
"""Athena's error code for files that are not as their table says. Other codes may have another cause."""


def landed_query(contract: Contract, files: Sequence[str]) -> str:
    """Return a query for one row: number of rows, the fingerprint's halves, and the unreadable cells of each column.

    Of these it returns first the numbers, then one example each. `files` are s3:// URIs.
    """
    columns = contract.landed_columns
    digest_name = unused("digest", contract.columns)
    high, low = athena_sums(digest_name)
    counts = [f"count({_cell(contract, column)}) - count({identifier(column.name)})" for column in columns]
    unreadable = [f"{_cell(contract, column)} IS NOT NULL AND {identifier(column.name)} IS NULL" for column in columns]
    examples = [
        f"min(CASE WHEN {bad} THEN {_example(contract, c)} END)" for c, bad in zip(columns, unreadable, strict=True)
    ]
    selected = ",\n  ".join(["count(*)", high, low, *counts, *examples])
    return only_select(f"""WITH {_landed(contract, files, columns)},
{_digested(contract, digest_name)}
SELECT
  {selected}
FROM digested""")


def read_landed_answer(contract: Contract, row: Sequence[Any], query_id: str) -> LandedFacts:
    """Return the landed facts. Raise QueryFailed if the answer does not have the query's shape."""
    columns = contract.landed_columns
    if len(row) != 3 + 2 * len(columns):
        raise QueryFailed(f"query {query_id}: {len(row)} columns came back, {3 + 2 * len(columns)} expected", query_id)
    rows, high, low, *rest = row
    counts, examples = rest[: len(columns)], rest[len(columns) :]
    faults = [
        f"column {column.name}, {count} cells: {spelled(str(example))} is not {column.type}; "
        f"allowed: {expected_cell(column, contract.landing)}{remark(column, str(example), contract.landing)}"
        for column, count, example in zip(columns, counts, examples, strict=True)
        if count
    ]
    total = sum(int(count) for count in counts)
    return LandedFacts(
        int(rows), None if faults else Fingerprint.of_sums(int(rows), high, low), total, "; ".join(faults)
    )


def both_sides_query(
    contract: Contract,
    partition: Mapping[str, str],
    usable: Collection[str],
    named: Sequence[str],
    files: Sequence[str],
) -> str:
    """Return a query for the rows that both sides do not hold equally often: both counts, then canonical texts."""
    cells = cell_names(contract)
    texts = ", ".join(
        f"{masked(ATHENA, column, canonical_cell_text(ATHENA, column, identifier(column.name)))} AS {cell}"
        for column, cell in cells.items()
    )
    grouped, key = ", ".join(cells.values()), ", ".join(cells[column] for column in contract.compared_key)
    return only_select(f"""{delivered(contract, partition, usable, named)},
{_landed(contract, files, contract.compared_columns)},
both_sides AS (
  SELECT 1 AS landed_times, 0 AS table_times, {texts} FROM landed
  UNION ALL
  SELECT 0 AS landed_times, 1 AS table_times, {texts} FROM delivered
)
SELECT sum(landed_times), sum(table_times), {grouped}
FROM both_sides
GROUP BY {grouped}
HAVING sum(landed_times) <> sum(table_times)
ORDER BY {key}
LIMIT {ROWS_AT_MOST + 1}""")


def read_both_sides(contract: Contract, rows: Sequence[Sequence[Any]]) -> Differences:
    landed: dict[Texts, int] = {}
    table: dict[Texts, int] = {}
    for landed_times, table_times, *texts in rows[:ROWS_AT_MOST]:
        for side, times in ((landed, landed_times), (table, table_times)):
            if times:
                side[tuple(texts)] = int(times)
    return RowComparison(contract.compared_columns, contract.compared_key).differences(
        landed, table, 1, 1, 1, cut_off=len(rows) > ROWS_AT_MOST
    )


def _landed(contract: Contract, files: Sequence[str], columns: Sequence[Column]) -> str:
    """Return the common table expression "landed": cell and value of each of these landed columns."""
    database, _, table = contract.landed_table.partition(".")
    paths = ", ".join(text_literal(file) for file in files)
    cells = ",\n    ".join(
        f"{athena_cell_text(contract.landing, column, identifier(column.landed.lower()))} AS {_cell(contract, column)}"
        for column in columns
    )
    kept = ", ".join(_cell(contract, column) for column in columns)
    values = ",\n    ".join(
        f"{athena_value(contract.landing, column, _cell(contract, column))} AS {identifier(column.name)}"
        for column in columns
    )
    return f"""cells AS (
  SELECT
    {cells}
  FROM {identifier(database)}.{identifier(table)}
  WHERE "$path" IN ({paths})
),
landed AS (
  SELECT
    {kept},
    {values}
  FROM cells
)"""


def _digested(contract: Contract, name: str) -> str:
    """Return the common table expression "digested": the landed rows, each with its digest by this name."""
    parts = athena_row_texts(contract.compared_columns)
    if len(parts) == 1:
        return f"digested AS (\n  SELECT *, {athena_digest(contract.compared_columns)} AS {name}\n  FROM landed\n)"
    names = [unused(f"text {number}", contract.columns) for number in range(len(parts))]
    texts = ",\n    ".join(f"{text} AS {each}" for text, each in zip(parts, names, strict=True))
    return (
        f"row_texts AS (\n  SELECT *,\n    {texts}\n  FROM landed\n),\n"
        f"digested AS (\n  SELECT *, {athena_digest_of_texts(names)} AS {name}\n  FROM row_texts\n)"
    )


def _cell(contract: Contract, column: Column) -> str:
    return unused(f"cell {contract.landed_columns.index(column)}", contract.columns)


def _example(contract: Contract, column: Column) -> str:
    """Return the SQL of an unreadable cell's text. It may be the cell of a column beside it."""
    return "'•••'" if contract.classified else f"CAST({_cell(contract, column)} AS varchar)"
