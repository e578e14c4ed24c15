"""Ask Athena after a difference which buckets differ, and for the table's rows in them as canonical texts.

The query holds the last digits of each landed bucket's sum, joined in one literal. So Athena itself compares the
buckets and returns only the rows of those that differ. Equal rows come as one, with their number. If there are too many
others, each side brings its first ones in the same order.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from acceptance.contract.contract import Column, Contract
from acceptance.proof.canonical_text import ATHENA, DUCKDB, Dialect, canonical_cell_text, joined
from acceptance.proof.differences import Differences, RowComparison, Texts
from acceptance.proof.fingerprint import MOST_BUCKETS, athena_bucket, athena_half
from acceptance.queries.measuring_query import delivered
from acceptance.sql.text import identifier, only_select

ROWS_AT_MOST = 20_000
"""The most different rows of the table that the query brings, and the most landed ones that are compared with them."""

BucketRow = tuple[int, Texts]
"""A bucket's number, and one of its rows."""

BucketRows = dict[BucketRow, int]
"""How often a side holds each row."""

_ROWS_OF_A_BUCKET = 32
_BUCKETS_LOOKED_INTO = 64
_COLUMNS_AT_ONCE = 200
"""Trino compiles each row's text and each group to one Java method of 64 KB at most."""

_DIGITS = 12


@dataclass(frozen=True, slots=True)
class TableRows:
    """The answer: how many buckets differ, which of them were examined, and the table's rows in these."""

    differing: int
    looked_into: frozenset[int]
    rows: BucketRows


def bucket_columns(contract: Contract) -> tuple[Column, ...]:
    """Return the columns that decide a row's bucket: the key, so that a changed row stays in its bucket.

    If a column of the key is not compared, return all compared columns: the rest of the key may repeat in all rows.
    """
    known = {*contract.partition, *(column.name for column in contract.compared_columns)}
    return contract.compared_key if known.issuperset(contract.primary_key) else contract.compared_columns


def dealt_by_rows(contract: Contract) -> Contract | None:
    """Return the contract with which rows are dealt by all their cells, if its key deals them; else None.

    If very many rows have one key, and the first of them do not differ, this finds those that do.
    """
    if bucket_columns(contract) == contract.compared_columns:
        return None
    return replace(contract, columns=tuple(replace(column, primary_key=False) for column in contract.columns))


def in_parts(contract: Contract) -> tuple[Contract, ...]:
    """Return contracts that compare two hundred columns at most, beside the key: more are too many for one query."""
    key = contract.compared_key if contract.compared_key != contract.compared_columns else ()
    others = [column.name for column in contract.compared_columns if column not in key]
    parts = [others[start : start + _COLUMNS_AT_ONCE] for start in range(0, len(others), _COLUMNS_AT_ONCE)]
    return tuple(_comparing(contract, {*part, *(column.name for column in key)}) for part in parts) or (contract,)


def _comparing(contract: Contract, names: Collection[str]) -> Contract:
    kept = (replace(column, compared=column.compared and column.name in names) for column in contract.columns)
    return replace(contract, columns=tuple(kept))


def row_order(contract: Contract, bucket: int, first_cell: int) -> str:
    """Return the SQL behind ORDER BY: bucket, cells of the key, other cells. So a row and its changed version are near.

    `bucket` and `first_cell` are the numbers of these columns in the SELECT.
    """
    cells = (first_cell + index for index in _key_first(contract))
    return ", ".join(f"{number} NULLS LAST" for number in (bucket, *cells))


def sort_key(contract: Contract) -> Callable[[BucketRow], tuple[Any, ...]]:
    """Return the key that sorts rows in Python as `row_order` does in both engines: texts by their code points."""
    order = _key_first(contract)

    def key(row: BucketRow) -> tuple[Any, ...]:
        bucket, texts = row
        return (bucket, *((texts[index] is None, texts[index] or "") for index in order))

    return key


def _key_first(contract: Contract) -> list[int]:
    columns, key = contract.compared_columns, contract.compared_key
    return sorted(range(len(columns)), key=lambda index: (columns[index] not in key, index))


def buckets_for(rows: int) -> int:
    """Return the number of buckets: a power of 2, 4096 at most, so that a bucket has about thirty rows."""
    buckets = 1
    while buckets * _ROWS_OF_A_BUCKET < rows and buckets < MOST_BUCKETS:
        buckets *= 2
    return buckets


def duckdb_texts(contract: Contract, values: Sequence[str]) -> list[str]:
    """Return DuckDB's expressions of the compared cells' texts, masked if sensitive, from those of their values."""
    columns = zip(contract.compared_columns, values, strict=True)
    return [masked(DUCKDB, column, canonical_cell_text(DUCKDB, column, value)) for column, value in columns]


def cell_names(contract: Contract) -> dict[Column, str]:
    """Return the name that a query gives to the text of each compared cell."""
    return {column: f"c{number}" for number, column in enumerate(contract.compared_columns)}


def masked(dialect: Dialect, column: Column, text: str) -> str:
    """Return the expression of a cell's text; of a sensitive cell, of its md5: nothing else leaves an engine."""
    return dialect.md5_hex.format(text) if column.sensitive else text


def difference_query(
    contract: Contract,
    partition: Mapping[str, str],
    usable: Collection[str],
    files: Sequence[str],
    landed: Mapping[int, int],
    rows: int,
) -> str:
    """Return the query. `landed` holds the sum of the landed rows' high halves by bucket; `rows` counts landed rows."""
    buckets, cells = buckets_for(rows), cell_names(contract)
    texts = (masked(ATHENA, column, f"hashed.{cell}") for column, cell in cells.items())
    sums = "".join(_digits(landed.get(bucket, 0)) for bucket in range(buckets))
    look_into = max(1, min(_BUCKETS_LOOKED_INTO, ROWS_AT_MOST * buckets // max(rows, 1)))
    return only_select(f"""{delivered(contract, partition, usable, files)},
{_hashed(contract, buckets)},
sums AS (
  SELECT bucket, mod(abs(sum(CAST(half AS decimal(38, 0)))), 1{"0" * _DIGITS}) AS total
  FROM hashed
  GROUP BY bucket
),
differing AS (
  SELECT every_bucket.bucket AS bucket, count(*) OVER () AS buckets
  FROM UNNEST(sequence(0, {buckets - 1})) AS every_bucket (bucket)
  LEFT JOIN sums ON sums.bucket = every_bucket.bucket
  WHERE lpad(coalesce(CAST(sums.total AS varchar), '0'), {_DIGITS}, '0')
    <> substr('{sums}', CAST(every_bucket.bucket * {_DIGITS} + 1 AS bigint), {_DIGITS})
  ORDER BY every_bucket.bucket
  LIMIT {look_into}
)
SELECT differing.buckets, differing.bucket, count(hashed.half), {", ".join(texts)}
FROM differing
LEFT JOIN hashed ON hashed.bucket = differing.bucket
GROUP BY {", ".join(map(str, (1, 2, *range(4, 4 + len(cells)))))}
ORDER BY {row_order(contract, 2, 4)}
LIMIT {ROWS_AT_MOST + 1}""")


def read_table_rows(answer: Sequence[Sequence[Any]]) -> TableRows:
    """Read the rows of the answer, without a bucket that the limit cut off, unless it is the only one."""
    looked_into = list(dict.fromkeys(int(row[1]) for row in answer))
    if len(answer) > ROWS_AT_MOST and len(looked_into) > 1:
        looked_into.pop()
    rows = {(int(row[1]), tuple(row[3:])): int(row[2]) for row in answer if int(row[2]) and int(row[1]) in looked_into}
    return TableRows(int(answer[0][0]) if answer else 0, frozenset(looked_into), rows)


def first_rows(contract: Contract, rows: BucketRows) -> BucketRows:
    """Return the first different rows, one more than `ROWS_AT_MOST` if there are more."""
    if len(rows) <= ROWS_AT_MOST + 1:
        return rows
    return {row: rows[row] for row in sorted(rows, key=sort_key(contract))[: ROWS_AT_MOST + 1]}


def differences(
    contract: Contract, rows: int, landed: BucketRows, table: TableRows, known_by: Contract | None = None
) -> Differences:
    """Compare the rows of the examined buckets. `landed` are the landed ones; `rows` counts all landed rows.

    `known_by` has the key by which a person knows a row, if `contract` deals them otherwise.

    If a side has more rows than it may bring, both are compared up to the first end.
    """
    key, looked_into = sort_key(contract), table.looked_into
    sides: list[BucketRows] = [landed, table.rows]
    ends = [max(map(key, side)) for side in sides if len(side) > ROWS_AT_MOST]
    if ends:
        sides = [{row: times for row, times in side.items() if key(row) < min(ends)} for side in sides]
        looked_into = frozenset(bucket for bucket in looked_into if (bucket,) <= min(ends))
    landed_texts, table_texts = ({texts: times for (_, texts), times in side.items()} for side in sides)
    known_by = known_by or contract
    return RowComparison(known_by.compared_columns, known_by.compared_key).differences(
        landed_texts, table_texts, table.differing, buckets_for(rows), len(looked_into), cut_off=bool(ends)
    )


def _hashed(contract: Contract, buckets: int) -> str:
    """Return the common table expression "hashed": bucket, high half and cell texts of each delivered row."""
    cells = cell_names(contract)
    texts = ",\n    ".join(
        f"{canonical_cell_text(ATHENA, column, identifier(column.name))} AS {cell}" for column, cell in cells.items()
    )
    return f"""texts AS (
  SELECT
    {texts}
  FROM delivered
),
hashed AS (
  SELECT
    {athena_bucket(joined([cells[column] for column in bucket_columns(contract)]), buckets)} AS bucket,
    {athena_half(joined(list(cells.values())))} AS half,
    {", ".join(cells.values())}
  FROM texts
)"""


def _digits(total: int) -> str:
    return f"{abs(total) % 10**_DIGITS:0{_DIGITS}d}"
