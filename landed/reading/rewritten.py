"""Records that Python separated, written to a file that DuckDB cannot mistake: a list of JSON a line.

JSON has a sign for null, and a line end of a cell is no line end of the file. So no cell can be taken for another one,
and DuckDB may read any part of the file on its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from json.encoder import encode_basestring
from pathlib import Path

import duckdb

from landed.reading.bounds import refuse_full_disk
from landed.reading.faults import Faults
from landed.reading.sql import TextSql, file_literal

Cells = Sequence[str | None]
"""The cells of a record; None where nothing stands, not even quotes."""

_LOOK_EVERY_ROWS = 10_000
_SHORT_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The file, the number of its records, and the bytes of a line at most."""

    path: Path
    rows: int
    longest_bytes: int = _SHORT_BYTES

    @property
    def source(self) -> str:
        """The records as an operand of FROM. The column `cells` is the list of a record's cells."""
        return (
            f"read_json({file_literal(self.path)}, format = 'newline_delimited', records = false, "
            f"columns = {{cells: 'VARCHAR[]'}}, maximum_object_size = {self.longest_bytes})"
        )


def write_records(path: Path, records: Iterable[Cells], faults: Faults) -> Rewritten:
    """Write the records. After a fault they are only counted."""
    rows, longest = 0, _SHORT_BYTES
    with path.open("w", encoding="utf-8", newline="") as file:
        for cells in records:
            rows += 1
            if not faults.count:
                line = _line(cells)
                file.write(line)
                if 4 * len(line) > longest:
                    longest = max(longest, len(line.encode()))
            if rows % _LOOK_EVERY_ROWS == 0:
                refuse_full_disk(path.parent)
    return Rewritten(path, rows, longest)


def _line(cells: Cells) -> str:
    return f"[{','.join(['null' if cell is None else encode_basestring(cell) for cell in cells])}]\n"


@dataclass(frozen=True, slots=True)
class RewrittenSql(TextSql):
    """The queries over records that Python wrote."""

    written: Rewritten

    def records(self, *, in_order: bool = False) -> str:
        cells = ", ".join(f"cells[{position + 1}] AS c{position}" for position in self.positions)
        return f"(SELECT {cells} FROM {self.written.source})"  # DuckDB keeps the order of the file anyway

    def control(self, duck: duckdb.DuckDBPyConnection, folder: Path) -> "RewrittenSql":
        path = folder / "control.json"
        return replace(self, written=write_records(path, [[None] * (1 + max(self.positions))], Faults()))
