"""A file of fixed width is cut by the positions of the contract's columns, and by nothing else."""

from dataclasses import replace

import pytest
from landed_contract import column, contract

from landed.file import read_landed

ID = column("id", "bigint", positions=(1, 5))
TITLE = column("title", "string", positions=(6, 15))
SCORE = column("score", "decimal(4,1)", positions=(16, 20))
COLUMNS = (ID, TITLE, SCORE)


@pytest.fixture
def read(tmp_path):
    def read(content, *columns, **landing):
        path = tmp_path / "landed"
        path.write_bytes(content if isinstance(content, bytes) else content.encode(landing.get("encoding", "utf-8")))
        return read_landed(
            path, contract(*(columns or COLUMNS), format="fixed-width", header=False, **landing), tmp_path
        )

    return read


@pytest.fixture
def as_csv(tmp_path):
    """What a CSV of the same rows is read as."""

    def as_csv(content, *columns):
        (tmp_path / "csv").write_text(content, encoding="utf-8", newline="")
        plain = (replace(each, positions=None) for each in columns or COLUMNS)
        return read_landed(tmp_path / "csv", contract(*plain), tmp_path)

    return as_csv


def record(id_, title, score):
    return f"{id_:>5}{title:<10}{score:>5}\n"


def said(landed):
    return [str(fault) for fault in landed.faults]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_cells_are_read_without_the_blanks_that_pad_them(read, as_csv, end):
    landed = read(end.join(["    1First       9.5", "00002  in it    10.0", "    3               "]))
    assert said(landed) == []
    assert (landed.rows, landed.header) == (3, ("id", "title", "score"))
    assert landed.fingerprint == as_csv("id,title,score\n1,First,9.5\n2,  in it,10.0\n3,,\n").fingerprint


def test_a_sign_that_a_csv_would_need_quotes_for_is_a_character_of_its_cell(read, as_csv):
    landed = read(record(1, 'a,"b";c|', 9.5))
    assert said(landed) == []
    assert landed.fingerprint == as_csv('id,title,score\n1,"a,""b"";c|",9.5\n').fingerprint


def test_only_a_blank_pads(read, as_csv):
    landed = read(record(1, "a\u00a0\t", 9.5))
    assert said(landed) == []
    assert landed.fingerprint == as_csv("id,title,score\n1,a\u00a0\t,9.5\n").fingerprint


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16", "cp037"])
def test_positions_count_characters_in_every_encoding(read, as_csv, encoding):
    landed = read(record(1, "São Luís", 9.5) + record(2, "ação", 9.5), encoding=encoding)
    assert said(landed) == []
    assert landed.fingerprint == as_csv("id,title,score\n1,São Luís,9.5\n2,ação,9.5\n").fingerprint


def test_a_record_of_another_length_is_a_fault_with_its_line(read):
    landed = read(record(1, "First", 9.5) + "    2Short       9.\n" + "    3Too long    9.5 \n\n")
    assert said(landed) == [
        "line 2: 19 characters found, 20 expected:     2Short       9.",
        "line 3: 21 characters found, 20 expected:     3Too long    9.5 ",
        "line 4: 0 characters found, 20 expected",
    ]
    assert landed.fingerprint is None


def test_a_record_that_was_padded_by_bytes_is_recognised(read):
    assert said(read("    1ação      9.5\n")) == [
        "line 1: 18 characters found, 20 expected; so many are its bytes in UTF-8, and the contract's positions count "
        "characters:     1ação      9.5"
    ]


def test_a_file_without_line_ends_is_recognised(read):
    assert said(read((record(1, "First", 9.5) + record(2, "Second", 9.5)).replace("\n", ""))) == [
        "line 1: 40 characters found, 20 expected; these may be 2 records without line ends: end each one with a line "
        "end:     1First       9.5    2Second      9.5"
    ]


def test_a_record_of_a_classified_column_is_not_shown(read):
    secret = replace(TITLE, sensitive=True)
    assert said(read("    1secret\n", ID, secret, SCORE)) == ["line 1: 11 characters found, 20 expected"]


def test_an_unreadable_cell_is_named_with_its_line_and_column(read):
    assert said(read(record(1, "First", 9.5) + record("x2", "Second", 9.5))) == [
        "line 2, column id: 'x2' is not bigint; allowed: an integer from -9223372036854775808 to 9223372036854775807"
    ]


def test_what_the_contract_leaves_out_is_a_part_of_the_record(read, as_csv):
    landed = read("    1xxFirst 9.5zz\n", ID, column("title", "string", positions=(8, 12)),
                  column("score", "decimal(4,1)", positions=(13, 16)), ignored=("6-7", "17-18"))  # fmt: skip
    assert said(landed) == []
    assert landed.fingerprint == as_csv("id,title,score\n1,First,9.5\n").fingerprint


@pytest.mark.parametrize("null_text", ["", "NULL", "?"])
def test_a_cell_of_the_null_text_alone_is_null(read, as_csv, null_text):
    landed = read(record(1, null_text, null_text), null_text=null_text)
    assert said(landed) == []
    assert landed.fingerprint == as_csv("id,title,score\n1,,\n").fingerprint


def test_columns_may_stand_in_the_file_in_another_order_than_in_the_table(read, as_csv):
    swapped = (replace(ID, positions=(16, 20)), TITLE, replace(SCORE, positions=(1, 5)))
    landed = read(record(9.5, "First", 1), *swapped)
    assert said(landed) == []
    assert landed.fingerprint == as_csv("id,title,score\n1,First,9.5\n").fingerprint


def test_a_cell_that_moved_by_one_position_is_found(read, as_csv):
    right = as_csv("id,title,score\n1,First,9.5\n").fingerprint
    assert read(record(1, "First", 9.5)).fingerprint == right
    assert read(record(1, " First", 9.5)).fingerprint != right
    assert read("   1First       9.5 \n").faults[0].column == "id", "the first cell takes the first letter of the next"
    assert said(read(" " + record(1, "First", 9.5)))[0].startswith("line 1: 21 characters found")


def test_a_line_without_end_stops_the_reading(read):
    assert said(read("x" * 10_000_001)) == [
        "line 1: the line is longer than 10,000,000 characters; end each record with a line end"
    ]
