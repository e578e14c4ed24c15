"""Read a sample of Avro or ORC: the types of its columns give the types of the table."""

from collections.abc import Callable
from pathlib import Path

import duckdb

from acceptance.contract.landing_format import FileFormat, LandingFormat
from acceptance.errors import StepFailed
from landed.formats.avro.opening import avro_records
from landed.formats.orc.opening import orc_records
from landed.formats.parquet_types import NS_IN_UTC, NULLS_ONLY
from landed.formats.typed_texts import TEXT_OF_TIME, TypedRecords
from landed.reading.faults import Faults, Unreadable
from landed.reading.rewritten import write_records
from landed.sampling.candidates import SampleColumn, SampleTable, measure
from landed.sampling.parquet import hive_type, typed_column

_OPENED: dict[FileFormat, tuple[str, Callable[[Path], TypedRecords]]] = {
    FileFormat.AVRO: ("Avro", avro_records),
    FileFormat.ORC: ("ORC", orc_records),
}
_CAST = {NULLS_ONLY: "VARCHAR", NS_IN_UTC: "TIMESTAMP_NS", TEXT_OF_TIME: "TIMESTAMP"}


def typed_sample(
    duck: duckdb.DuckDBPyConnection, path: Path, format_: FileFormat, scratch: Path, name: str
) -> SampleTable:
    """Read the sample. Columns that no plain type holds, such as lists, become ignored columns."""
    called, opened = _OPENED[format_]
    try:
        file = opened(path)
        held = [place for place, column in enumerate(file.columns) if column.type_]
        written = write_records(scratch / "rows.json", file.read(held, _refuse), Faults())
    except Unreadable as error:
        raise StepFailed(f"{name} cannot be read as {called}: {error}") from error
    types = [file.columns[place].type_ for place in held]
    cells = [f"TRY_CAST(cells[{cell + 1}] AS {_CAST.get(type_, type_)}) AS c{cell}" for cell, type_ in enumerate(types)]
    cells += [f"cells[{cell + 1}] AS t{cell}" for cell, type_ in enumerate(types) if type_ == TEXT_OF_TIME]
    duck.execute(f"CREATE TEMP TABLE sample AS SELECT {', '.join(cells) or '1'} FROM {written.source}")
    names = [file.columns[place].written for place in held]
    profiled = [_profiled(duck, name, cell, type_) for cell, (name, type_) in enumerate(zip(names, types, strict=True))]
    ignored = tuple(column.written for column in file.columns if not column.type_)
    return SampleTable(LandingFormat(format_, ignored=ignored), tuple(profiled))


def _profiled(duck: duckdb.DuckDBPyConnection, name: str, cell: int, type_: str) -> SampleColumn:
    if type_ != TEXT_OF_TIME:
        return typed_column(duck, name, f"c{cell}", hive_type(type_))
    (finer,) = measure(duck, f"coalesce(bool_or(regexp_matches(t{cell}, '[.][0-9]{{3}}[0-9]*[1-9]')), false)")
    return SampleColumn(name, "timestamp", f"c{cell}", f"c{cell}", rounded=finer)


def _refuse(record: int, _: int, found: bytes) -> None:
    raise Unreadable("a text has bytes that are not valid UTF-8", record)
