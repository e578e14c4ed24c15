"""What goes wrong while a file is read is the file's fault, the contract's or this machine's, and is told apart."""

import gzip
import io
import struct

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from landed_contract import column, contract

from acceptance.errors import ContractError, MachineTrouble, StepFailed
from landed.file import read_landed
from landed.reading.blame import refuse_others_faults
from landed.reading.duckdb_reader import SPILL_FOLDER, TookTooLong
from landed.reading.faults import Unreadable

OF_ONE_TEXT = contract(column("a", "string"))
MOST = 2**63 - 1


@pytest.fixture
def said(tmp_path):
    """Reads these bytes as a landed file of the contract, and returns its faults as people see them."""

    def read(content, of=OF_ONE_TEXT):
        path = tmp_path / "landed"
        path.write_bytes(content)
        return [str(fault) for fault in read_landed(path, of, tmp_path).faults]

    return read


def parquet(table: pa.Table, **options: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC"])
@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("number", [MOST, MOST - 1, -MOST, -MOST - 1])
def test_a_time_beyond_what_its_type_holds_is_a_fault_of_its_column(said, unit, zone, statistics, number):
    times = pa.table({"at": pa.array([0, number], pa.int64()).cast(pa.timestamp(unit, zone))})
    of = contract(column("at", "timestamp"), format="parquet")
    [fault] = said(parquet(times, write_statistics=statistics), of)
    assert "column at: " in fault or ("footer" in fault and "outside of what its type can hold" in fault)


@pytest.mark.parametrize("zone", ["UTC", "America/Sao_Paulo"])
def test_times_of_nanoseconds_in_utc_are_read_as_those_of_microseconds_are(tmp_path, zone):
    of = contract(column("at", "timestamp"), format="parquet", zone=zone)
    found = set()
    for unit in ("us", "ns"):
        (tmp_path / unit).write_bytes(parquet(pa.table({"at": pa.array([10**15, None], pa.timestamp("us", "UTC")).cast(
            pa.timestamp(unit, "UTC"))})))  # fmt: skip
        found.add(read_landed(tmp_path / unit, of, tmp_path).fingerprint)
    assert len(found) == 1
    assert None not in found


def test_a_nanosecond_that_a_table_cannot_hold_is_a_fault(said):
    times = pa.table({"at": pa.array([10**18 + 1], pa.timestamp("ns", "UTC"))})
    [fault] = said(parquet(times), contract(column("at", "timestamp"), format="parquet"))
    assert fault.startswith("line 1, column at: ")
    assert "a time to the millisecond" in fault


def test_a_day_that_stands_for_infinity_is_a_fault(said):
    days = pa.table({"on": pa.array([0, 2**31 - 1], pa.int32()).cast(pa.date32())})
    [fault] = said(parquet(days), contract(column("on", "date"), format="parquet"))
    assert fault.startswith("line 2, column on: ")


def test_a_decimal_with_more_digits_than_its_type_holds_is_a_fault(said):
    wide = pa.array([1, 10**37], pa.decimal128(38, 0))
    content = parquet(pa.table({"n": wide}), use_dictionary=False, compression="none")
    too_large = content.replace((10**37).to_bytes(16, "big"), b"\x7f" * 16)
    assert too_large != content
    [fault] = said(too_large, contract(column("n", "decimal(20,0)"), format="parquet"))
    assert fault.startswith("line 2, column n: ")


def test_a_damaged_page_is_told_with_its_row_group_and_column(said):
    table = pa.table({"a": [f"text {n}" for n in range(300)], "b": list(range(300))})
    options = {"row_group_size": 100, "compression": "gzip", "use_dictionary": False}
    content = bytearray(parquet(table, **options))
    chunk = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(1).column(1)
    middle = chunk.data_page_offset + chunk.total_compressed_size // 2
    content[middle : middle + 8] = bytes(8)
    of = contract(column("a", "string"), column("b", "bigint"), format="parquet")
    assert said(bytes(content), of) == [
        "line 101, column b: row group 2 of 3 (rows 101 to 200) cannot be read: its bytes are damaged; write the file "
        "and land it again"
    ]


def test_a_text_of_parquet_that_is_not_utf_8_is_a_fault_that_shows_no_cell(said):
    content = parquet(pa.table({"a": pa.array([b"card 4111\xff"], pa.binary()).cast(pa.string(), safe=False)}))
    of = contract(column("a", "string", sensitive=True), format="parquet")
    assert said(content, of) == [
        "line 1, column a: the value (hidden) is not text: it has bytes that are not valid UTF-8; write the file and "
        "land it again"
    ]


def test_a_footer_that_says_too_much_is_a_fault(said):
    content = parquet(pa.table({"a": ["1"]}))
    of = contract(column("a", "string"), format="parquet")
    huge = content[:-8] + struct.pack("<I", 2**31 - 1) + b"PAR1"
    assert said(huge, of)[0].startswith("line 1: the file's footer, which says")
    assert said(content[: len(content) // 2], of)[0].startswith("line 1: the file is damaged or truncated")
    assert said(b"PAR1", of)[0].startswith("line 1: the file's footer")
    assert said(b"PARE" + content[4:-4] + b"PARE", of) == [
        "line 1: the file is encrypted Parquet, which Aceite does not read; write it without encryption"
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "UTF-32"])
def test_a_file_without_the_byte_order_mark_that_its_encoding_asks_for_is_a_fault(said, encoding):
    [fault] = said("a\n1\n".encode(f"{encoding}-le"), contract(column("a", "string"), encoding=encoding))
    assert fault == (
        f"line 1: the file does not begin with the byte order mark that {encoding} asks for; write the file with it, "
        f"or name the order in the landing server's `encoding`: {encoding}-le or {encoding}-be"
    )


def test_half_a_character_that_an_encoding_lets_through_is_a_fault(said):
    [fault] = said(b"a\n+2AA-\n", contract(column("a", "string"), encoding="utf-7"))
    assert fault == "line 2: half a character (a lone surrogate), which a text may not hold"


PACKED = gzip.compress(b"a\n" + b"some text\n" * 50, mtime=0)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (PACKED[:-9], "it ends before its data does"),
        (PACKED[:-8] + b"\1\2\3\4" + PACKED[-4:], "its checksum is that of other data"),
        (PACKED[:-4] + b"\1\2\3\4", "its checksum is that of other data"),
        (PACKED + b"more", "other bytes follow its compressed data"),
        (PACKED[:10] + b"\xff" * 20, "its compressed bytes are damaged"),
        (b"a\n1\n", "it does not begin as gzip does"),
    ],
)
def test_damaged_gzip_is_a_fault_that_says_how(said, content, problem):
    [fault] = said(content, contract(column("a", "string"), compression="gzip"))
    assert fault.startswith("line 1: the file is truncated or not gzip, as the contract declares: ")
    assert fault.endswith(problem)


def test_two_members_of_gzip_are_one_file_as_gzip_says(said):
    assert said(PACKED + gzip.compress(b"more text\n"), contract(column("a", "string"), compression="gzip")) == []


@pytest.mark.parametrize("format_", ["csv", "json"])
def test_a_file_in_another_format_than_its_contract_says_is_named(said, format_):
    of = contract(column("a", "string"), format=format_)
    assert said(PACKED, of) == [
        "line 1: the file is not text: it begins as gzip does; land it unpacked, or say `compression: gzip` in the "
        "contract"
    ]
    assert "it begins as Parquet does" in said(parquet(pa.table({"a": ["1"]})), of)[0]


def test_what_duckdb_refuses_of_any_file_is_the_contracts_fault(tmp_path):
    path = tmp_path / "landed"
    path.write_text("at\n2026-01-01 00:00:00\n", encoding="utf-8")
    with pytest.raises(ContractError, match="DuckDB cannot read its landed columns"):
        read_landed(path, contract(column("at", "timestamp", landed_format="%Q")), tmp_path)
    with pytest.raises(ContractError, match="Python does not know the encoding 'zlib'"):
        read_landed(path, contract(column("at", "string"), encoding="zlib"), tmp_path)


def test_what_no_file_causes_is_this_machines_fault(tmp_path):
    path = tmp_path / "landed"
    path.write_text("a\n1\n", encoding="utf-8")
    with pytest.raises(MachineTrouble):
        read_landed(path, OF_ONE_TEXT, tmp_path / "no such folder")
    with pytest.raises(MachineTrouble):
        read_landed(tmp_path / "no such file", OF_ONE_TEXT, tmp_path)


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        MemoryError(),
        duckdb.IOException(f'IO Error: Could not write file "/tmp/x/{SPILL_FOLDER}/1.tmp": No space left on device'),
        duckdb.OutOfMemoryException("Out of Memory Error: Allocation failure"),
        MachineTrouble("no room"),
    ],
    ids=repr,
)
def test_memory_disk_and_permission_are_the_machines(error, tmp_path):
    (tmp_path / "landed").touch()
    with pytest.raises(MachineTrouble):
        refuse_others_faults(error, tmp_path / "landed", OF_ONE_TEXT, None, tmp_path)


@pytest.mark.parametrize(
    "error",
    [
        duckdb.InternalException("INTERNAL Error: Attempted to access index 3 within vector of size 3"),
        duckdb.FatalException("FATAL Error: database has been invalidated"),
        duckdb.IOException("IO Error: Could not read enough bytes"),
        duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate data of size 2 GiB (1 MiB/488 MiB used)"),
        duckdb.Error("TProtocolException: Invalid data"),
        TookTooLong("DuckDB did not read the landed file within 900 s"),
        Unreadable("its footer is damaged"),
        UnicodeError("no byte order mark"),
        RecursionError(),
        AssertionError(),
        IndexError("whatever a reader raises"),
    ],
    ids=repr,
)
def test_everything_else_is_the_files_if_a_good_file_can_be_read(error, tmp_path):
    (tmp_path / "landed").touch()
    assert refuse_others_faults(error, tmp_path / "landed", OF_ONE_TEXT, None, tmp_path) is None


def test_what_says_whose_fault_it_is_stays_what_it_is(tmp_path):
    for error in (ContractError([]), StepFailed("S3 does not answer")):
        with pytest.raises(type(error)):
            refuse_others_faults(error, tmp_path / "landed", OF_ONE_TEXT, None, tmp_path)
