"""However big a CSV is, and wherever DuckDB cuts it to read the parts side by side, it is read alike."""

import random

import duckdb
import pytest
from landed_contract import column, contract

from landed.file import measure, read_landed
from landed.formats.csv import open_csv
from landed.reading.faults import Faults
from landed.reading.sql import CsvSql

PART_BYTES = 8_000_000
"""DuckDB's threads begin at its multiples, and at those of a buffer, which is a multiple of it."""
PARTS = 5
FILLER = "x" * 100_000


def records_around_each_border(shift, end):
    """Records with quotes and characters of several bytes around each border, and long ones between them."""
    chance, rows, at = random.Random(shift), [("0", "x" * shift, "")], shift
    at = shift + 6
    for border in range(PART_BYTES, PARTS * PART_BYTES, PART_BYTES):
        near = [("1", FILLER, "")] * ((border - at - 150_000) // (len(FILLER) + 6))
        near.append(("2", "y" * (border - at - len(near) * (len(FILLER) + 6) - 300), ""))
        near += [(str(number), chance.choice(TEXTS), chance.choice("aé€ ")) for number in range(60)]
        at += len(written(near, end).encode())
        rows += near
    return rows


TEXTS = ['é""é', "€,€", "", "a b", "日本", '""']


def written(rows, end):
    return "".join(f'{number},"{text}",{last}{end}' for number, text, last in rows)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_quotes_line_ends_and_characters_at_the_borders_of_parts_are_read_as_elsewhere(tmp_path, end):
    assert [shift for shift in (0, 13) if read_otherwise(tmp_path, shift, end)] == []


@pytest.mark.proof
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_they_are_read_so_at_every_byte_of_a_border(tmp_path, end):
    assert [shift for shift in range(60) if read_otherwise(tmp_path, shift, end)] == []


def read_otherwise(folder, shift, end):
    """Return True if the file is read otherwise than it was written. DuckDB reads it, with several threads."""
    rows = records_around_each_border(shift, end)
    (folder / "landed").write_bytes(written(rows, end).encode())
    of = contract(*(column(name, "string") for name in ("id", "t", "u")), header=False, null_text="zzz")
    with duckdb.connect(config={"threads": 4}) as duck:
        opened, _ = measure(duck, open_csv(duck, folder / "landed", of, folder, Faults()))
        assert isinstance(opened.sql, CsvSql)
        read = duck.execute(f"SELECT {', '.join(opened.sql.cells)} FROM {opened.sql.records()}").fetchall()
    return sorted(read) != sorted((number, text.replace('""', '"'), last) for number, text, last in rows)


LINES = "a line of text\n" * 200


@pytest.mark.parametrize("records", [3_000, pytest.param(120_000, marks=pytest.mark.proof)])
def test_two_hundred_line_ends_in_the_quotes_of_each_record_are_no_trouble(tmp_path, records):
    with (tmp_path / "landed").open("w", encoding="utf-8", newline="") as file:
        file.write("id,t\n")
        file.writelines(f'{number},"{LINES}"\n' for number in range(records))
    landed = read_landed(tmp_path / "landed", contract(column("id", "int"), column("t", "string")), tmp_path)
    assert (landed.rows, landed.faults) == (records, ())


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_cell_of_nine_million_characters_is_read(tmp_path, quote):
    (tmp_path / "landed").write_text(f"1,a\n2,{quote}{'é' * 9_000_000}{quote}\n", encoding="utf-8", newline="")
    of = contract(column("id", "int"), column("t", "string"), header=False)
    landed = read_landed(tmp_path / "landed", of, tmp_path)
    assert (landed.rows, landed.faults) == (2, ())
