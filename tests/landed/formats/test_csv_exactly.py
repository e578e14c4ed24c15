"""A CSV is read as RFC 4180 says: blanks beside quotes are part of a cell, and nothing follows a closing quote."""

import csv
import io
import json
import random

import duckdb
import pytest
from landed_contract import column, contract

from acceptance.contract.landing_format import QuotedEmpty
from landed.file import measure
from landed.formats.csv import decode, open_csv
from landed.reading.faults import Faults

PAIR = (column("id", "string"), column("t", "string"))


def said(landed):
    return [str(fault) for fault in landed.faults]


@pytest.mark.parametrize("cell", [' "a"', '  "a"', '\t"a"', ' ""', 'a "b" c', '5"', ' "a" ', ' "a""b" '])
def test_a_cell_that_begins_with_a_blank_keeps_its_blanks_and_its_quotes(read, texts, cell):
    content = f"id,t\n1,{cell}\n2,b\n"
    assert (read(content).rows, said(read(content))) == (2, [])
    assert texts(content) == [("1", cell), ("2", "b")]


@pytest.mark.parametrize("after", [" ", "  ", "\t", "x", ' "b"', "''"])
@pytest.mark.parametrize("place", ["first", "last"])
def test_nothing_follows_a_closing_quote(read, after, place):
    bad = f'"1"{after},a' if place == "first" else f'1,"a"{after}'
    landed = read(f"id,t\n0,z\n{bad}\n2,b\n")
    assert said(landed) == ["line 3: neither ',' nor the end of the line follows a closing quote (\")"]
    assert landed.rows == 3


@pytest.mark.parametrize("last", ["z", ' z"'])
@pytest.mark.parametrize(
    ("nothing", "quotes", "meant"),
    [
        (None, "", {}),
        (None, "", {"trim": True}),
        (None, None, {"quoted_empty": QuotedEmpty.NULL}),
        (None, None, {"empty_as_null": True}),
        (None, "", {"empty_as_null": True, "quoted_empty": QuotedEmpty.TEXT}),
        ("", "", {"null_text": "NULL"}),
        (None, None, {"null_text": "NULL", "empty_as_null": True}),
        (None, "", {"null_text": "NULL", "empty_as_null": True, "quoted_empty": QuotedEmpty.TEXT}),
    ],
)
def test_nothing_and_empty_quotes_are_what_the_contract_says(texts, last, nothing, quotes, meant):
    """DuckDB reads the first of the two files, and Python the other one, which has a blank and a quote."""
    rows = dict(texts(f'id,t\na,\nb,""\nc,"x"\nd,{last}\n', **meant))
    assert (rows["a"], rows["b"], rows["c"]) == (nothing, quotes, "x")


@pytest.mark.parametrize("last", ["z", ' z"'])
def test_empty_quotes_are_null_where_a_column_holds_no_texts(read, last):
    landed = read(f'id,n\n1,""\n2,\n{last},7\n', column("id", "string"), column("n", "int"))
    assert (landed.rows, said(landed)) == (3, [])


def test_in_a_file_of_one_column_a_blank_line_is_null_and_empty_quotes_are_a_text(texts):
    assert set(texts('t\na\n\n""\n', column("t", "string"))) == {("a",), (None,), ("",)}


@pytest.mark.parametrize("quoted", ['"a"', '"a,b"', "a"])
def test_an_empty_cell_too_many_is_a_fault(read, quoted):
    landed = read(f"id,t\n1,{quoted}\n2,b,\n")
    assert (landed.rows, [fault.line for fault in landed.faults]) == (2, [3])


@pytest.mark.parametrize("text", ["\ue000null", "null", "\x1e", "\\N", "[null]"])
def test_no_text_of_a_file_stands_for_null(texts, text):
    of_csv = texts(f'id,t\n1,{text}\n2, "b"\n')
    of_json = texts("".join(json.dumps({"id": n, "t": t}) + "\n" for n, t in (("1", text), ("2", "b"))), format="json")
    escaped = text.replace("\x1e", "\x1ee")
    assert [dict(rows)["1"] for rows in (of_csv, of_json)] == [escaped, escaped]


DIALECTS = [
    {"delimiter": delimiter, "quote": quote, "header": header, "trim": trim, "null_text": null_text}
    for delimiter in (",", ";", "\t", "|", "§")
    for quote in ('"', "'", "")
    for header in (True, False)
    for trim in (False, True)
    for null_text in ("", "\\N")
]
ENCODINGS = ("utf-8", "utf-8", "utf-8-sig", "utf-16", "iso-8859-1")


def by_python(text, width, landing):
    """The records, as Python's own strict reader finds them; None if it refuses one, or one has not `width` cells."""
    quote = landing["quote"]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=landing["delimiter"], quotechar=quote or None, strict=True,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )  # fmt: skip
    try:
        rows = [row or [""] * (width == 1) for row in reader]
    except csv.Error:
        return None
    rows = [row for row in rows[landing["header"] :] if row]
    return rows if all(len(row) == width for row in rows) else None


def a_file(chance, landing, names):
    """A text of the signs that mean something to CSV, most often with one kind of line end."""
    delimiter, quote = landing["delimiter"], landing["quote"] or '"'
    ends = [chance.choice(["\n", "\r\n", "\r"])] if chance.random() < 0.8 else ["\n", "\r\n", "\r"]
    signs = ["a", "b", "é", " ", "\t", "\\", "'", '"', quote, quote, delimiter, delimiter, *ends, *ends]
    signs += [quote * 2, f"{quote}a{quote}", f"{quote}a{delimiter}b{quote}", f" {quote}", f"{quote} ", "\\N"]
    if chance.random() < 0.5:
        cells = [
            "",
            "a",
            " ",
            f"{quote}{quote}",
            f"{quote}a{quote}",
            f"{quote}b{delimiter}{quote}",
            f'a{quote} "',
            " b",
        ]
        cells += [f"{quote}a{ends[0]}b{quote}", f"{quote}, {quote * 2}a{quote * 2}{quote}", f" {quote}a{quote}"]
        rows = [[chance.choice(cells) for _ in names] for _ in range(chance.randint(1, 4))]
        body = "".join(delimiter.join(row) + ends[0] for row in rows)
    else:
        body = "".join(chance.choice(signs) for _ in range(chance.randint(1, 12)))
    first = delimiter.join(names) + ends[0] if landing["header"] else chance.choice(["", f"x{delimiter}y{ends[0]}"])
    return first + body


def differences(seed, files, folder):
    """Read random files of every dialect, and return those that are not read as Python's strict reader reads them."""
    chance, found = random.Random(seed), []
    with duckdb.connect(config={"threads": 1}) as duck:
        for number in range(files):
            landing = DIALECTS[number % len(DIALECTS)]
            names = ["id", "t"] if chance.random() < 0.8 else ["t"]
            encoding = chance.choice(ENCODINGS)
            text = a_file(chance, landing, names)
            path = folder / "landed"
            path.write_bytes(text.encode(encoding, "replace"))
            text = path.read_bytes().decode(encoding)
            expected = by_python(text, len(names), landing)
            of = contract(
                *(column(name, "string") for name in names), **landing, encoding=encoding.removesuffix("-sig"),
                quoted_empty=QuotedEmpty.NULL,
            )  # fmt: skip
            faults = Faults()
            opened = open_csv(duck, decode(path, of, folder, faults), of, folder, faults)
            opened, _ = measure(duck, opened)
            if opened.sql is None:
                # Python's reader takes any line end, and Aceite one kind in a file.
                if expected is not None and not all("it ends in" in fault.message for fault in faults.kept):
                    found.append((landing, text, expected, faults.kept))
                continue
            texts = ", ".join(opened.sql.cells)
            read = duck.execute(f"SELECT {texts} FROM {opened.sql.records(in_order=True)}").fetchall()
            meant = None if expected is None else [tuple(as_meant(cell, landing) for cell in row) for row in expected]
            if read != meant:
                found.append((landing, text, expected, read))
    return found


def as_meant(cell, landing):
    cell = cell.strip(" \t") if landing["trim"] else cell
    return None if cell == landing["null_text"] else cell


def test_random_files_of_every_dialect_are_read_as_pythons_strict_reader_reads_them(tmp_path):
    assert differences(1, 600, tmp_path) == []


@pytest.mark.proof
def test_twenty_thousand_random_files_are_read_as_pythons_strict_reader_reads_them(tmp_path):
    assert differences(2, 20_000, tmp_path) == []
