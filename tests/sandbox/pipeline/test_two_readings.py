"""The sandbox's pipeline and the proof read what landed by code of their own: good files are the same rows to both."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from builders import a_contract
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from orc_files import orc, orc_in_zone
from packed_files import PACKERS

from acceptance.contract.contract import Column
from acceptance.contract.landing_format import (
    Compression,
    FileFormat,
    LandingFormat,
    Negative,
    QuotedEmpty,
    SkippedTimes,
)
from acceptance.proof.fingerprint import Fingerprint, duckdb_digest, duckdb_sums
from acceptance.sql.text import identifier
from landed.file import read_landed
from sandbox.pipeline.deployed.reading import load

NUMBER = st.from_regex(r"[+-]?[0-9]{1,5}([.][0-9]{1,2})?", fullmatch=True)
DAY = st.dates().map(str)
CLOCK = st.times().map(lambda time: time.isoformat("milliseconds"))
OFFSET = st.sampled_from(["", "", "Z", "+05:30", "-0300", "+00", " -03:06:28", " UTC"])
KINDS: dict[Column, st.SearchStrategy[str]] = {
    Column("n", "bigint", "N"): st.from_regex(r"[+-]?[0-9]{1,18}", fullmatch=True),
    Column("price", "decimal(9,2)", "Price EUR"): NUMBER | st.from_regex(r"[+-]?[1-9]E[+-]?[0-2]", fullmatch=True),
    Column("x", "double", "x"): NUMBER | st.floats().map(lambda x: {"nan": "NaN"}.get(str(x), str(x))).map(
        lambda text: text.replace("inf", "Infinity")
    ),
    Column("exact", "float", "exact", digits=None): NUMBER,
    Column("ok", "boolean", "ok"): st.sampled_from(["true", "false"]),
    Column("day", "date", "day"): DAY,
    Column("born", "date", "born", landed_format="%d.%m.%Y"): st.dates().map(lambda day: f"{day:%d.%m.}{day.year:04}"),
    Column("at", "timestamp", "at"): st.tuples(DAY, st.sampled_from(" T"), CLOCK, OFFSET).map("".join),
    Column("fine", "timestamp", "fine", rounded=True): st.datetimes().map(str),
    Column("title", "string", "Título"): st.text(st.characters(codec="cp1252", exclude_characters="\0"), max_size=9),
    Column("code", "varchar(9)", "code"): st.sampled_from(["", " ", "-", "NULL", "null", '"', "';", "a\tb", "\u20ac"]),
}  # fmt: skip
FORMATS = st.builds(
    LandingFormat,
    format=st.sampled_from([FileFormat.CSV, FileFormat.JSON, FileFormat.FIXED_WIDTH]),
    encoding=st.sampled_from(["UTF-8", "cp1252", "UTF-16"]),
    delimiter=st.sampled_from(",;\t|"),
    quote=st.sampled_from("\"'"),
    header=st.booleans(),
    null_text=st.sampled_from(["", "NULL", "-"]),
    compression=st.sampled_from(Compression),
    trim=st.booleans(),
    empty_as_null=st.booleans(),
    quoted_empty=st.sampled_from([None, *QuotedEmpty]),
    decimal_comma=st.booleans(),
    zone=st.sampled_from(["UTC", "America/Sao_Paulo", "Europe/Lisbon", "Australia/Lord_Howe"]),
    skipped_times=st.sampled_from(SkippedTimes),
    negative=st.sampled_from(Negative),
    true_texts=st.sampled_from([("true",), ("S", "sim")]),
)


@dataclass(frozen=True)
class Landed:
    """A file as some system wrote it; `rows` are texts, None where it writes a null."""

    columns: tuple[Column, ...]
    landing: LandingFormat
    rows: Sequence[Sequence[str | None]]
    quoting: Literal[0, 1] = csv.QUOTE_ALL

    @property
    def content(self) -> bytes:
        write = {FileFormat.JSON: self._json, FileFormat.FIXED_WIDTH: self._fixed_width}
        content = write.get(self.landing.format, self._csv)().encode(self.landing.encoding)
        return PACKERS.get(self.landing.compression, bytes)(content)

    def _csv(self) -> str:
        landing, file = self.landing, io.StringIO()
        writer = csv.writer(
            file, delimiter=landing.delimiter, quotechar=landing.quote, lineterminator="\n", quoting=self.quoting
        )
        names = [f" {column.landed}\t" if landing.trim else column.landed for column in self.columns]
        writer.writerows([names] * landing.header)
        writer.writerows([[landing.null_text if cell is None else cell for cell in row] for row in self.rows])
        return file.getvalue()

    def _json(self) -> str:
        names = [column.landed for column in self.columns]
        flags = {"true": True, "false": False}
        return "".join(
            json.dumps({
                name: flags[cell] if column.type == "boolean" and cell else cell
                for name, column, cell in zip(names, self.columns, row, strict=True)
            }) + "\n"
            for row in self.rows
        )  # fmt: skip

    def _fixed_width(self) -> str:
        texts = [[self.landing.null_text if cell is None else cell for cell in row] for row in self.rows]
        cells = ("".join(cell.ljust(WIDTH) for cell in row) for row in texts)
        return "".join(f"{record.translate(_NO_LINE_ENDS)}\n" for record in cells)


WIDTH = 40
"""More than the longest cell."""
_NO_LINE_ENDS = dict.fromkeys(map(ord, "\r\n"), "/")


@st.composite
def files(draw: st.DrawFn) -> Landed:
    columns = tuple(draw(st.lists(st.sampled_from(list(KINDS)), min_size=2, max_size=5, unique=True)))
    landing = draw(FORMATS)
    landing = replace(landing, header=landing.header or landing.format is FileFormat.JSON)
    if landing.format is FileFormat.FIXED_WIDTH:
        places = range(1, len(columns) * WIDTH, WIDTH)
        columns = tuple(replace(c, positions=(p, p + WIDTH - 1)) for c, p in zip(columns, places, strict=True))
        landing = replace(landing, header=False)

    def written(column: Column, text: str) -> str:
        text = text.replace(".", ",") if landing.decimal_comma and column.type in _WITH_A_POINT else text
        if column.type in _NUMBERS and text[0] == "-" and text[-1].isdigit() and "e" not in text.lower():
            text = {"minus": text, "brackets": f"({text[1:]})", "trailing": f"{text[1:]}-"}[landing.negative]
        if text == "true" and landing.format is not FileFormat.JSON:
            text = landing.true_texts[-1]
        padded = landing.trim and column.type != "boolean"
        return draw(st.sampled_from(["{}", " {}", "{}\t ", "\t{} "])).format(text) if padded else text

    rows = draw(
        st.lists(
            st.tuples(*(st.none() | KINDS[replace(column, positions=None)] for column in columns)),
            min_size=1,
            max_size=6,
        )
    )
    texts = [
        [None if cell is None else written(column, cell) for column, cell in zip(columns, row, strict=True)]
        for row in rows
    ]
    return Landed(columns, landing, texts, draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])))


_NUMBERS = ("bigint", "decimal(9,2)", "double", "float")
_WITH_A_POINT = ("decimal(9,2)", "double", "float")


def of_pipeline(landed: "Landed | LandedOrc", folder: Path) -> Fingerprint:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone='UTC'")
        columns = [asdict(column) for column in landed.columns]
        load(connection, landed.content, asdict(landed.landing), columns, folder)
        sums = ", ".join(
            duckdb_sums(duckdb_digest(landed.columns, [identifier(column.name) for column in landed.columns]))
        )
        answer: Any = connection.execute(f"SELECT count(*), {sums} FROM landed").fetchone()
    return Fingerprint.of_sums(*answer)


@pytest.mark.proof
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files())
def test_two_readings_of_a_good_file_agree(tmp_path: Path, landed: Landed) -> None:
    path = tmp_path / "landed"
    path.write_bytes(landed.content)
    read = read_landed(path, a_contract(landing=landed.landing, columns=landed.columns), tmp_path)
    if read.faults:  # a time that the zone's clocks skip, or signs that chance made UTF-8; then no pipeline is run
        skipped = all("is not timestamp" in fault.message for fault in read.faults)
        assert (skipped and landed.landing.zone != "UTC") or "looks like UTF-8" in read.faults[0].message
    else:
        assert read.fingerprint == of_pipeline(landed, tmp_path)


@dataclass(frozen=True)
class LandedOrc:
    """A file of ORC with its columns."""

    columns: tuple[Column, ...]
    content: bytes
    landing: LandingFormat


TYPED: dict[Column, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    Column("n", "bigint", "N"): (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    Column("small", "int", "small"): (pa.int16(), st.integers(-9, 9)),
    Column("price", "decimal(38,2)", "price"): (pa.decimal128(38, 2), st.decimals(-(10**35), 10**35, places=2)),
    Column("x", "double", "x", digits=None): (pa.float64(), st.floats()),
    Column("y", "float", "y", digits=None): (pa.float32(), st.floats(width=32)),
    Column("ok", "boolean", "ok"): (pa.bool_(), st.booleans()),
    Column("day", "date", "day"): (pa.date32(), st.dates()),
    Column("here", "timestamp", "here"): (pa.timestamp("ms"), st.integers(-(9 * 10**12), 9 * 10**12)),
    Column("there", "timestamp", "there"): (pa.timestamp("ms", "UTC"), st.integers(-(9 * 10**12), 9 * 10**12)),
    Column("title", "string", "Título"): (pa.string(), st.text(max_size=9)),
}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(*(st.none() | values for _, values in TYPED.values())), min_size=1, max_size=9),
    codec=st.sampled_from(["uncompressed", "zlib", "snappy", "lz4", "zstd"]),
)
def test_two_readings_of_orc_agree(tmp_path: Path, rows: Sequence[Sequence[Any]], codec: str) -> None:
    cells = zip(*rows, strict=True)
    arrays = {
        column.landed: pa.array(each, type_) for (column, (type_, _)), each in zip(TYPED.items(), cells, strict=True)
    }
    landing = LandingFormat(FileFormat.ORC, zone="America/Sao_Paulo")
    _agree(LandedOrc(tuple(TYPED), orc(arrays, compression=codec), landing), tmp_path)


@pytest.mark.parametrize("zone", ["UTC", "America/Sao_Paulo", "Asia/Tokyo"])
def test_two_readings_of_times_on_the_clock_of_a_zone_agree(tmp_path: Path, zone: str) -> None:
    hours = range(0, 24 * 365 * 90, 1013)
    times = [datetime(1920, 1, 1, tzinfo=ZoneInfo(zone)) + timedelta(hours=hour, milliseconds=hour) for hour in hours]
    columns = (Column("here", "timestamp", "here"), Column("there", "timestamp", "there"))
    schema = "struct<here:timestamp,there:timestamp with local time zone>"
    landing = LandingFormat(FileFormat.ORC)
    _agree(LandedOrc(columns, orc_in_zone(zone, schema, [(time, time) for time in times]), landing), tmp_path)


def _agree(landed: LandedOrc, folder: Path) -> None:
    (folder / "landed").write_bytes(landed.content)
    of = a_contract(landing=landed.landing, columns=landed.columns)
    read = read_landed(folder / "landed", of, folder)
    if read.faults:  # a time that the zone's clocks skip
        assert {fault.column for fault in read.faults} == {"here"}
    else:
        assert read.fingerprint == of_pipeline(landed, folder)
