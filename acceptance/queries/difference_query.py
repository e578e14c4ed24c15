"""The one more query after a difference: which buckets differ, and the table's rows in them as canonical texts.

The landed side's sums go into it, as many digits of each bucket's sum one after the other in one literal. So Athena
itself tells which buckets differ, and only their rows leave it. Of too many rows, both sides bring the first in the
same order.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acceptance.contract.contract import Column, Contract
from acceptance.proof.canonical_text import ATHENA, DUCKDB, Dialect, cell_text, joined
from acceptance.proof.differences import Compared, Differences, Texts
from acceptance.proof.fingerprint import MOST_BUCKETS, athena_bucket, athena_half, quoted_names
from acceptance.queries.measuring_query import delivered
from acceptance.sql.text import only_select

ROWS_AT_MOST = 20_000
"""Of the table, that one difference query brings, and of what landed, that are held beside them."""

Placed = tuple[int, Texts]
"""A row with its bucket."""

_ROWS_OF_A_BUCKET = 32
_BUCKETS_LOOKED_INTO = 64
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class TableRows:
    """The answer: how many buckets differ, which of them were looked into, and the table's rows in these."""

    differing: int
    looked_into: frozenset[int]
    rows: tuple[Placed, ...]


def compared(contract: Contract) -> Compared:
    return Compared(contract.compared_columns, contract.compared_key)


def dealt_by(contract: Contract) -> tuple[Column, ...]:
    """The columns that say in which bucket a row is: the key, so that a changed row stays in its bucket.

    All of them where the key has a column that is not compared: the others may be the same in all rows.
    """
    known = {*contract.partition, *(column.name for column in contract.compared_columns)}
    return contract.compared_key if known.issuperset(contract.primary_key) else contract.compared_columns


def in_order(contract: Contract, first: int, texts: int) -> str:
    """What comes after ORDER BY: the bucket, the cells of the key, the others. So a row and what became of it are near.

    `first` is the number of the bucket's column in the SELECT, `texts` of the first cell's. See `place`.
    """
    return ", ".join(f"{number} NULLS LAST" for number in (first, *(texts + each for each in _key_first(contract))))


def place(contract: Contract) -> Callable[[Placed], tuple[Any, ...]]:
    """What orders rows here as `in_order` does in both engines: texts by their code points."""
    order = _key_first(contract)

    def of(row: Placed) -> tuple[Any, ...]:
        bucket, texts = row
        return (bucket, *((texts[each] is None, texts[each] or "") for each in order))

    return of


def _key_first(contract: Contract) -> list[int]:
    columns, key = contract.compared_columns, contract.compared_key
    return sorted(range(len(columns)), key=lambda each: (columns[each] not in key, each))


def buckets_for(rows: int) -> int:
    """A power of 2, so that a bucket has some thirty rows; 4096 at most."""
    buckets = 1
    while buckets * _ROWS_OF_A_BUCKET < rows and buckets < MOST_BUCKETS:
        buckets *= 2
    return buckets


def duckdb_texts(contract: Contract, values: Sequence[str]) -> list[str]:
    """The expressions of the compared cells' texts, from those of their values, as `rows_of_buckets` answers them."""
    columns = zip(contract.compared_columns, values, strict=True)
    return [masked(DUCKDB, column, cell_text(DUCKDB, column, value)) for column, value in columns]


def cell_names(contract: Contract) -> dict[Column, str]:
    """What a query calls the text of each compared cell."""
    return {column: f"c{number}" for number, column in enumerate(contract.compared_columns)}


def masked(dialect: Dialect, column: Column, text: str) -> str:
    """A sensitive cell leaves no engine but as its md5."""
    return dialect.md5_hex.format(text) if column.sensitive else text


def difference_query(
    contract: Contract,
    partition: Mapping[str, str],
    usable: Collection[str],
    files: Sequence[str],
    landed: Mapping[int, int],
    rows: int,
) -> str:
    """`landed` is the sum of the high halves of the landed rows by bucket, `rows` how many rows landed."""
    buckets, cells = buckets_for(rows), cell_names(contract)
    shown = (masked(ATHENA, column, f"hashed.{cell}") for column, cell in cells.items())
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
SELECT differing.buckets, differing.bucket, hashed.half IS NOT NULL, {", ".join(shown)}
FROM differing
LEFT JOIN hashed ON hashed.bucket = differing.bucket
ORDER BY {in_order(contract, 2, 4)}
LIMIT {ROWS_AT_MOST + 1}""")


def read_table_rows(answer: Sequence[Sequence[Any]]) -> TableRows:
    """From the rows that the query answered. A bucket that was cut off is left out, unless it is the only one."""
    rows = list(answer)
    looked_into = list(dict.fromkeys(int(row[1]) for row in rows))
    if len(rows) > ROWS_AT_MOST and len(looked_into) > 1:
        looked_into.pop()
    kept = frozenset(looked_into)
    placed = tuple((int(row[1]), tuple(row[3:])) for row in rows if row[2] and int(row[1]) in kept)
    return TableRows(int(rows[0][0]) if rows else 0, kept, placed)


def differences(contract: Contract, rows: int, landed: Sequence[Placed], table: TableRows) -> Differences:
    """`landed` are the landed rows of the buckets that were looked into; `rows` how many landed in all.

    Where a side has more than it may bring, both are compared up to where the first of them ends.
    """
    at, looked_into = place(contract), table.looked_into
    sides: list[Sequence[Placed]] = [landed, table.rows]
    ends = [max(map(at, side)) for side in sides if len(side) > ROWS_AT_MOST]
    if ends:
        sides = [[row for row in side if at(row) < min(ends)] for side in sides]
        looked_into = frozenset(bucket for bucket in looked_into if (bucket,) <= min(ends))
    ours, theirs = ([texts for _, texts in side] for side in sides)
    return compared(contract).differences(
        ours, theirs, table.differing, buckets_for(rows), len(looked_into), cut_off=bool(ends)
    )


def _hashed(contract: Contract, buckets: int) -> str:
    """The common table expression "hashed": of each delivered row its bucket, its half, and its cells' texts."""
    columns, cells = contract.compared_columns, cell_names(contract)
    texts = ",\n    ".join(
        f"{cell_text(ATHENA, column, name)} AS {cells[column]}"
        for column, name in zip(columns, quoted_names(columns), strict=True)
    )
    return f"""texts AS (
  SELECT
    {texts}
  FROM delivered
),
hashed AS (
  SELECT
    {athena_bucket(joined([cells[column] for column in dealt_by(contract)]), buckets)} AS bucket,
    {athena_half(joined(list(cells.values())))} AS half,
    {", ".join(cells.values())}
  FROM texts
)"""


def _digits(total: int) -> str:
    return f"{abs(total) % 10**_DIGITS:0{_DIGITS}d}"
