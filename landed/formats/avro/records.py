"""The records of an Avro file, as texts of their values."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from landed.formats.avro.container import Block, Header, blocks, read_header
from landed.formats.avro.schema import AvroColumn, read_schema
from landed.formats.avro.values import Damaged, NotText, Read
from landed.formats.typed_texts import NoText
from landed.reading.bounds import MOST_COLUMNS
from landed.reading.faults import Unreadable


def read_columns(path: Path) -> tuple[Header, tuple[AvroColumn, ...]]:
    """Read the header, and the columns that its schema describes. Raise Unreadable."""
    header = read_header(path)
    columns = read_schema(header.schema)
    if len(columns) > MOST_COLUMNS:
        raise Unreadable(f"the file has {len(columns):,} columns; Aceite reads at most {MOST_COLUMNS:,}")
    if not columns:
        raise Unreadable("the records of the file's schema have no fields, so the file has no columns")
    return header, columns


def read_records(
    path: Path, header: Header, columns: Sequence[AvroColumn], wanted: Sequence[int], no_text: NoText
) -> Iterator[list[str | None]]:
    """Yield the cells of each record, in the order in which their columns are wanted. Raise Unreadable."""
    cells_of = {column: cell for cell, column in enumerate(wanted)}
    fields = [
        (column.avro.read, cells_of[place]) if place in cells_of else (column.avro.passed, None)
        for place, column in enumerate(columns)
    ]
    for block in blocks(path, header, len(columns)):
        yield from _of_block(block, fields, len(wanted), no_text)


def _of_block(
    block: Block, fields: Sequence[tuple[Read, int | None]], width: int, no_text: NoText
) -> Iterator[list[str | None]]:
    data, place = block.data, 0
    for number in range(block.records):
        cells: list[str | None] = [None] * width
        try:
            for read, cell in fields:
                try:
                    value, place = read(data, place)
                except NotText as error:
                    value, place = None, error.place
                    no_text(block.first + number, cell or 0, error.found)
                if cell is not None:
                    cells[cell] = value
        except (Damaged, RecursionError) as error:
            how = str(error) if isinstance(error, Damaged) else "a value is nested too deep"
            raise block.damaged(how, number) from None
        yield cells
    if place != len(data):
        raise block.damaged("other bytes follow its last record", block.records)
