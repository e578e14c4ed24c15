"""The faults that the pipeline makes when the landed object's user metadata requests one (aceite-fault: NAME)."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any
from uuid import uuid4

METADATA_KEY = "aceite-fault"


class PipelineFault(StrEnum):
    ROW_DROPPED = "row-dropped"
    ROW_DUPLICATED = "row-duplicated"
    CELL_CHANGED = "cell-changed"
    NULLS_TO_TEXT = "nulls-to-text"
    DECIMALS_TRUNCATED = "decimals-truncated"
    WRONG_PARTITION = "wrong-partition"
    LAMBDA_ERROR = "lambda-error"
    GLUE_FAILURE = "glue-failure"
    NO_PARTITION = "no-partition"


FAULTS: dict[str, str] = {
    PipelineFault.ROW_DROPPED: "The row in the middle of the file is missing in the table.",
    PipelineFault.ROW_DUPLICATED: "The row in the middle of the file is in the table twice.",
    PipelineFault.CELL_CHANGED: "One cell of the row in the middle has another value. The column is not a key.",
    PipelineFault.NULLS_TO_TEXT: "The nulls of a text column become the text 'null'. Without nulls, one cell does.",
    PipelineFault.DECIMALS_TRUNCATED: "Decimals and doubles lose their fraction.",
    PipelineFault.WRONG_PARTITION: "The rows are written to the partition of the next day.",
    PipelineFault.LAMBDA_ERROR: "The first Lambda function fails.",
    PipelineFault.GLUE_FAILURE: "The conversion fails, in the Glue job or in the function that converts.",
    PipelineFault.NO_PARTITION: "The rows are written, but their partition is not added to the catalog.",
}
"""One sentence for each fault: what happens."""

Columns = Sequence[tuple[str, str, bool]]
"""Quoted name, Hive type, and True for a column of the primary key."""


class ImpossibleFault(Exception):
    """The fault cannot be made: the file or the table has nothing for it to change."""


def change_rows(connection: Any, fault: PipelineFault | None, columns: Columns) -> None:
    """Make a fault of the rows in the table `delivered`. Other faults change nothing here."""
    if fault not in _ROW_FAULTS:
        return
    (rows,) = connection.execute("SELECT count(*) FROM delivered").fetchone()
    if not rows:
        raise ImpossibleFault(f"{fault}: the file has no row")
    place = f'"{uuid4().hex}"'  # a column of the file may have any other name, such as rowid
    connection.execute(f"CREATE TABLE numbered AS SELECT *, row_number() OVER () AS {place} FROM delivered")
    connection.execute("DROP TABLE delivered; ALTER TABLE numbered RENAME TO delivered")
    for statement in _ROW_FAULTS[fault](connection, columns, f"WHERE {place} = {rows // 2 + 1}"):
        connection.execute(statement)
    connection.execute(f"ALTER TABLE delivered DROP COLUMN {place}")


def _cell_changed(connection: Any, columns: Columns, middle: str) -> list[str]:
    candidates = [column for column in columns if not column[2]] or columns
    names = ", ".join(name for name, _, _ in candidates)
    row = connection.execute(f"SELECT {names} FROM delivered {middle}").fetchone()
    filled = [column for column, cell in zip(candidates, row, strict=True) if cell is not None] or candidates[:1]
    cell, kind, _ = min(filled, key=lambda column: (not _is_number(column[1]), not _is_text(column[1])))
    changed = {"boolean": f"NOT {cell}", "date": f"{cell} + 1", "timestamp": f"{cell} + INTERVAL 1 DAY"}.get(kind)
    if kind.startswith("array"):
        changed = f"list_append(coalesce({cell}, []), NULL)"
    elif "<" in kind:
        changed = "NULL"
    changed = changed or (f"coalesce({cell}, '') || '?'" if _is_text(kind) else f"coalesce({cell}, 0) + 1")
    return [f"UPDATE delivered SET {cell} = {changed} {middle}"]


def _nulls_to_text(connection: Any, columns: Columns, middle: str) -> list[str]:
    names = [name for name, kind, _ in sorted(columns, key=lambda column: column[2]) if _is_text(kind)]
    if not names:
        raise ImpossibleFault("nulls-to-text: the dataset has no text column")
    for name in names:
        if connection.execute(f"SELECT count(*) FROM delivered WHERE {name} IS NULL").fetchone()[0]:
            return [f"UPDATE delivered SET {name} = 'null' WHERE {name} IS NULL"]
    return [f"UPDATE delivered SET {names[0]} = 'null' {middle}"]


def _decimals_truncated(connection: Any, columns: Columns, middle: str) -> list[str]:
    names = [name for name, kind, _ in columns if kind.startswith(("decimal", "double", "float"))]
    if not names:
        raise ImpossibleFault("decimals-truncated: the dataset has no decimal or double column")
    return [f"UPDATE delivered SET {', '.join(f'{name} = trunc({name})' for name in names)}"]


_ROW_FAULTS: dict[PipelineFault | None, Callable[[Any, Columns, str], list[str]]] = {
    PipelineFault.ROW_DROPPED: lambda connection, columns, middle: [f"DELETE FROM delivered {middle}"],
    PipelineFault.ROW_DUPLICATED: lambda connection, columns, middle: [
        f"INSERT INTO delivered SELECT * FROM delivered {middle}"
    ],
    PipelineFault.CELL_CHANGED: _cell_changed,
    PipelineFault.NULLS_TO_TEXT: _nulls_to_text,
    PipelineFault.DECIMALS_TRUNCATED: _decimals_truncated,
}


def _is_number(kind: str) -> bool:
    return kind.startswith(("tinyint", "smallint", "int", "bigint", "decimal", "double", "float"))


def _is_text(kind: str) -> bool:
    return kind.startswith(("string", "varchar", "char"))
