"""Profile a landed sample column by column, with the strict reading rules of the judge."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import combinations
from pathlib import Path

import duckdb

from acceptance.contract.hive_types import FLOATS, HiveKind
from acceptance.contract.landing_format import Compression, FileFormat, LandingFormat
from acceptance.errors import StepFailed
from acceptance.odcs.draft import ColumnProfile, Profile
from blocks.temporary_folders import temporary_folder
from landed.formats.avro.container import MAGIC
from landed.reading.duckdb_reader import read_within_s, reader
from landed.reading.encoding import as_utf8
from landed.reading.faults import Faults, Unreadable
from landed.reading.likely_encoding import wide_encoding
from landed.reading.unpacking import is_orc, packing_of, refuse_other_format, unpack
from landed.sampling.candidates import SampleColumn, SampleTable, measure
from landed.sampling.csv import csv_sample
from landed.sampling.json import is_json_lines, json_sample
from landed.sampling.parquet import parquet_sample
from landed.sampling.typed import typed_sample

_ENCODINGS = ("UTF-8", "cp1252", "ISO-8859-1")
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
"""Byte order marks of encodings other than UTF-8."""
_TYPED = {b"PAR1": FileFormat.PARQUET, MAGIC: FileFormat.AVRO}
_KEY_COLUMNS, _KEY_SIZE = 12, 3
_LONGEST_CHAR = 255
_NO_KEY = (*FLOATS, HiveKind.DECIMAL, HiveKind.BOOLEAN)


def profile_file(path: Path, names: Sequence[str] = ()) -> Profile:
    """Profile a file of CSV, JSON lines (both also packed), Parquet, Avro or ORC.

    `names` are those of a CSV without a header.

    Raises:
        StepFailed: it is empty, in another format, or its records do not have the same columns, each with a name.
    """
    within_s = read_within_s(path.stat().st_size)
    with temporary_folder() as folder, reader(path, Path(folder), within_s) as duck:
        sample = _sample(duck, path, Path(folder), tuple(names))
        if not sample.columns:
            raise StepFailed(f"{path.name} has no column that a table of plain types could hold")
        if not all((*(column.landed for column in sample.columns), *sample.landing.ignored)):
            raise StepFailed(f"{path.name} has a column without a name, which no contract can refer to; give it one")
        return _profile(duck, sample)


def _sample(duck: duckdb.DuckDBPyConnection, path: Path, scratch: Path, names: tuple[str, ...]) -> SampleTable:
    compression, faults = packing_of(path), Faults()
    plain = unpack(path, compression, scratch / "plain", faults)
    typed = None if faults.count else _typed(plain)
    if not faults.count and not typed:
        refuse_other_format(plain, FileFormat.CSV, compression, faults)
    if faults.count:
        raise StepFailed(f"{path.name}: {faults.kept[0].message}")
    if typed:
        _refuse_names(names, path, typed.label)
        if compression is not Compression.NONE:
            raise StepFailed(
                f"{path.name} is {typed.label} in {compression}, which Athena does not read; land the {typed.label} "
                "itself"
            )
        if typed is FileFormat.PARQUET:
            return parquet_sample(duck, plain, path.name)
        return typed_sample(duck, plain, typed, scratch, path.name)
    text, encoding = _decoded(plain, path.name, scratch)
    if is_json_lines(text, path.name):
        _refuse_names(names, path, "JSON")
        as_json = LandingFormat(FileFormat.JSON, encoding, compression=compression)
        return json_sample(duck, text, as_json, scratch, path.name)
    as_csv = LandingFormat(FileFormat.CSV, encoding, compression=compression)
    return csv_sample(duck, text, as_csv, names, scratch, path.name)


def _typed(path: Path) -> FileFormat | None:
    """Return the format whose cells have types; None if it is another one."""
    if is_orc(path):
        return FileFormat.ORC
    return next((format_ for magic, format_ in _TYPED.items() if _begins(path, magic)), None)


def _begins(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def _refuse_names(names: Sequence[str], path: Path, kind: str) -> None:
    if names:
        raise StepFailed(
            f"{path.name} is {kind}, which names its columns itself; give names for a CSV without a header"
        )


def _decoded(path: Path, name: str, scratch: Path) -> tuple[Path, str]:
    marked = [encoding for mark, encoding in _MARKS.items() if _begins(path, mark)]
    wide = wide_encoding(path)
    tried = marked or ([wide] if wide else _ENCODINGS)
    for encoding in tried:
        faults = Faults()
        with suppress(Unreadable):
            text = as_utf8(path, encoding, scratch / f"{encoding}.txt", faults)
            if not faults.count:
                return text, encoding
    raise StepFailed(f"{name} is neither Parquet, Avro or ORC nor text in any of {', '.join(tried)}")


def _profile(duck: duckdb.DuckDBPyConnection, sample: SampleTable) -> Profile:
    (rows,) = measure(duck, "count(*)")
    columns = tuple(_column(duck, column) for column in sample.columns)
    return Profile(rows, sample.landing, columns, _key(duck, sample, columns, rows), _remarks(sample))


def _remarks(sample: SampleTable) -> tuple[str, ...]:
    guessed = sample.landing.format.is_text and sample.landing.encoding in _ENCODINGS[1:]
    encoding = f"{sample.landing.encoding} is a guess: the sample is no UTF-8, and any bytes can be read so"
    return (*((encoding,) if guessed else ()), *sample.remarks)


def _column(duck: duckdb.DuckDBPyConnection, column: SampleColumn) -> ColumnProfile:
    cell, value, is_text = column.cell, column.value, column.type == "string"
    sized = f"length({cell})" if is_text else value
    measures = (f"count({cell})", "count(*)", f"count(DISTINCT {value})", f"min({sized})", f"max({sized})")
    filled, rows, distinct, low, high = measure(duck, *measures)
    values = f"{distinct} value" + ("" if distinct == 1 else "s")
    between = f"always {low}" if low == high else f"{low} to {high}"
    if is_text and filled:
        between += " character" if (low, high) == (1, 1) else " characters"
        between += f" (char({low}), if the catalog says so)" if low == high and 1 <= low <= _LONGEST_CHAR else ""
    note = f"{between}, {values}" if filled else "no value in the sample"
    note += f"; {column.doubt}" if column.doubt else ""
    return ColumnProfile(
        column.landed, column.type, rows - filled, distinct, note, column.landed_format, rounded=column.rounded
    )


def _key(
    duck: duckdb.DuckDBPyConnection, sample: SampleTable, columns: Sequence[ColumnProfile], rows: int
) -> tuple[str, ...]:
    """Return the smallest first set of columns that are never null and unique together; empty if there is none."""
    if rows < 2:
        return ()
    for numbers in _possible_keys(columns):
        chosen = ", ".join(sample.columns[number].cell for number in numbers)
        (distinct,) = measure(duck, f"count(DISTINCT ROW({chosen}))")
        if distinct == rows:
            return tuple(columns[number].landed for number in numbers)
    return ()


def _possible_keys(columns: Sequence[ColumnProfile]) -> Iterator[tuple[int, ...]]:
    usable = [
        number
        for number, column in enumerate(columns)
        if not column.nulls and column.distinct > 1 and HiveKind.named(column.type) not in _NO_KEY
    ]
    for size in range(1, _KEY_SIZE + 1):
        yield from combinations(usable[: None if size == 1 else _KEY_COLUMNS], size)
