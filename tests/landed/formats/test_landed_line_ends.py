"""The ends of lines, and those that cells hold: they are told apart in the first record as in any other."""

import csv
import io
import json
import random

import pytest
from landed_contract import column, contract

from landed.file import read_landed, rows_of_buckets

PAIR = (column("id", "int"), column("t", "string"))
ENDS = ("\n", "\r\n", "\r")


def said(landed):
    return [str(fault) for fault in landed.faults]


@pytest.mark.parametrize("inner", ENDS)
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_text_of_the_first_json_line_may_hold_any_line_end(read, texts, inner, rows):
    lines = [json.dumps({"id": 1, "t": f"line one{inner}line two"})]
    lines += [json.dumps({"id": number, "t": "x"}) for number in range(2, rows + 1)]
    content = "\n".join(lines) + "\n"
    landed = read(content, format="json")
    assert (landed.rows, said(landed)) == (rows, [])
    assert ("1", f"line one{inner}line two") in texts(content, *PAIR, format="json")


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("inner", ENDS)
def test_the_first_cells_of_a_csv_without_a_header_may_hold_any_line_end(read, texts, end, inner):
    content = f'1,"a{inner}b"{end}2,x{end}'
    landed = read(content, header=False)
    assert (landed.rows, said(landed)) == (2, [])
    assert sorted(texts(content, *PAIR, header=False)) == [("1", f"a{inner}b"), ("2", "x")]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("inner", ENDS)
def test_a_name_in_the_header_may_hold_any_line_end(read, texts, end, inner):
    columns = (column("id", "int"), column("t", "string", landed=f"t{inner}"))
    content = f'id,"t{inner}"{end}1,"a"{end}2,x{end}'
    landed = read(content, *columns)
    assert (landed.rows, landed.header, said(landed)) == (2, ("id", f"t{inner}"), [])
    assert sorted(texts(content, *columns)) == [("1", "a"), ("2", "x")]


@pytest.mark.parametrize(("header", "body"), [("\r\n", "\n"), ("\n", "\r\n"), ("\r", "\n")])
def test_a_header_that_ends_otherwise_than_the_records_is_named_by_its_line(read, header, body):
    names = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}
    landed = read(f"id,t{header}1,a{body}2,b{body}")
    assert landed.rows == 2
    assert said(landed)[0] == (
        f"line 2: it ends in {names[body]}, the lines before it in {names[header]}; "
        "use one kind of line end, or quote the cell that holds it"
    )


def test_what_is_wrong_behind_such_a_header_keeps_its_line(read):
    columns = (column("id", "int"), column("t", "string", landed="t\n"))
    assert said(read('id,"t\n"\r\n1,"a\nb"\r\nx,c\r\n', *columns)) == [
        "line 5, column id: 'x' is not int; allowed: an integer from -2147483648 to 2147483647"
    ]
    landed = read('id,"t\n"\r\n1,a\r\n2\r\n3,c\n4,"d"d\r\n', *columns)
    assert (landed.rows, [fault.line for fault in landed.faults]) == (4, [4, 5, 6])
    assert "1 cell found, 2 expected: 2" in said(landed)[0]


def test_a_file_of_one_column_keeps_its_blank_lines_behind_such_a_header(read):
    landed = read('"x\r\n"\n1\n\n2\n', column("x", "string", landed="x\r\n"))
    assert (landed.rows, said(landed)) == (3, [])


def test_line_ends_at_random_are_read_as_python_reads_them(tmp_path):
    chance, cells = random.Random(11), ["a", "", "b c", "x\ny", "x\r\ny", "x\ry", "\r\n", '"\r\n', ";", '"']
    for _ in range(60):
        header, end = chance.random() < 0.5, chance.choice(ENDS)
        names = [chance.choice(["t", "t\n", "t\r\n", "t\r", '"\n']) for _ in range(2)]
        of = contract(
            *(column(f"c{number}", "string", landed=f"{number}{name}") for number, name in enumerate(names)),
            header=header, delimiter=";", null_text="zz",
        )  # fmt: skip
        rows = [tuple(chance.choice(cells) for _ in range(2)) for _ in range(chance.randint(1, 5))]
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=";", lineterminator=end, quoting=csv.QUOTE_ALL)
        writer.writerows([[each.landed for each in of.columns], *rows] if header else rows)
        (tmp_path / "landed").write_bytes(out.getvalue().encode())
        landed = read_landed(tmp_path / "landed", of, tmp_path)
        assert (landed.rows, said(landed)) == (len(rows), []), out.getvalue()
        found = rows_of_buckets(tmp_path / "landed", of, tmp_path, 1, {0})
        read = [row for (_, row), times in found.items() for _ in range(times)]
        assert sorted(read) == sorted(rows), out.getvalue()
