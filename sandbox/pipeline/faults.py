"""What the pipeline does wrong when the landed object's user metadata asks for it (aceite-fault: NAME)."""

from enum import StrEnum

METADATA_KEY = "aceite-fault"


class Fault(StrEnum):
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
    Fault.ROW_DROPPED: "The row in the middle of the file does not reach the table.",
    Fault.ROW_DUPLICATED: "The row in the middle of the file is in the table twice.",
    Fault.CELL_CHANGED: "One cell of the row in the middle has another value, in a column that is not a key.",
    Fault.NULLS_TO_TEXT: "The nulls of a text column become the text 'null'; if there are none, one cell does.",
    Fault.DECIMALS_TRUNCATED: "Decimals and doubles lose what is after the point.",
    Fault.WRONG_PARTITION: "The rows are in the partition of the next day.",
    Fault.LAMBDA_ERROR: "The first Lambda function fails.",
    Fault.GLUE_FAILURE: "The conversion fails, in the Glue job or wherever it is made.",
    Fault.NO_PARTITION: "The rows are written, but their partition is not added to the catalog.",
}
"""Each name with what happens, in one sentence."""


class Impossible(Exception):
    """The file has nothing that the fault could change."""


def spoil(connection, fault, columns):
    """Applies a fault of the data to the table `delivered`. `columns` are (name, Hive type, whether it is of the key)."""
    row = connection.execute("SELECT rowid FROM delivered ORDER BY rowid LIMIT 1 OFFSET (SELECT count(*) // 2 FROM delivered)")
    middle = row.fetchone()
    if fault not in _SPOILERS:
        return
    if middle is None:
        raise Impossible(f"{fault}: the file has no row")
    for statement in _SPOILERS[fault](connection, columns, f"WHERE rowid = {middle[0]}"):
        connection.execute(statement)


def _cell_changed(connection, columns, middle):
    free = [column for column in columns if not column[2]] or columns
    filled = connection.execute(f"SELECT {', '.join(_quoted(name) for name, _, _ in free)} FROM delivered {middle}").fetchone()
    candidates = [column for column, cell in zip(free, filled) if cell is not None] or free[:1]
    name, kind, _ = min(candidates, key=lambda column: (not _is_number(column[1]), not _is_text(column[1])))
    changed = {"boolean": "NOT coalesce({0}, true)", "date": "{0} + 1", "timestamp": "{0} + INTERVAL 1 DAY"}.get(kind)
    changed = changed or ("coalesce({0}, '') || '?'" if _is_text(kind) else "coalesce({0}, 0) + 1")
    return [f"UPDATE delivered SET {_quoted(name)} = {changed.format(_quoted(name))} {middle}"]


def _nulls_to_text(connection, columns, middle):
    texts = [_quoted(name) for name, kind, _ in sorted(columns, key=lambda column: column[2]) if _is_text(kind)]
    if not texts:
        raise Impossible("nulls-to-text: the dataset has no text column")
    counts = connection.execute(f"SELECT {', '.join(f'count(*) - count({name})' for name in texts)} FROM delivered").fetchone()
    for name, nulls in zip(texts, counts):
        if nulls:
            return [f"UPDATE delivered SET {name} = 'null' WHERE {name} IS NULL"]
    return [f"UPDATE delivered SET {texts[0]} = 'null' {middle}"]


def _decimals_truncated(connection, columns, middle):
    names = [_quoted(name) for name, kind, _ in columns if kind.startswith(("decimal", "double", "float"))]
    if not names:
        raise Impossible("decimals-truncated: the dataset has no decimal or double column")
    return [f"UPDATE delivered SET {', '.join(f'{name} = trunc({name})' for name in names)}"]


_SPOILERS = {
    Fault.ROW_DROPPED: lambda connection, columns, middle: [f"DELETE FROM delivered {middle}"],
    Fault.ROW_DUPLICATED: lambda connection, columns, middle: [f"INSERT INTO delivered SELECT * FROM delivered {middle}"],
    Fault.CELL_CHANGED: _cell_changed,
    Fault.NULLS_TO_TEXT: _nulls_to_text,
    Fault.DECIMALS_TRUNCATED: _decimals_truncated,
}


def _is_number(kind):
    return kind.startswith(("tinyint", "smallint", "int", "bigint", "decimal", "double", "float"))


def _is_text(kind):
    return kind.startswith(("string", "varchar", "char"))


def _quoted(name):
    return '"' + name.replace('"', '""') + '"'
