"""Records around the data are no data: a header, a trailer that counts the rows, and the sign that ends a text."""

import gzip

import pytest
from landed_contract import column, contract

from landed.file import bucket_sums, read_landed, rows_of_buckets

PLAIN = "id,title,score\n1,a,9.5\n2,,\n"
EDGES = {"header_records": ("",), "trailer_records": ("",)}
BEGINNING = {"header_records": ("H|",), "trailer_records": ("T|",)}
SIGNS = {"delimiter": "|", **EDGES}
COUNTED = {**SIGNS, "trailer_count": 2}
FIXED = [column("id", "bigint", positions=(1, 3)), column("title", "string", positions=(4, 6))]


@pytest.fixture
def read(tmp_path):
    def read(content, *columns, **landing):
        path = tmp_path / "landed"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_landed(path, contract(*columns, **landing), tmp_path)

    return read


def said(landed):
    return [str(fault) for fault in landed.faults]


def same(landed, read):
    assert said(landed) == []
    return landed.fingerprint == read(PLAIN).fingerprint


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("content", "landing"),
    [
        ("H|20260102\nid|title|score\n1|a|9.5\n2||\nT|000002\n", COUNTED),
        ("H|20260102\nid|title|score\n1|a|9.5\n2||\nT|2", COUNTED),
        ("\nH|20260102\nid|title|score\n1|a|9.5\n2||\nT|2\n\n\n", COUNTED),
        ("H|20260102\n1|a|9.5\n2||\nT|2\n", {**COUNTED, "header": False}),
        ("id|title|score\n1|a|9.5\n2||\nT|'2'|\n",
         {"delimiter": "|", "quote": "'", "trailer_records": ("T",), "trailer_count": 2}),
        ("id|title|score\n1|a|9.5\n2||\nTOTAL: 2 rows\n",
         {"delimiter": "|", "trailer_records": ("TOTAL",), "trailer_count": (7, 9)}),
        ("one\ntwo\nid|title|score\n1|a|9.5\n2||\nT|2\n9999\n",
         {"delimiter": "|", "header_records": ("", ""), "trailer_records": ("T", "9999"), "trailer_count": 2}),
        ("H|20260102\nid|title|score\n1|a|9.5\n2||\nT|7\n", SIGNS),
        ("\ufeffH|20260102\nid|title|score\n1|a|9.5\n2||\nT|2\n", {**COUNTED, **BEGINNING}),
    ],
)  # fmt: skip
def test_the_same_rows_between_other_records_are_the_same(read, content, landing, end):
    assert same(read(content.replace("\n", end), **landing), read)


def test_a_packed_file_has_them_too(read):
    content = gzip.compress(b"H|20260102\nid|title|score\n1|a|9.5\n2||\nT|2\n")
    assert same(read(content, compression="gzip", **COUNTED), read)


def test_a_fixed_width_file_has_them_too(read):
    landed = read("HDR\n  1a  \n  2b  \nTRL00002\n", *FIXED, format="fixed-width", header=False,
                  header_records=("HDR",), trailer_records=("TRL",), trailer_count=(4, 8))  # fmt: skip
    assert said(landed) == []
    assert landed.fingerprint == read("id,title\n1,a\n2,b\n", *FIXED).fingerprint


def test_a_file_of_nothing_else_has_no_rows(read):
    landed = read("H|20260102\nT|0\n", **{**COUNTED, "header": False})
    assert (said(landed), landed.rows) == ([], 0)


@pytest.mark.parametrize(
    ("lost", "fault"),
    [
        ("2||\n", "line 4: the trailer record counts 2 rows, and the file has 1; rows were lost or added on the way"),
        ("T|2\n", "line 4: the record where the trailer record should be can be read as data, so perhaps the trailer "
                  "record is missing; if this is the trailer record, say in the contract how it begins, such as "
                  "trailerRecords: ['T|']"),
        ("2||\nT|2\n", "line 3: the record where the trailer record should be can be read as data"),
        ("H|20260102\n", "line 2: the first line has none of the contract's names"),
    ],
)  # fmt: skip
def test_a_lost_record_is_found(read, lost, fault):
    content = "H|20260102\nid|title|score\n1|a|9.5\n2||\nT|2\n"
    landing = SIGNS if "T|" in lost else COUNTED
    assert said(read(content.replace(lost, ""), **landing))[0].startswith(fault)


def test_a_lost_header_of_a_file_without_names_is_found(read):
    assert said(read("1|a|9.5\n2||\nT|2\n", **{**SIGNS, "header": False})) == [
        "line 1: the record where the header record should be can be read as data, so perhaps the header record is "
        "missing; if this is the header record, say in the contract how it begins, such as headerRecords: ['H|']"
    ]


def test_records_that_begin_otherwise_than_the_contract_says_are_faults(read):
    assert said(read("1|a|9.5\n2||\n3||\n", **{**SIGNS, **BEGINNING, "header": False})) == [
        "line 1: the header record must begin with 'H|', and this record begins with '1|a|9.5'; the header record is "
        "missing, or the file was cut short",
        "line 3: the trailer record must begin with 'T|', and this record begins with '3||'; the trailer record is "
        "missing, or the file was cut short",
    ]
    secret = column("id", "bigint", sensitive=True)
    assert "this record begins otherwise" in said(read("1\n2\n", secret, header=False, trailer_records=("T",)))[0]


def test_a_trailer_that_could_be_a_row_is_one_if_it_begins_as_the_contract_says(read):
    texts = column("code", "string"), column("name", "string")
    said_how = {"delimiter": "|", "header": False, "trailer_records": ("T|",), "trailer_count": 2}
    assert said(read("a|b\nT|1\n", *texts, **said_how)) == []
    assert "can be read as data" in said(read("a|b\nT|1\n", *texts, **{**said_how, "trailer_records": ("",)}))[0]


@pytest.mark.parametrize("count", ["", "x", "-1", "1.0", "1e0"])
def test_a_trailer_without_a_count_is_a_fault(read, count):
    assert said(read(f"H|\nid|title|score\n1|a|9.5\nT|{count}\n", **COUNTED)) == [
        "line 4: the trailer record has no number in cell 2, where its count of rows should be"
    ]
    assert said(read("H|\nid|title|score\n1|a|9.5\nT\n", **COUNTED))[0].startswith("line 4: the trailer record has no")


def test_a_file_that_is_too_short_for_its_other_records_is_a_fault(read):
    assert said(read("H|20260102\n", **COUNTED)) == [
        "line 1: the file has 1 record, and the contract says that 1 at its beginning and 1 at its end are no data; it "
        "was cut short"
    ]


def test_lines_of_faults_are_those_of_the_file(read):
    ragged = read("H|20260102\nid|title|score\n1|a|9.5\n2|b\nT|2\n", **COUNTED)
    assert said(ragged) == ["line 4: 2 cells found, 3 expected: 2|b"]
    unreadable = read("H|20260102\nid|title|score\n1|a|9.5\nx|b|1\nT|2\n", **COUNTED)
    assert said(unreadable)[0].startswith("line 4, column id: 'x' is not bigint")
    assert said(read("H|20260102\nid|name|score\n1|a|9.5\nT|1\n", **COUNTED))[0].startswith("line 2: the header")


@pytest.mark.parametrize("sign", ["\x1a", "\x1a" * 100, "\x1a\r\n"])
def test_ctrl_z_ends_a_text_and_is_no_record(read, sign):
    assert same(read("id,title,score\r\n1,a,9.5\r\n2,,\r\n" + sign), read)
    assert same(read("H|20260102\nid|title|score\n1|a|9.5\n2||\nT|2\n" + sign, **COUNTED), read)
    assert same(read('{"id": 1, "title": "a", "score": 9.5}\n{"id": 2}\n' + sign, format="json"), read)
    assert said(read("  1a  \n" + sign, *FIXED, format="fixed-width", header=False)) == []


def test_ctrl_z_elsewhere_is_a_character(read):
    plain = read('id,title,score\n1,"a\x1a",9.5\n2,,\n')
    assert said(plain) == []
    assert plain.fingerprint != read(PLAIN).fingerprint
    assert said(read("\x1a")) == [
        "line 1: the file is empty: it has nothing but the sign that ends a text, Ctrl-Z (U+001A)"
    ]


def test_rows_that_differ_are_found_between_other_records_too(tmp_path):
    of, plain = contract(**COUNTED), contract()
    for name, content in (("a", "H|20260102\nid|title|score\n1|a|9.5\n2||\nT|2\n"), ("b", PLAIN)):
        (tmp_path / name).write_text(content, encoding="utf-8", newline="")
    assert bucket_sums(tmp_path / "a", of, tmp_path, 8) == bucket_sums(tmp_path / "b", plain, tmp_path, 8)
    rows, others = (
        rows_of_buckets(tmp_path / name, each, tmp_path, 1, [0]) for name, each in (("a", of), ("b", plain))
    )
    assert rows == others != []
