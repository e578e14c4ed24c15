"""What a contract may say about how files land: each option reads other bytes as the same rows, or refuses them."""

import gzip
import json
from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from landed_contract import column, contract

from landed.file import bucket_sums, read_landed, rows_of_buckets

PLAIN = "id,title,score\n1,a,9.5\n2,,\n"


@pytest.fixture
def read(tmp_path):
    def read(content, of=None):
        path = tmp_path / "landed"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_landed(path, of or contract(), tmp_path)

    return read


@pytest.fixture
def read_arrow(tmp_path):
    def read(of=None, **columns):
        pq.write_table(pa.table(columns), tmp_path / "landed")
        return read_landed(tmp_path / "landed", of or contract(format="parquet"), tmp_path)

    return read


def said(landed):
    return [str(fault) for fault in landed.faults]


def same(landed, read):
    assert said(landed) == []
    return landed.fingerprint == read(PLAIN).fingerprint


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        ("id,title,score\n 1, a\t,9.5 \n2,  ,\n", {"trim": True}),
        ('id, title\t," score "\n1, a,9.5\n2,,\n', {"trim": True}),
        ("id, load,title, score\n1,x,a,9.5\n2,y,,\n", {"trim": True, "ignored": ("load",)}),
        ("id,title,score\n1,a,9.5\n2,NULL,\n", {"null_text": "NULL", "empty_as_null": True}),
        ('id;title;score\n1;a;9,5\n2;;""\n', {"delimiter": ";", "decimal_comma": True}),
        ("id,load,title,score\n1,x,a,9.5\n2,y,,\n", {"ignored": ("LOAD",)}),
        (gzip.compress(PLAIN.encode(), mtime=0), {"compression": "gzip"}),
        ('{"id": 1, "title": "a", "score": 9.5}\n{"id": 2, "title": null}\n', {"format": "json"}),
        ('{"ID": "1", "title": "a", "score": "9.50"}\n\n{"id": 2}', {"format": "json"}),
        (
            '{"id": 1, "x": [1], "title": " a ", "score": 9.5}\n{"id": 2}',
            {"format": "json", "ignored": ("x",), "trim": True},
        ),
        (
            gzip.compress(b'{"id": 1, "title": "a", "score": 9.5}\n{"id": 2}\n', mtime=0),
            {"format": "json", "compression": "gzip"},
        ),
    ],
)
def test_the_same_rows_landed_otherwise_are_the_same(read, content, facts):
    assert same(read(content, contract(**facts)), read)


def test_without_its_option_nothing_is_trimmed_or_taken_for_null(read):
    assert [fault.column for fault in read("id,title,score\n 1,a,9.5\n").faults] == ["id"]
    assert not same(read("id,title,score\n1,a ,9.5\n2,,\n"), read)
    assert not same(read("id,title,score\n1,a,9.5\n2,NULL,\n"), read)


@pytest.mark.parametrize(
    ("text", "looks_like"),
    [
        ("1.5", "; the contract says `decimalComma: true`, and it has a point"),
        ("1.234,5", '; it looks like a thousands separator; if so, write `groupSeparator: "."`'),
        ("1,5,0", ""),
        ("1,55", ""),
    ],
)
def test_with_a_decimal_comma_a_point_is_no_number(read, text, looks_like):
    landed = read(f"id;title;score\n1;a;{text}\n", contract(delimiter=";", decimal_comma=True))
    assert said(landed) == [
        f"line 2, column score: {text!r} is not decimal(4,1); allowed: "
        f"a number with at most 3 digits before the comma and 1 after it{looks_like}"
    ]


def test_a_time_without_an_offset_is_of_the_contracts_zone(read):
    at = contract(column("at", "timestamp"), zone="America/Sao_Paulo")
    landed = read("at\n2013-01-31 05:15:00\n2013-07-31 05:15:00\n2013-07-31T05:15:00-03:00\n", at)
    utc = contract(column("at", "timestamp"))
    assert (
        landed.fingerprint
        == read("at\n2013-01-31 07:15:00\n2013-07-31 08:15:00\n2013-07-31 08:15:00\n", utc).fingerprint
    )


def test_a_time_that_the_zones_clocks_skipped_is_none(read):
    at = contract(column("at", "timestamp"), zone="America/Sao_Paulo")
    assert said(read("at\n2018-11-04 00:30:00\n", at)) == [
        "line 2, column at: '2018-11-04 00:30:00' is not timestamp; allowed: "
        "a time such as 2013-01-31 05:15:00, of America/Sao_Paulo or with an offset, to the millisecond; the clocks of "
        "America/Sao_Paulo skipped it on that day; `skippedTimes: forward` reads it as Java and Spark do"
    ]


@pytest.mark.parametrize(
    ("zone", "text", "utc"),
    [
        ("America/Sao_Paulo", "2018-02-17 22:59:59", "2018-02-18 00:59:59"),
        ("America/Sao_Paulo", "2018-02-17 23:30:00", "2018-02-18 01:30:00"),
        ("America/Sao_Paulo", "2018-02-18 00:00:00", "2018-02-18 03:00:00"),
        ("Australia/Lord_Howe", "2018-04-01 01:45:00", "2018-03-31 14:45:00"),
        ("Australia/Lord_Howe", "2018-04-01 02:00:00", "2018-03-31 15:30:00"),
    ],
)
def test_of_a_time_that_the_zones_clocks_showed_twice_it_is_the_earlier(read, read_arrow, zone, text, utc):
    expected = read(f"at\n{utc}\n", contract(column("at", "timestamp"))).fingerprint
    assert read(f"at\n{text}\n", contract(column("at", "timestamp"), zone=zone)).fingerprint == expected
    moment = pa.array([datetime.fromisoformat(text)], pa.timestamp("ms"))
    assert (
        read_arrow(contract(column("at", "timestamp"), format="parquet", zone=zone), at=moment).fingerprint == expected
    )


def test_digits_below_a_millisecond_are_counted_unless_they_are_declared_to_be_rounded(read):
    text = "at\n2013-01-31 05:15:00.123456\n"
    assert read(text, contract(column("at", "timestamp"))).cell_faults == {"at": 1}
    rounded = read(text, contract(column("at", "timestamp", rounded=True)))
    assert rounded.fingerprint == read("at\n2013-01-31 05:15:00.123\n", contract(column("at", "timestamp"))).fingerprint


@pytest.mark.parametrize(("digits", "equal"), [(2, True), (3, False), (None, False)])
def test_so_many_digits_of_a_double_are_compared_as_the_contract_says(read, digits, equal):
    of = contract(column("x", "double", digits=digits))
    assert (read("x\n93.101\n", of).fingerprint == read("x\n93.1\n", of).fingerprint) is equal


def test_a_column_that_is_left_out_may_differ_and_must_still_be_readable(read):
    of = contract(column("id", "bigint"), column("n", "int", compared=False))
    assert read("id,n\n1,2\n", of).fingerprint == read("id,n\n1,3\n", of).fingerprint
    assert read("id,n\n1,x\n", of).cell_faults == {"n": 1}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": 1', "line 2: the line is not JSON: Expecting ',' delimiter (character 9); the line ends before its"),
        ('{"id": 1, "title": "a', "line 2: the line is not JSON: Unterminated string starting at (character 20); the"),
        ('{"id": 1},', "line 2: the line is not JSON: Extra data (character 10); write one object a line, and nothing"),
        ("{'id': 1}", "line 2: the line is not JSON: Expecting property name enclosed in double quotes (character 2)"),
        ("[1, 2]", "line 2: the line is not a JSON object; write each object of the list on a line of its own"),
        ("\u00a0", "line 2: the line is not JSON: Expecting value (character 1)"),
        ('{"id": 1, "Id": 2}', "line 2: the object has the member 'Id' twice"),
        ('{"id": 1, "year": 2}', "line 2: the object has a member 'year' that the contract lacks; allowed: id, "),
        ('{"title": 1}', "line 2, column title: a number is not string; write it as a text"),
        ('{"id": true}', "line 2, column id: a boolean is not bigint"),
        ('{"title": {"a": 1}}', "line 2, column title: a cell may not be an object or a list"),
        ('{"score": NaN}', "line 2: the line is not JSON: NaN is not a JSON number; write it as a text"),
        ('{"title": "a\\u0000"}', "line 2, column title: a NUL character (U+0000), which a text may not hold"),
        ('{"title": "\\ud800"}', "line 2, column title: half a character"),
        ('{"id": 1.5}', "line 2, column id: '1.5' is not bigint; allowed: an integer"),
        ('{"score": 9.55}', "line 2, column score: '9.55' is not decimal(4,1); allowed: "),
        ('{"score": 1e-2}', "line 2, column score: '1e-2' is not decimal(4,1); allowed: "),
    ],
)
def test_a_json_line_that_is_not_as_the_contract_says_is_named(read, line, message):
    [fault] = said(read('{"id": 0}\n' + line + "\n", contract(format="json")))
    assert fault.startswith(message)


def test_a_json_number_keeps_every_digit_that_was_written(read):
    of = contract(column("n", "decimal(38,18)"))
    number = "12345678901234567890.123456789012345678"
    as_json = read(json.dumps({"n": 0}).replace("0", number), contract(column("n", "decimal(38,18)"), format="json"))
    assert as_json.fingerprint == read(f"n\n{number}\n", of).fingerprint


@pytest.mark.parametrize("content", [b"id,title\n", gzip.compress(PLAIN.encode())[:-5]], ids=["no gzip", "cut off"])
def test_what_is_no_gzip_or_is_cut_off_is_a_fault(read, content):
    [fault] = said(read(content, contract(compression="gzip")))
    assert fault.startswith("line 1: the file is truncated or not gzip, as the contract declares: ")


def test_parquet_is_read_with_its_own_types(read, read_arrow):
    assert same(
        read_arrow(
            id=pa.array([1, 2], pa.int8()), title=["a", None], score=pa.array(["9.5", None]).cast(pa.decimal128(4, 1))
        ),
        read,
    )


def test_a_parquet_cell_that_would_lose_something_is_counted(read_arrow):
    landed = read_arrow(id=[1, 2], title=["a", "b"], score=pa.array(["9.55", "9.5"]).cast(pa.decimal128(8, 2)))
    assert landed.cell_faults == {"score": 1}
    assert said(landed) == [
        "line 1, column score: '9.55' is not decimal(4,1); allowed: a number that is one of decimal(4,1)"
    ]
    of = contract(column("at", "timestamp"), format="parquet")
    assert read_arrow(of, at=pa.array([1, 1000], pa.timestamp("us"))).cell_faults == {"at": 1}
    assert read_arrow(contract(column("n", "tinyint"), format="parquet"), n=[127, 128]).cell_faults == {"n": 1}


def test_a_parquet_column_of_another_kind_is_a_fault_and_so_is_what_is_no_parquet(read, read_arrow):
    assert said(read_arrow(id=["1"], title=["a"], score=[1.5])) == [
        "line 1, column id: the column 'id' is BYTE_ARRAY (STRING), which does not convert to bigint; allowed: INT32 "
        "or INT64 (plain or INT), or DECIMAL of at most 38 digits",
        "line 1, column score: the column 'score' is DOUBLE, which does not convert to decimal(4,1); allowed: INT32 "
        "or INT64 (plain or INT), or DECIMAL of at most 38 digits",
    ]
    [fault] = said(read(PLAIN, contract(format="parquet")))
    assert fault == "line 1: the file is not Parquet: it does not begin with the bytes PAR1"


def test_a_name_that_the_contract_has_with_its_spaces_is_trimmed_no_more_than_one_without_trim(read):
    columns = (column("id", "bigint", landed=" id"), column("title", "string"), column("score", "decimal(4,1)"))
    assert same(read(" id, title,score\n1,a,9.5\n2,,\n", contract(*columns, trim=True)), read)
    assert said(read("id, title,score\n1,a,9.5\n"))[0].startswith("line 1: the header has a column ' title'")


def test_a_parquet_column_may_have_the_name_by_which_its_rows_are_numbered(tmp_path):
    columns = (column("n", "int", landed="File_Row_Number"), column("t", "string"))
    numbers = [*range(9_000), 2**40, *range(9_000)]
    pq.write_table(
        pa.table({"file_row_number": numbers, "t": ["xy"] * len(numbers)}), tmp_path / "landed", row_group_size=500
    )
    of = contract(*columns, format="parquet")
    assert said(read_landed(tmp_path / "landed", of, tmp_path)) == [
        "line 9001, column n: '1099511627776' is not int; allowed: a number that is one of int"
    ]
    unnamed = contract(column("t", "varchar(1)"), format="parquet", ignored=("FILE_ROW_NUMBER",))
    assert said(read_landed(tmp_path / "landed", unnamed, tmp_path))[0].startswith(
        "line 1, column t: 'xy' is not varchar(1)"
    )


def test_json_in_a_parquet_column_is_a_text_that_may_be_too_long(tmp_path):
    path = (tmp_path / "landed").as_posix()
    duckdb.execute(f"""COPY (SELECT unnest(['[1]', '{{"a": 1}}'])::JSON AS x) TO '{path}' (FORMAT parquet)""")
    assert said(read_landed(tmp_path / "landed", contract(column("x", "varchar(5)"), format="parquet"), tmp_path)) == [
        """line 2, column x: '{"a": 1}' is not varchar(5); allowed: at most 5 characters"""
    ]
    [(_, text), _] = rows_of_buckets(
        tmp_path / "landed", contract(column("x", "varchar(9)"), format="parquet"), tmp_path, 1, {0}
    )
    assert text == ("[1]",)


@pytest.mark.parametrize("facts", [{}, {"format": "json"}, {"format": "parquet"}])
def test_the_rows_of_all_buckets_are_all_rows(tmp_path, facts):
    path, of = (
        tmp_path / "landed",
        contract(column("id", "bigint", primary_key=True), column("t", "string", sensitive=True), **facts),
    )
    rows = [(number, f"title {number}") for number in range(200)]
    if facts.get("format") == "json":
        path.write_text("".join(json.dumps({"id": n, "t": t}) + "\n" for n, t in rows), encoding="utf-8")
    elif facts:
        pq.write_table(pa.table({"id": [n for n, _ in rows], "t": [t for _, t in rows]}), path)
    else:
        path.write_text("id,t\n" + "".join(f"{n},{t}\n" for n, t in rows), encoding="utf-8")
    sums = bucket_sums(path, of, tmp_path, 8)
    assert sum(sums.values()) == read_landed(path, of, tmp_path).fingerprint.high
    texts = [rows_of_buckets(path, of, tmp_path, 8, {bucket}) for bucket in range(8)]
    md5 = {n: duckdb.execute("SELECT md5(?)", [t]).fetchall()[0][0] for n, t in rows}
    assert sorted(row for each in texts for _, row in each) == sorted((str(n), md5[n]) for n, _ in rows)
    assert set(sums) == {bucket for bucket in range(8) if texts[bucket]}
