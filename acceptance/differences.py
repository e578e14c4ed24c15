"""Where landed and table differ: which rows, which columns, the landed value beside the table's."""

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    CHANGED = "changed"
    ONLY_LANDED = "only landed"
    ONLY_TABLE = "only in the table"
    REPEATED = "not as often"


@dataclass(frozen=True, slots=True)
class DifferingCell:
    """Values as people write them, None for null; for a row that is only on one side, None on the other."""

    column: str
    landed: str | None
    table: str | None


@dataclass(frozen=True, slots=True)
class DifferingRow:
    """`key` is by column; of a changed row, the landed one. `cells` are those that differ, or all of a lone row.

    `landed_times` and `table_times` say how often the row is there.
    """

    kind: Kind
    key: dict[str, str | None]
    cells: tuple[DifferingCell, ...] = ()
    landed_times: int = 1
    table_times: int = 1


@dataclass(frozen=True, slots=True)
class Differences:
    """`buckets` of `of_buckets` differ, and `looked_into` of them were read: the counts are of these.

    `columns` counts the changed cells by column. At most 20 rows are kept; each kind and column has its turn.
    """

    buckets: int
    of_buckets: int
    looked_into: int
    counts: dict[Kind, int] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    rows: tuple[DifferingRow, ...] = ()
