"""The sandbox's pipeline and the proof read uncommon signs, and records around the data, by code of their own."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from builders import a_contract
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from acceptance.contract.contract import Column
from acceptance.contract.landing_format import LandingFormat
from acceptance.proof.fingerprint import Fingerprint, duckdb_digest, duckdb_sums
from acceptance.sql.text import identifier
from landed.file import LandedFile, read_landed
from sandbox.pipeline.deployed.reading import load

COLUMNS = (Column("id", "bigint", "id"), Column("a", "string", "a"), Column("b", "string", "b"))
CELLS = st.text(st.sampled_from("xy,;|~\\\"'#\n\r\t N"), min_size=1, max_size=6)
LANDINGS = st.builds(
    LandingFormat,
    delimiter=st.sampled_from([",", "||", "~|~", "\t"]),
    quote=st.sampled_from(['"', "'", ""]),
    escape=st.sampled_from(["\\", "!"]),
    comment=st.sampled_from(["", "#"]),
    header=st.booleans(),
    null_text=st.sampled_from(["", "\\N", "null"]),
    trailing_delimiter=st.booleans(),
    header_records=st.sampled_from([(), ("",), ("HEAD", "")]),
    trailer_records=st.sampled_from([(), ("TAIL",), ("", "END")]),
)
KINDS_OF_SIGNS = ("id", "a", "b")


def written(cell: str | None, landing: LandingFormat) -> str:
    if cell is None:
        return landing.null_text
    escape, quote = landing.escape, landing.quote
    if quote:
        inside = "".join(escape + sign if sign in (escape, quote) else sign for sign in cell)
        return f"{quote}{inside}{quote}"
    return "".join(escape + sign if sign in (escape, landing.delimiter[0], "\n", "\r", "#") else sign for sign in cell)


def content(rows: list[tuple[int, str | None, str | None]], landing: LandingFormat) -> bytes:
    """The file as a program writes it that escapes quotes, and does not double them."""
    last = landing.delimiter * landing.trailing_delimiter
    lines = [f"{begins or 'made'} 20260102\n" for begins in landing.header_records]
    lines += [landing.delimiter.join(KINDS_OF_SIGNS) + last + "\n"] * landing.header
    for number, a, b in rows:
        lines += [f"#{landing.delimiter}\"'\n"] * bool(landing.comment)
        lines.append(landing.delimiter.join([str(number), written(a, landing), written(b, landing)]) + last + "\n")
    lines += [f"{begins or 'sum'}{landing.delimiter}{len(rows)}\n" for begins in landing.trailer_records]
    return "".join(lines).encode()


def of_pipeline(file: bytes, landing: LandingFormat, folder: Path) -> Fingerprint:
    sums = ", ".join(duckdb_sums(duckdb_digest(COLUMNS, [identifier(column.name) for column in COLUMNS])))
    with duckdb.connect() as connection:
        load(connection, file, asdict(landing), [asdict(column) for column in COLUMNS], folder)
        answer: Any = connection.execute(f"SELECT count(*), {sums} FROM landed").fetchone()
    return Fingerprint.of_sums(*answer)


def of_witness(file: bytes, landing: LandingFormat, folder: Path) -> LandedFile:
    (folder / "landed").write_bytes(file)
    counted = replace(landing, trailer_count=2 if landing.trailer_records else 0)
    return read_landed(folder / "landed", a_contract(landing=counted, columns=COLUMNS), folder)


ROWS = st.lists(st.tuples(st.integers(0, 999), st.none() | CELLS, st.none() | CELLS), min_size=1, max_size=4)


@pytest.mark.proof
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, LANDINGS)
def test_two_readings_of_a_good_file_agree_and_one_row_less_is_found(
    tmp_path: Path, rows: list[tuple[int, str | None, str | None]], landing: LandingFormat
) -> None:
    # Nobody can tell an escaped CR, before the LF that ends the record, from an escaped CRLF.
    assume(landing.quote or not any(b and b.endswith("\r") for _, _, b in rows))
    file = content(rows, landing)
    read = of_witness(file, landing, tmp_path)
    assert [str(fault) for fault in read.faults if "without the escape it means null" not in fault.message] == []
    if read.faults:
        return
    assert read.rows == len(rows)
    assert read.fingerprint == of_pipeline(file, landing, tmp_path)
    if landing.trailer_records:
        end = f"{landing.delimiter}{len(rows)}\n".encode()
        lost = of_witness(file.replace(end, f"{landing.delimiter}{len(rows) + 1}\n".encode()), landing, tmp_path)
        assert [fault.message for fault in lost.faults if "the trailer record counts" in fault.message]
