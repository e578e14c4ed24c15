"""Files made to exhaust whoever reads them end in a fault, within bounded memory and time, and the process lives.

Each is read in a process of its own, whose memory is watched from beginning to end.
"""

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orc_files import DATA, DICTIONARY, DICTIONARY_DATA, LENGTH, literals, message, orc_by_hand, unsigned
from repository import ROOT

from acceptance.errors import StepFailed
from landed.reading.bounds import MOST_COLUMNS, refuse_full_disk
from landed.reading.duckdb_reader import reader
from landed.sampling.profile import profile_file

MILLION = 1_000_000
PEAK_BYTES = 1_100 * MILLION
"""DuckDB's 512 MB, a record of 10 MB as Python's values, and what is loaded."""

CPU_S = 60
SAID_CHARACTERS = 20_000
"""Of all faults together: evidence stays small."""


def gzipped(chunks: Iterable[bytes]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with gzip.open(path, "wb", 9) as file:
            for chunk in chunks:
                file.write(chunk)

    return write


def plain(*parts: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(b"".join(parts)) and None


def parquet(table: Callable[[], pa.Table], times: int = 1) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        made = table()
        with pq.ParquetWriter(path, made.schema, compression="zstd") as writer:
            for _ in range(times):
                writer.write_table(made)

    return write


def orc(*streams: tuple[str, int, bytes], **facts: Any) -> Callable[[Path], None]:
    """A file of one column of texts, each the first one of a dictionary."""

    def write(path: Path) -> None:
        encodings = {"a": (DICTIONARY, 1)}
        path.write_bytes(orc_by_hand({"a": "string"}, streams, encodings=encodings, **facts))

    return write


@dataclass(frozen=True)
class Bomb:
    write: Callable[[Path], None]
    said: str
    kind: str = "csv"
    compression: str = "none"
    columns: str = "a"


X = b"x" * MILLION
BOMBS = {
    "a cell of 1 GB in 1 MB of gzip": Bomb(
        gzipped([b"a\n", *[X] * 1000]), "times the size, or 100,000,000", compression="gzip"
    ),
    "zeros in gzip": Bomb(
        gzipped([bytes(MILLION)] * 300), "unpack to more bytes; Aceite reads at most", compression="gzip"
    ),
    "a header of 10 million columns": Bomb(
        plain(b"a", b",a1234" * 10 * MILLION, b"\n1\n"), "line 1: the header: the line is longer than 10,000,000"
    ),
    "a header of 5 million columns": Bomb(
        plain(b"a", b"," * 4_900_000, b"\n1\n"),
        f"the header has 4,900,001 columns; Aceite reads at most {MOST_COLUMNS:,}",
    ),
    "a record of 5 million cells": Bomb(plain(b"a\n1\n", b"," * 4_900_000, b"\n1\n"), "line 3: 4900001 cells found"),
    "a record of quoted lines without end": Bomb(
        plain(b'a,b\n1,2\n"', b'\n","' * 5 * MILLION, b'"\n'), "line 3: the record is longer than", columns="a,b"
    ),
    "a quoted cell without end": Bomb(
        plain(b'a,b\n1,2\n1,"', b"xxxxxxx\n" * 10 * MILLION, b'"\n'), "line 3: the record is longer", columns="a,b"
    ),
    "a line of JSON of 300 MB": Bomb(
        plain(b'{"a":"', X * 300, b'"}\n'), "line 1: the line is longer than 10,000,000", kind="json"
    ),
    "JSON 100,000 deep": Bomb(
        plain(b'{"a":', b"[" * 100_000, b"]" * 100_000, b"}\n"),
        "line 1: the line is not JSON: maximum recursion",
        kind="json",
    ),
    "JSON of 5 million numbers in a line": Bomb(
        plain(b'{"a":[', b"1," * 4_900_000, b"1]}\n"), "a cell may not be an object or a list", kind="json"
    ),
    "a number of 9 million digits": Bomb(
        plain(b'{"a":', b"9" * 9 * MILLION, b"}\n"), "a number is not string", kind="json"
    ),
    "a Parquet cell of 500 MB in 16 KB": Bomb(
        parquet(lambda: pa.table({"a": [b"x" * 500 * MILLION]})), "unpack to 500,", kind="parquet"
    ),
    "200 million rows of Parquet in runs": Bomb(
        parquet(lambda: pa.table({"a": pa.nulls(10 * MILLION, pa.string())}), 20), "200,000,000 values", kind="parquet"
    ),
    "20,000 columns of Parquet": Bomb(
        parquet(lambda: pa.table({f"c{number}": ["1"] for number in range(20_000)})),
        f"the file has 20,000 columns; Aceite reads at most {MOST_COLUMNS:,}",
        kind="parquet",
    ),
    "2^60 rows of ORC": Bomb(
        orc(("a", DATA, b"\x7f\0\0"), rows=2**60), "unpack to 1,152,921,504,606,846,976 values", kind="orc"
    ),
    "a text of ORC of 1 MB that 20,000 rows name": Bomb(
        orc(
            ("a", DATA, b"\x7f\0\0" * 154),
            ("a", LENGTH, literals(MILLION, of=unsigned)),
            ("a", DICTIONARY_DATA, X),
            rows=20_000,
        ),
        "unpack to more than 250,",
        kind="orc",
    ),
    "an ORC of a million stripes": Bomb(
        orc(rows=0, footer=[(3, message((1, 3)))] * MILLION),
        "it has 1,000,001 stripes; Aceite reads at most 100,000",
        kind="orc",
    ),
    "a stripe of ORC with 500,000 streams": Bomb(
        orc(*(("", kind, b"") for kind in range(1000, 501_000)), rows=1),
        "its data ends before its last value",
        kind="orc",
    ),
    "an ORC with a footer that is too long": Bomb(
        orc(rows=0, footer=[(99, X)] * 9), "cannot be read: it has more than 8,388,608 bytes", kind="orc"
    ),
}


@pytest.mark.proof
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_a_fault_that_says_where_and_what_is_allowed(name, tmp_path):
    bomb, path = BOMBS[name], tmp_path / "landed"
    bomb.write(path)
    found = read(path, bomb)
    assert bomb.said in found["faults"][0], found
    assert found["error"] == ""
    assert found["peak_bytes"] < PEAK_BYTES
    assert found["cpu_s"] < CPU_S
    assert found["left_bytes"] == 0
    assert sum(map(len, found["faults"])) + found["header"] < SAID_CHARACTERS


def read(path: Path, bomb: Bomb) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("reads_landed.py")), str(path), bomb.kind, bomb.compression,
         bomb.columns],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.proof
def test_a_line_of_a_whole_gigabyte_is_a_fault(tmp_path):
    for kind, first, last in (("json", b'{"a":"', b'"}\n'), ("csv", b"a\n", b"\n")):
        path = tmp_path / kind
        with path.open("wb") as file:
            for chunk in (first, *[X] * 1000, last):
                file.write(chunk)
        found = read(path, Bomb(plain(), "", kind=kind))
        assert "is longer than 10,000,000 characters" in found["faults"][0]
        assert found["peak_bytes"] < PEAK_BYTES
        path.unlink()


def test_files_as_large_as_they_look_are_read(tmp_path):
    """The other side of the bounds: long cells, and data that packs well."""
    path = tmp_path / "landed"
    path.write_bytes(b"a\n" + b"\n".join([b"x" * 1_000_000] * 20) + b"\n")
    assert read(path, Bomb(plain(), ""))["rows"] == 20
    gzipped([b"a\n", *[b"delivered\n"] * 2 * MILLION])(path)
    assert path.stat().st_size * 250 < 2 * MILLION * 10
    assert read(path, Bomb(plain(), "", compression="gzip"))["rows"] == 2 * MILLION


def test_a_query_that_does_not_end_is_ended(tmp_path):
    began = time.monotonic()
    with (
        pytest.raises(
            StepFailed, match=r"did not read the landed file within 0\.5 s: the file holds far more than its size says"
        ),
        reader(tmp_path / "landed", tmp_path, 0.5) as duck,
    ):
        duck.execute("SELECT sum(md5_number(i::varchar)) FROM range(1_000_000_000_000) AS r(i)").fetchall()
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('{there}')",
        "SELECT * FROM read_csv('{there}')",
        "SELECT * FROM glob('{folder}/*')",
        "COPY (SELECT 1) TO '{there}'",
        "ATTACH '{there}'",
        "SELECT * FROM 'http://127.0.0.1:1/x.csv'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "SELECT * FROM duck",
        "SELECT getenv('HOME')",
    ],
)
def test_the_reader_sees_nothing_but_its_file(sql, tmp_path):
    """Even if a text of a contract ever became SQL."""
    import duckdb

    folder, elsewhere = tmp_path / "landed", tmp_path / "elsewhere"
    for each in (folder, elsewhere):
        each.mkdir()
    (elsewhere / "secret.csv").write_text("a\n1\n", encoding="utf-8")
    (folder / "file.csv").write_text("a\n1\n", encoding="utf-8")
    with reader(folder / "file.csv", folder, 60) as duck:
        assert duck.execute(f"SELECT count(*) FROM read_csv('{(folder / 'file.csv').as_posix()}')").fetchone() == (1,)
        there = (elsewhere / "secret.csv").as_posix()
        with pytest.raises(duckdb.Error):
            duck.execute(sql.format(there=there, folder=elsewhere.as_posix())).fetchall()


def test_a_disk_that_is_full_is_told_before_it_is(tmp_path):
    refuse_full_disk(tmp_path)
    with pytest.raises(StepFailed, match=r"no room to read the landed file: .* has [0-9,]+ bytes free; .* TMPDIR"):
        refuse_full_disk(tmp_path, 10**18)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"a" + b"," * 12_000_000, "the header: the line is longer than 10,000,000"),
        ("a.csv", b"a" + b",b" * 20_000, f"Aceite reads at most {MOST_COLUMNS:,}"),
        ("a.json", b'{"a":"' + b"x" * 12_000_000 + b'"}\n', "not JSON lines: each line must be an object"),
        ("a.json", b'{"a":1}\n{"a":"' + b"x" * 12_000_000 + b'"}\n', "line 2: the line is longer than 10,000,000"),
        ("a.json", b'{"a":' + b"[" * 100_000, "not JSON lines: each line must be an object"),
        ("a.json", b'{"a":1}\n{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "line 2: the line is not JSON"),
        (
            "a.json",
            b"{" + b",".join(b'"%d":1' % number for number in range(20_000)) + b"}\n",
            f"more than {MOST_COLUMNS:,} members",
        ),
        ("a.csv.gz", gzip.compress(bytes(200 * MILLION)), "unpack to more bytes; Aceite reads at most"),
    ],
)
def test_a_sample_that_is_a_bomb_is_refused_with_the_place(name, content, said, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(StepFailed, match=said):
        profile_file(path)
