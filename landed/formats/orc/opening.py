"""Open a landed ORC file: Python reads its values strictly and writes them as texts, DuckDB reads these as cells."""

from functools import partial
from pathlib import Path

import duckdb

from acceptance.contract.contract import Contract
from landed.formats.orc.records import read_records
from landed.formats.orc.tail import read_tail
from landed.formats.orc.types import allowed
from landed.formats.typed_texts import TypedRecords, open_typed
from landed.reading.faults import Faults
from landed.reading.sql import Opened


def open_orc(_: duckdb.DuckDBPyConnection, path: Path, contract: Contract, scratch: Path, faults: Faults) -> Opened:
    """Open the file. Its faults are those of `open_typed`."""
    return open_typed(path, orc_records(path), contract, allowed, scratch, faults)


def orc_records(path: Path) -> TypedRecords:
    """Read the footer. Raise Unreadable, as does the function of the records."""
    tail = read_tail(path)
    return TypedRecords(tail.columns, lambda: tail.rows, partial(read_records, path, tail))
