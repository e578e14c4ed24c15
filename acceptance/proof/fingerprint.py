"""Compute one fingerprint of all cells of a table or file, the same in Athena and DuckDB.

The md5 of a row's canonical text (`canonical_text`; in UTF-8) is two signed big-endian 64-bit integers; the fingerprint
sums each half over the rows. A sum does not depend on the order of the rows and, unlike XOR, counts repeated rows.

To find where two sides differ, the last bits, 12 at most, of the md5 of the key's canonical text put each row into a
bucket. Without a key, those of the row's text do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from acceptance.contract.contract import Column
from acceptance.proof.canonical_text import ATHENA, DUCKDB, row_text
from acceptance.sql.text import identifier

MOST_BUCKETS = 4096
_COLUMNS_AT_ONCE = 100

_LOW, _LOW_SIGN = f"{2**64 - 1}::UHUGEINT", f"{2**63}::UHUGEINT"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Number of rows, and the sums of the high and low halves of their digests. Equal fingerprints, equal cells."""

    rows: int
    high: int
    low: int

    @classmethod
    def of_sums(cls, rows: int, high: object, low: object) -> "Fingerprint":
        """Build it from an engine's result: int, Decimal, text, or null for the sum over no rows."""
        return cls(rows, _integer(high), _integer(low))

    def __add__(self, other: "Fingerprint") -> "Fingerprint":
        """Return the fingerprint of the rows of both together."""
        return Fingerprint(self.rows + other.rows, self.high + other.high, self.low + other.low)

    def __sub__(self, other: "Fingerprint") -> "Fingerprint":
        """Return the fingerprint of these rows without those of the other."""
        return Fingerprint(self.rows - other.rows, self.high - other.high, self.low - other.low)

    def __str__(self) -> str:
        return f"{self.rows}:{self.high:x}:{self.low:x}"


def athena_digest(columns: Sequence[Column]) -> str:
    """Return the SQL of a row's digest, in Athena's dialect.

    Raises:
        ValueError: a column has a type without canonical text.
    """
    return f"md5(to_utf8({row_text(ATHENA, columns, [identifier(column.name) for column in columns])}))"


def athena_row_texts(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return the SQL of a row's text in Athena's dialect, in parts of a hundred columns.

    Trino compiles each selected expression to one Java method, which may not have more than 64 KB: the text of 400
    columns is too long for one.

    Raises:
        ValueError: a column has a type without canonical text.
    """
    parts = (columns[start : start + _COLUMNS_AT_ONCE] for start in range(0, len(columns), _COLUMNS_AT_ONCE))
    return tuple(row_text(ATHENA, part, [identifier(column.name) for column in part]) for part in parts)


def athena_digest_of_texts(names: Sequence[str]) -> str:
    """Return the SQL of a row's digest from the names of its texts' parts, which a SELECT below has computed."""
    # Trino moves an expression that is named once to where it is named, so each is named twice.
    named_again = (f"substr({name}, 1, 0)" for name in names)
    return f"md5(to_utf8(concat({', chr(31), '.join(names)}, {', '.join(named_again)})))"


def athena_sums(digest: str) -> tuple[str, str]:
    """Return the two aggregates, in Athena's dialect, that give `high` and `low` over the rows of a SELECT."""
    halves = (f"from_big_endian_64(substr({digest}, {start}, 8))" for start in (1, 9))
    high, low = (f"coalesce(sum(CAST({half} AS decimal(38, 0))), CAST(0 AS decimal(38, 0)))" for half in halves)
    return high, low


def duckdb_digest(columns: Sequence[Column], values: Sequence[str]) -> str:
    """Return the same digest in DuckDB's dialect, as one number of 128 bits. `values` are expressions by column.

    Raises:
        ValueError: as `athena_digest`.
    """
    return f"CAST(CAST(unhex(md5({row_text(DUCKDB, columns, values)})) AS BIT) AS UHUGEINT)"


def duckdb_sums(digest: str) -> tuple[str, str]:
    """Return the two aggregates over `digest` in DuckDB's dialect."""
    # These sums have no signs. A half whose first bit is set is negative, which is 2^64 less.
    halves = ((f"{digest} >> 64", f"{digest} >> 127 = 1"), (f"{digest} & {_LOW}", f"{digest} & {_LOW_SIGN} > 0"))
    high, low = (
        f"coalesce(sum(CAST({half} AS UBIGINT)) - {2**64} * count(*) FILTER (WHERE {negative}), 0)"
        for half, negative in halves
    )
    return high, low


def athena_bucket(key_text: str, buckets: int) -> str:
    """Return the SQL of a row's bucket in Athena's dialect, from its key's text. `buckets` is a power of 2."""
    return f"bitwise_and(from_big_endian_64(substr(md5(to_utf8({key_text})), 9, 8)), {buckets - 1})"


def athena_half(row: str) -> str:
    """Return the SQL of a row's high half in Athena's dialect, from its text."""
    return f"from_big_endian_64(substr(md5(to_utf8({row})), 1, 8))"


def duckdb_bucket(columns: Sequence[Column], values: Sequence[str], buckets: int) -> str:
    """Return the SQL of a row's bucket in DuckDB's dialect, from the expressions of its key's values."""
    return f"(CAST('0x' || md5({row_text(DUCKDB, columns, values)})[30:32] AS INTEGER) & {buckets - 1})"


def duckdb_half(columns: Sequence[Column], values: Sequence[str]) -> str:
    """Return the SQL of a row's high half in DuckDB's dialect, from the expressions of its values."""
    return f"CAST(CAST(unhex(md5({row_text(DUCKDB, columns, values)})[1:16]) AS BIT) AS BIGINT)"


def _integer(value: object) -> int:
    return 0 if value is None else int(Decimal(str(value)))
