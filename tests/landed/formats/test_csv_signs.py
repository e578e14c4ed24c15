"""Signs that not every reader of CSV knows: a delimiter behind the last cell or of several characters, an escape, and a
sign that begins a comment."""

import csv
import io
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from landed_contract import column, contract

from landed.file import read_landed
from landed.formats.csv_records import checked_records
from landed.reading.faults import Faults

PLAIN = 'id,title,score\n1,"a,b",9.5\n2,,\n'


@pytest.fixture
def read(tmp_path):
    def read(content, *columns, **landing):
        path = tmp_path / "landed"
        path.write_bytes(content.encode())
        return read_landed(path, contract(*columns, **landing), tmp_path)

    return read


def said(landed):
    return [str(fault) for fault in landed.faults]


ESCAPED = {"escape": "\\"}
UNQUOTED = {"escape": "\\", "quote": "", "delimiter": "\t", "null_text": "\\N"}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("content", "landing"),
    [
        ('id,title,score,\n1,"a,b",9.5,\n2,,,\n', {"trailing_delimiter": True}),
        ('id,title,score\n1,"a,b",9.5,\n2,,,\n', {"trailing_delimiter": True}),
        ('1,"a,b",9.5,\n2,,,\n', {"trailing_delimiter": True, "header": False}),
        ("id||title||score\n1||a,b||9.5\n2||||\n", {"delimiter": "||"}),
        ('id~|~title~|~score\n1~|~"a,b"~|~9.5\n2~|~~|~', {"delimiter": "~|~"}),
        ("id||title||score||\n1||a,b||9.5||\n2||||||\n", {"delimiter": "||", "trailing_delimiter": True}),
        ("# made by a tool\nid,title,score\n#1,x,1\n1,\"a,b\",9.5\n#\"\n2,,\n# 2 rows", {"comment": "#"}),
        ("id,title,score\n1,a\\,b,9.5\n2,,\n", ESCAPED),
        ('id,title,score\n1,"a\\,b",9.5\n2,,\n', ESCAPED),
        ("id\ttitle\tscore\n1\ta,b\t9.5\n2\t\\N\t\\N\n", UNQUOTED),
    ],
)  # fmt: skip
def test_the_same_rows_written_with_other_signs_are_the_same(read, content, landing, end):
    landed = read(content.replace("\n", end), **landing)
    assert said(landed) == []
    assert landed.fingerprint == read(PLAIN).fingerprint


@pytest.mark.parametrize(
    ("cell", "landing", "means"),
    [
        ('"say \\"hi\\""', ESCAPED, 'say "hi"'),
        ('"say ""hi"" \\\\"', ESCAPED, 'say "hi" \\'),
        ("a\\\nb", ESCAPED, "a\nb"),
        ('"a\\\nb\nc\\""', ESCAPED, 'a\nb\nc"'),
        ("\\\"a", ESCAPED, '"a'),
        ("a\\\\", ESCAPED, "a\\"),
        ("a\\nb\\tc\\\\d", UNQUOTED, "a\nb\tc\\d"),
        ("a\\\tb", UNQUOTED, "a\tb"),
        ("#a", {"comment": "#"}, "#a"),
        ('"a||b"', {"delimiter": "||"}, "a||b"),
        ("a|b|", {"delimiter": "~|~"}, "a|b|"),
        ("a\\||b", {"delimiter": "||", "escape": "\\"}, "a||b"),
        ('"a\n#b"', {"comment": "#"}, "a\n#b"),
("a%%b", {"escape": "%"}, "a%b"),
    ],
)  # fmt: skip
def test_a_cell_means_what_its_signs_say(read, cell, landing, means):
    columns = (column("id", "bigint"), column("title", "string"))
    between = landing.get("delimiter", ",")
    landed = read(f"id{between}title\n1{between}{cell}\n", *columns, **landing)
    assert said(landed) == []
    doubled = means.replace('"', '""')
    assert landed.fingerprint == read(f'id,title\n1,"{doubled}"\n', *columns).fingerprint


@pytest.mark.parametrize(
    ("content", "landing", "fault"),
    [
        ("id,title,score\n1,a,9.5,\n2,,,\n", {},
         "line 2: 4 cells found, 3 expected; the record ends with a delimiter, behind which no cell stands; if every "
         "record does, say `trailingDelimiter: true` in the contract's landing server: 1,a,9.5,"),
        ("id,title,score,\n1,a,9.5,\n", {},
         "line 1: the header ends with a delimiter, behind which no cell stands; if every record does, say "
         "`trailingDelimiter: true` in the contract's landing server"),
        ("id,title,score,\n1,a,9.5,\n2,,\n", {"trailing_delimiter": True}, "line 3: 2 cells found, 3 expected"),
        ("id,title,score,\n1,a,9.5,\n2,b,1\n", {"trailing_delimiter": True},
         "line 3: the record does not end with ',', as `trailingDelimiter` says"),
        ("id,title,score,\n1,a,9.5,x\n", {"trailing_delimiter": True},
         "line 2: the record does not end with ',', as `trailingDelimiter` says"),
        ("id,title,score,\n1,a,9.5,,\n", {"trailing_delimiter": True}, "line 2: 4 cells found, 3 expected: 1,a,9.5,"),
        ("id,title,score\n1,a,9.5\n # 2,b,1\n", {"comment": "#"}, "line 3, column id: ' # 2' is not bigint"),
        ("id,title,score\n1,a\\tb,9.5\n", ESCAPED,
         "line 2: the escape '\\' before a letter or digit has no meaning that all writers agree on; write '\\\\' for "
         "'\\' itself"),
        ('id,title,score\n1,"C:\\temp",9.5\n', ESCAPED, "line 2: the escape '\\' before a letter or digit has no"),
        ("id\ttitle\tscore\n1\ta\\qb\t9.5\n", UNQUOTED, "line 2: the escape '\\' before a letter or digit has no"),
        ("id\ttitle\tscore\n1\t\\\\N\t9.5\n", UNQUOTED,
         "line 2: the cell is the text '\\N', escaped; without the escape it means null, and the two cannot be told "
         "apart; choose another `nullText`"),
        ("id,title,score\n1,a,9.5\\", ESCAPED, "line 2: the escape '\\' stands at the end of the file"),
        ('id,title,score\n1,"a\\",9.5\n', ESCAPED, 'line 2: this record opens a quote (") and never closes it'),
        ('id,title,score\n1,"a"b,9.5\n', ESCAPED, "line 2: neither ',' nor the end of the line"),
        ("id||title||score\n1||a|9.5\n", {"delimiter": "||"}, "line 2: 2 cells found, 3 expected: 1||a|9.5"),
        ("id||title||score\n1||a||9.5\n", {"delimiter": "|"}, "line 1: the header is separated by '||', and"),
    ],
)  # fmt: skip
def test_a_record_with_other_signs_than_the_contract_says_is_a_fault(read, content, landing, fault):
    assert said(read(content, **landing))[0].startswith(fault)


def test_a_comment_counts_as_a_line(read):
    assert said(read("# a\nid,title,score\n# b\nx,a,9.5\n", comment="#"))[0].startswith("line 4, column id: 'x'")


TEXTS = st.text(st.sampled_from("ab,;|~\\\"'# \n"), max_size=6)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(TEXTS, min_size=3, max_size=3), min_size=1, max_size=5),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONE]),
    st.booleans(),
)
def test_what_pythons_csv_writes_with_an_escape_is_read_as_it_was(tmp_path, rows, end, quoting, doublequote):
    file = io.StringIO()
    writer = csv.writer(file, escapechar="\\", quoting=quoting, doublequote=doublequote, lineterminator=end)
    writer.writerows([[*row, "x"] for row in rows])  # a row of nothing else would be a blank line
    texts = file.getvalue()
    path = tmp_path / "landed"
    path.write_bytes(texts.encode())
    faults = Faults()
    quote = "" if quoting == csv.QUOTE_NONE else '"'
    landing = contract(header=False, escape="\\", quote=quote).landing
    read = [list(cells) for cells in checked_records(path, landing, 4, faults)]
    if faults.count:
        assert re.search(r"\\[ab]", texts), faults.kept
    else:
        assert [["" if cell is None else cell for cell in row] for row in read] == [[*row, "x"] for row in rows]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(TEXTS, min_size=3, max_size=3), min_size=1, max_size=5),
    st.sampled_from(["||", "~|~", ";;;", "', '"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_cells_between_delimiters_of_several_characters_are_read_as_they_were_written(tmp_path, rows, delimiter, end):
    def written(cell):
        doubled = cell.replace('"', '""')
        return f'"{doubled}"' if {*cell} & {*delimiter, '"', "\n"} else cell

    path = tmp_path / "landed"
    path.write_bytes("".join(delimiter.join(map(written, [*row, "x"])) + end for row in rows).encode())
    faults = Faults()
    read = [
        list(cells) for cells in checked_records(path, contract(header=False, delimiter=delimiter).landing, 4, faults)
    ]
    assert faults.kept == []
    assert [[cell or "" for cell in row] for row in read] == [[*row, "x"] for row in rows]
