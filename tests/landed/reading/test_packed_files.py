"""A packed file is unpacked whole, within bounds; one that is packed otherwise, damaged or cut is told with words."""

import lzma
import random
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from landed_contract import contract
from packed_files import PACKERS, zipped, zipped_members, zstd

from landed.file import read_landed

PLAIN = b"id,title,score\n1,a,9.5\n2,,\n"
LONG = PLAIN + b"".join(b"%d,title %d,1\n" % (number, number**3) for number in range(3, 20_000))
STREAMS = [kind for kind in PACKERS if kind != "zip"]


@pytest.fixture
def read(tmp_path):
    def read(content, compression="none", **facts):
        path = tmp_path / "landed"
        path.write_bytes(content)
        return read_landed(path, contract(compression=compression, **facts), tmp_path)

    return read


@pytest.fixture
def said(read):
    def said(content, compression="none", **facts):
        return "\n".join(map(str, read(content, compression, **facts).faults))

    return said


@pytest.mark.parametrize("kind", PACKERS)
def test_a_packed_file_is_the_same_rows(read, kind):
    assert read(PACKERS[kind](LONG), kind).fingerprint == read(LONG).fingerprint
    json = b'{"id": 1, "title": "a", "score": 9.5}\n{"id": 2}\n'
    packed = read(PACKERS[kind](json), kind, format="json")
    assert (packed.rows, packed.faults) == (2, ())


@pytest.mark.parametrize("kind", STREAMS)
def test_streams_that_stand_one_after_the_other_are_one_file(read, kind):
    pack = PACKERS[kind]
    packed = pack(PLAIN) + pack(b"") + pack(b"3,b,1\n")
    assert read(packed, kind).fingerprint == read(PLAIN + b"3,b,1\n").fingerprint


def test_a_stream_of_xz_may_be_padded_and_a_frame_of_zstd_may_be_skipped(read, said):
    rows = read(PLAIN).fingerprint
    assert read(lzma.compress(PLAIN) + bytes(8), "xz").fingerprint == rows
    assert "other bytes follow" in said(lzma.compress(PLAIN) + bytes(7), "xz")
    assert read(b"\x52\x2a\x4d\x18\x03\0\0\0abc" + zstd.compress(PLAIN), "zstd").fingerprint == rows


@pytest.mark.parametrize("kind", PACKERS)
def test_what_is_cut_damaged_or_longer_than_its_data_is_told(said, kind):
    packed = PACKERS[kind](LONG)
    begin = f"line 1: the file is truncated or not {kind}, as the contract declares: "
    for size in (len(packed) - 3, len(packed) // 2, 12):
        assert said(packed[:size], kind).startswith(begin + "it ends before its data does")
    for more in (b"m", b"more bytes", bytes(5) + b"\1"):
        assert said(packed + more, kind) == begin + "other bytes follow its compressed data"
    place = len(packed) // 2
    damaged = packed[:place] + bytes([packed[place] ^ 0xFF]) + packed[place + 1 :]
    assert said(damaged, kind) in (
        begin + "its compressed bytes are damaged",
        begin + "its checksum is that of other data",
    )
    assert said(PLAIN, kind) == begin + f"it does not begin as {kind} does"
    assert said(PACKERS[kind](b""), kind) == "line 1: the file is empty (0 bytes unpacked)"


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("format_", ["csv", "json"])
def test_a_packing_that_the_contract_does_not_declare_is_named_with_what_to_write(said, kind, format_):
    name = {"zip": "ZIP (as .xlsx files do)", "zstd": "Zstandard"}.get(kind, kind)
    assert said(PACKERS[kind](PLAIN), format=format_) == (
        f"line 1: the file is not text: it begins as {name} does; land it unpacked, or say `compression: {kind}` "
        "in the contract"
    )


@pytest.mark.parametrize("kind", PACKERS)
def test_a_file_in_another_packing_than_the_contract_declares_is_named(said, kind):
    other = next(each for each in PACKERS if each != kind)
    assert said(PACKERS[kind](PLAIN), other).endswith(f"it does not begin as {other} does, but as {kind} does")
    assert "it is packed twice" in said(PACKERS[kind](PACKERS[kind](PLAIN)), kind)


@pytest.mark.parametrize("kind", PACKERS)
def test_packed_parquet_is_named_and_what_a_sender_does_instead(said, tmp_path, kind):
    pq.write_table(pa.table({"id": [1]}), tmp_path / "parquet")
    packed = PACKERS[kind]((tmp_path / "parquet").read_bytes())
    assert "land the Parquet itself, which is packed inside" in said(packed, format="parquet")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"7z\xbc\xaf\x27\x1c\0\4", "7-Zip"),
        (b"Rar!\x1a\x07\x01\x00", "RAR"),
        (b"\x04\x22\x4d\x18\x64\x40\xa7", "LZ4"),
        (b"%PDF-1.7\n", "PDF"),
        (b"Obj\x01\x04\x14", "Avro"),
    ],
)
def test_files_of_other_kinds_are_named(said, content, name):
    assert said(content) == f"line 1: the file is not text: it begins as {name} does"


def test_a_zip_has_exactly_one_member(read, said):
    begin = "line 1: the file is zip that Aceite does not unpack: "
    assert said(zipped_members({"a.csv": PLAIN, "b.csv": PLAIN}), "zip") == (
        f"{begin}it has 2 members; exactly one file is needed, so pack each file of its own"
    )
    assert said(zipped_members({}), "zip").startswith(f"{begin}it has 0 members; ")
    many = zipped_members({f"{number:>050}": b"" for number in range(12_000)})
    assert said(many, "zip") == f"{begin}its table of members has more than 1,048,576 bytes; exactly one file is needed"
    folder = zipped_members({"orders/": b"", "orders/a.csv": PLAIN})
    assert read(folder, "zip").fingerprint == read(PLAIN).fingerprint
    assert read(zipped(PLAIN, method=zipfile.ZIP_STORED), "zip").fingerprint == read(PLAIN).fingerprint


def test_a_zip_that_is_encrypted_or_packed_by_another_method_is_said_to_be_that(said):
    packed = bytearray(zipped(PLAIN))
    table = packed.index(b"PK\x01\x02")
    packed[table + 8] |= 1
    assert said(bytes(packed), "zip").endswith(
        "its member is encrypted, and Aceite has no password; land it without one"
    )
    lzma_in_zip = zipped(PLAIN, method=zipfile.ZIP_LZMA)
    assert said(lzma_in_zip, "zip").endswith("its member is packed by LZMA; allowed: Deflate, or stored as it is")


def test_a_window_or_dictionary_beyond_all_bounds_is_told(said):
    streamed = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 30})
    window = streamed.compress(LONG) + streamed.flush()
    assert said(window, "zstd").endswith("pack it with a smaller window or dictionary")
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 29}]
    assert said(lzma.compress(PLAIN, filters=filters), "xz").endswith("pack it with a smaller window or dictionary")


@pytest.mark.parametrize("kind", PACKERS)
def test_what_unpacks_to_far_more_than_its_size_is_left_as_soon_as_that_is_seen(said, kind):
    assert "unpack to more bytes; Aceite reads at most 100,000,000" in said(PACKERS[kind](bytes(101_000_000)), kind)


@pytest.mark.parametrize("kind", PACKERS)
def test_whatever_chance_makes_of_a_packed_file_it_is_read_or_a_fault(tmp_path, kind):
    """The bytes may say any size, place or method; nothing is raised, which would be this machine's fault."""
    from landed.reading.faults import Faults
    from landed.reading.unpacking import unpack

    chance, packed, path = random.Random(14), PACKERS[kind](PLAIN), tmp_path / "landed"
    for _ in range(500):
        content = bytearray(packed)
        for _ in range(chance.randint(1, 4)):
            content[chance.randrange(len(content))] = chance.choice([0, 255, chance.randrange(256)])
        path.write_bytes(content[: chance.choice([None, chance.randrange(1, len(content))])])
        faults = Faults()
        unpack(path, kind, tmp_path / "plain", faults)
        assert faults.count <= 1, bytes(content).hex()
