"""ORC as damage and malice write it: each file is read, or told in words, within limits of memory and time."""

import random
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from landed_contract import column, contract
from orc_files import (
    DATA,
    DICTIONARY,
    DICTIONARY_DATA,
    LENGTH,
    PRESENT,
    SECONDARY,
    literals,
    message,
    orc,
    orc_by_hand,
    unsigned,
)
from packed_files import zstd

from landed.file import LandedFile, read_landed
from landed.formats.orc.opening import orc_records
from landed.reading.faults import Unreadable

CODECS = ["uncompressed", "zlib", "snappy", "lz4", "zstd"]
START = datetime(1960, 1, 1, tzinfo=UTC)
TIMES = [START + timedelta(days=100 * number, microseconds=number) for number in range(300)]
TABLE = pa.table(
    {
        "l": pa.array([number**5 - 2**40 for number in range(300)], pa.int64()),
        "s": [f"value {number % 7}" for number in range(300)],
        "u": [None if number % 5 == 0 else "x" * (number % 90) for number in range(300)],
        "n": pa.array([Decimal(number) / 4 for number in range(300)], pa.decimal128(20, 2)),
        "f": [number / 7 for number in range(300)],
        "b": [number % 3 == 0 for number in range(300)],
        "t": pa.array(TIMES, pa.timestamp("us", "UTC")),
        "d": pa.array([time.date() for time in TIMES]),
    }
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "landed"


def read(path: Path, content: bytes, type_: str = "string") -> LandedFile:
    path.write_bytes(content)
    return read_landed(path, contract(column("c", type_), format="orc"), path.parent)


def said(landed: LandedFile) -> str:
    return " ".join(str(fault) for fault in landed.faults)


def is_read(path: Path, content: bytes) -> bool:
    """Return False if the file is refused in words; whatever else it makes the reader raise fails the test."""
    path.write_bytes(content)
    try:
        records = orc_records(path)
        held = [place for place, each in enumerate(records.columns) if each.type_]
        for _ in records.read(held, lambda *_: None):
            pass
    except Unreadable:
        return False
    return True


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("threshold", [0.0, 1.0], ids=["direct", "dictionary"])
def test_a_file_with_changed_bytes_is_read_or_refused_in_words(path: Path, codec: str, threshold: float):
    whole = orc(TABLE, compression=codec, dictionary_key_size_threshold=threshold)
    chosen, outcomes = random.Random(codec), set[bool]()
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(chosen.choice([1, 1, 2, 8])):
            place = chosen.randrange(len(content))
            place = max(place, len(content) - 1 - chosen.randrange(600)) if chosen.random() < 0.5 else place
            content[place] = chosen.choice([chosen.randrange(256), content[place] ^ 1 << chosen.randrange(8), 0xFF, 0])
        outcomes.add(is_read(path, content))
    assert outcomes == {True, False}


@pytest.mark.parametrize("codec", CODECS)
def test_a_file_that_is_cut_anywhere_is_refused_in_words(path: Path, codec: str):
    whole = orc(TABLE, compression=codec)
    assert is_read(path, whole)
    assert not any(is_read(path, whole[:length]) for length in range(1, len(whole), 97))
    assert "it does not end as ORC does" in said(read(path, whole[:-7]))


def texts(lengths: bytes, data: bytes = b"ab", **facts: object) -> bytes:
    return orc_by_hand({"c": "string"}, [("c", LENGTH, lengths), ("c", DATA, data)], 2, **facts)  # type: ignore[arg-type]


def dictionary(size: int, lengths: bytes, data: bytes = b"ab", places: bytes = b"") -> bytes:
    streams = [("c", DATA, places or literals(0, 1, of=unsigned)), ("c", LENGTH, lengths), ("c", DICTIONARY_DATA, data)]
    return orc_by_hand({"c": "string"}, streams, 2, encodings={"c": (DICTIONARY, size)})


ONE_EACH = literals(1, 1, of=unsigned)
DAMAGED = "cannot be read: of the column 'c', "


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (texts(ONE_EACH, b"abc"), f"{DAMAGED}other bytes follow its last value"),
        (texts(literals(1, 1, 1, of=unsigned)), f"{DAMAGED}it has more values than the stripe has rows"),
        (texts(literals(2, of=unsigned)), f"line 2: stripe 1 of 1 (rows 1 to 2) {DAMAGED}its data ends before"),
        (texts(literals(1, 9, of=unsigned)), f"line 2: stripe 1 of 1 (rows 1 to 2) {DAMAGED}its data ends before"),
        (texts(literals(1, 2**40, of=unsigned)), "a text has 1,099,511,627,776 bytes, and Aceite reads at most"),
        (texts(bytes([0, 0xFF, 0])), f"{DAMAGED}a text has a negative length"),
        (texts(literals(2**70, of=unsigned)), f"{DAMAGED}a number has more than 64 bits"),
        (texts(b"\xfe\xff\xff"), f"line 1: stripe 1 of 1 (rows 1 to 2) {DAMAGED}its data ends before its last value"),
        (dictionary(2, ONE_EACH, places=literals(0, 2, of=unsigned)), "a text is number 2 of a dictionary of 2"),
        (dictionary(2, literals(1, 5, of=unsigned)), "its dictionary has 2 bytes, and its texts have other lengths"),
        (dictionary(2, literals(1, of=unsigned)), "its data ends before its last value"),
        (dictionary(2**32 - 1, ONE_EACH), "has a dictionary of 4,294,967,295 texts, and the stripe 2 rows"),
        (texts(ONE_EACH, encodings={"c": (7, 0)}), "the column 'c' has an encoding 7, which ORC does not know"),
        (texts(ONE_EACH, stripe=[(5, 3)]), "its stripes have 3 rows, and it says 2; write the file and land it again"),
        (texts(ONE_EACH, stripe=[(5, 2**60)], footer=[(6, 2**60)]), "unpack to 1,152,921,504,606,846,976 values"),
        (texts(ONE_EACH, stripe=[(3, 2**60)]), "stripe 1 lies outside of the file, or in another one"),
        (texts(ONE_EACH, stripe=[(1, 0)]), "stripe 1 lies outside of the file, or in another one"),
        (texts(ONE_EACH, footer=[(3, message((1, 3), (3, 9), (5, 0)))]), "stripe 2 lies outside of the file"),
        (texts(ONE_EACH, footer=[(10, b"")]), "columns of the file are encrypted, which Aceite does not read"),
        (texts(ONE_EACH, names=[b"c\xff"]), "the name 'c\ufffd' has bytes that are not valid UTF-8"),
        (texts(ONE_EACH, names=[b"c", b"d"]), "its rows have 1 types and 2 names"),
        (texts(ONE_EACH, postscript=[(1, 2**60)]), "its footer is longer than the file"),
        (texts(ONE_EACH, postscript=[(2, 3)]), "packed by LZO, which Aceite does not read; allowed: none, zlib"),
        (texts(ONE_EACH, postscript=[(2, 5), (3, 2**30)]), "chunks unpack to 1,073,741,824 bytes, and Aceite reads at"),
        (texts(ONE_EACH, postscript=[(2, 5)]), "the file's footer, which has the types, cannot be read: "),
        (texts(ONE_EACH, postscript=[(4, bytes([1, 2]))]), "has the version 1.2 of ORC, which Aceite does not read"),
        (orc_by_hand({}, []), "the struct of the file's rows has no fields, so the file has no columns"),
        (orc_by_hand({"c": "string"}, [("", PRESENT, b"\xff\0")]), "a row is null as a whole, and no row of a table"),
        (orc_by_hand({"c": "string"}, [("c", DATA, b"a"), ("c", DATA, b"a")]), "has two streams of the kind 1"),
        (b"ORC", "the file is damaged or truncated: it does not end as ORC does"),
        (b"id,c\n1,a\n", "the file is not ORC: it does not begin with the bytes ORC"),
        (b"PAR1\x15\4", "the file is not ORC: it begins as Parquet does"),
        (b"\x1f\x8b\x08\0", "it begins as gzip does; land the ORC itself, which is packed inside"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_damage_is_a_fault_that_says_what_and_where(path: Path, content: bytes, words: str):
    assert words in said(read(path, content))


def packed(codec: int, chunks: Sequence[bytes], rows: int = 1, rest: int = 0) -> bytes:
    """A file of columns c, c1 and so on of doubles, each with a packed chunk, and of more bytes that no column names.

    The footers are chunks that are stored as they are.
    """

    def stored(part: bytes) -> bytes:
        return (len(part) << 1 | 1).to_bytes(3, "little") + part

    streams = [(len(chunk) << 1).to_bytes(3, "little") + chunk for chunk in chunks]
    listed = [message((1, DATA), (2, number), (3, len(stream))) for number, stream in enumerate(streams, 1)]
    encodings = [(2, message((1, 0)))] * (1 + len(streams))
    footer = stored(message(*((1, each) for each in listed), *encodings))
    length = sum(map(len, streams)) + rest
    place = message((1, 3), (3, length), (4, len(footer)), (5, rows))
    root = [(1, 12), *((2, number) for number in range(1, len(streams) + 1))]
    names = [(3, f"c{number or ''}".encode()) for number in range(len(streams))]
    types = [message(*root, *names), *([message((1, 6))] * len(streams))]
    tail = stored(message((3, place), *((4, each) for each in types), (6, rows), (9, 1)))
    most = 65536 if rows == 1 else 8 * rows
    end = message((1, len(tail)), (2, codec), (3, most), (4, bytes([0, 12])), (8000, b"ORC"))
    return b"ORC" + b"".join(streams) + bytes(rest) + footer + tail + end + bytes([len(end)])


def deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


@pytest.mark.parametrize(("codec", "pack"), [(1, deflate), (5, zstd.compress)], ids=["zlib", "zstd"])
def test_a_chunk_that_unpacks_to_more_than_the_file_allows_is_a_fault(
    path: Path, codec: int, pack: Callable[[bytes], bytes]
):
    assert read(path, packed(codec, [pack(bytes(8))]), "double").faults == ()
    found = said(read(path, packed(codec, [pack(bytes(40_000_000))]), "double"))
    assert f"{DAMAGED}a chunk unpacks to more than the 65,536 bytes that the file allows" in found
    assert "its packed bytes are damaged" in said(read(path, packed(codec, [b"\xff\xff\xff"]), "double"))
    longer = packed(codec, [bytes(70_000)])
    assert "a chunk has 70,000 bytes, and the file allows 65,536" in said(read(path, longer, "double"))


def test_what_a_snappy_chunk_says_of_its_size_is_held_against_the_limit_before_it_is_unpacked(path: Path):
    content = packed(2, [unsigned(2**31) + b"\0"])
    assert "a chunk unpacks to more than the 65,536 bytes" in said(read(path, content, "double"))


def test_a_long_text_of_a_dictionary_that_many_rows_name_is_a_fault_before_it_fills_the_disk(path: Path):
    rows = 20_000
    run = b"".join(b"\x7f\0\0" for _ in range(rows // 130 + 1))
    streams = [("c", DATA, run), ("c", LENGTH, literals(10**6, of=unsigned)), ("c", DICTIONARY_DATA, b"a" * 10**6)]
    content = orc_by_hand({"c": "string"}, streams, rows, encodings={"c": (DICTIONARY, 1)})
    assert "unpack to more than 250" in said(read(path, content))


def test_columns_that_need_much_memory_at_the_same_time_are_a_fault(path: Path):
    """Each has one chunk of 8 MB, which is packed to some hundred bytes."""
    rows = 1024 * 1024
    content = packed(5, [zstd.compress(bytes(8 * rows))] * 40, rows, rest=1_400_000)
    path.write_bytes(content)
    of = contract(*(column(f"c{number or ''}", "double") for number in range(40)), format="orc")
    found = said(read_landed(path, of, path.parent))
    assert "a stripe needs more than 268,435,456 bytes in memory at the same time; let the writer use smaller" in found


def test_a_value_of_each_stream_that_is_missing_is_a_fault(path: Path):
    for kind, type_ in (("bigint", "bigint"), ("double", "double"), ("boolean", "boolean"), ("tinyint", "tinyint")):
        assert f"{DAMAGED}its data ends before its last value" in said(read(path, orc_by_hand({"c": kind}, []), type_))
    nanoseconds = [("c", DATA, literals(0)), ("c", SECONDARY, literals(10**9 << 3, of=unsigned))]
    found = said(read(path, orc_by_hand({"c": "timestamp"}, nanoseconds), "timestamp"))
    assert f"{DAMAGED}a time has nanoseconds of more than a second" in found


def test_a_text_may_begin_as_orc_does(path: Path):
    path.write_bytes(b"ORCID\n1\n")
    of = contract(column("orcid", "bigint"), format="csv")
    assert read_landed(path, of, path.parent).faults == ()
    path.write_bytes(orc({"orcid": [1]}))
    assert said(read_landed(path, of, path.parent)) == "line 1: the file is not text: it begins and ends as ORC does"
