"""Open a landed Avro file: Python reads its values strictly and writes them as texts, DuckDB reads these as cells."""

from functools import partial
from pathlib import Path

import duckdb

from acceptance.contract.contract import Contract
from landed.formats.avro.container import blocks
from landed.formats.avro.records import read_columns, read_records
from landed.formats.avro.schema import allowed
from landed.formats.typed_texts import TypedRecords, open_typed
from landed.reading.faults import Faults
from landed.reading.sql import Opened


def open_avro(_: duckdb.DuckDBPyConnection, path: Path, contract: Contract, scratch: Path, faults: Faults) -> Opened:
    """Open the file. Its faults are those of `open_typed`."""
    return open_typed(path, avro_records(path), contract, allowed, scratch, faults)


def avro_records(path: Path) -> TypedRecords:
    """Read the header. Raise Unreadable, as do the functions of the records."""
    header, columns = read_columns(path)
    return TypedRecords(
        columns,
        lambda: sum(block.records for block in blocks(path, header, len(columns))),
        partial(read_records, path, header, columns),
    )
