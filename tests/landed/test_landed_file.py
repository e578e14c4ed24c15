import csv
import io
import random
import threading

import pytest
from landed_contract import READABLE, UNREADABLE, column, contract

from acceptance.errors import ContractError
from acceptance.proof.fingerprint import Fingerprint
from acceptance.text_contrast import spelled
from landed.file import read_landed


@pytest.fixture
def read(tmp_path):
    """Reads these bytes as a landed file of the contract."""

    def read(content, of=None):
        path = tmp_path / "landed [1].csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_landed(path, of or contract(), tmp_path)

    return read


def cells(read, type_, *texts, **facts):
    """What a file with one column of the type and these cells is read as."""
    return read("x\n" + "".join(f'"{text}"\n' for text in texts), contract(column("x", type_, **facts)))


def said(landed):
    return [str(fault) for fault in landed.faults]


def test_a_good_file_has_its_rows_and_a_fingerprint(read):
    landed = read("id,title,score\n1,O Auto,9.5\n2,,\n")
    assert (landed.rows, landed.header, landed.size_bytes) == (2, ("id", "title", "score"), 32)
    assert (landed.faults, landed.fault_count, landed.cell_faults) == ((), 0, {})
    assert landed.fingerprint.rows == 2


def test_nothing_is_left_in_the_spill_directory(read, tmp_path):
    read("id,title,score\n1,é,9.5\n".encode("cp1252"), contract(encoding="cp1252"))
    assert [path.name for path in tmp_path.iterdir()] == ["landed [1].csv"]


@pytest.mark.parametrize(
    "same",
    [
        "ID,Title,SCORE\n1,a,9.5\n2,b,\n",
        "score,id,title\n9.5,1,a\n,2,b\n",
        "id,title,score\r\n1,a,9.5\r\n2,b,\r\n",
        "id,title,score\n2,b,\n1,a,9.5",
        '"id","title","score"\n"1","a","9.5"\n2,b,""\n',
        "\ufeffid,title,score\n1,a,9.5\n2,b,\n",
        "id,title,score\n\n1,a,9.5\n\n2,b,\n\n",
        "id,title,score\n+1,a,09.50\n002,b,\n",
    ],
)
def test_the_same_rows_written_otherwise_have_the_same_fingerprint(read, same):
    assert read(same).fingerprint == read("id,title,score\n1,a,9.5\n2,b,\n").fingerprint


@pytest.mark.parametrize(
    "changed", ["1,a,9.6\n2,b,\n", "1,a ,9.5\n2,b,\n", "1,a,9.5\n2,null,\n", "1,b,9.5\n2,a,\n", "1,a,9.5\n1,a,9.5\n"]
)
def test_a_changed_cell_changes_the_fingerprint(read, changed):
    assert read(f"id,title,score\n{changed}").fingerprint != read("id,title,score\n1,a,9.5\n2,b,\n").fingerprint


def test_delimiter_quote_null_text_and_a_missing_header_are_as_the_contract_says(read):
    of = contract(delimiter=";", quote="'", header=False, null_text="\\N")
    landed = read("1;'a;''b';9.5\n2;;\\N\n", of)
    assert landed.rows == 2
    assert landed.fingerprint == read('id,title,score\n1,a;\'b,9.5\n2,"",-\n', contract(null_text="-")).fingerprint


def test_an_empty_cell_is_a_null_of_a_string_only_when_the_null_text_is_empty(read):
    null, empty = read("id,title,score\n1,,1\n"), read("id,title,score\n1,,1\n", contract(null_text="NULL"))
    assert null.fingerprint != empty.fingerprint


def test_without_quotes_a_quote_is_a_letter(read):
    assert read('id,title,score\n1,"a,2\n', contract(quote="")).faults == ()


@pytest.mark.parametrize(
    ("encoding", "bom"),
    [("ISO-8859-1", ""), ("windows-1252", ""), ("UTF-16", ""), ("utf-16-le", "\ufeff"), ("utf-8-sig", "")],
)
def test_a_file_in_another_encoding_is_read_as_the_same_text(read, encoding, bom):
    text = "id,title,score\n1,ação é,9.5\n"
    landed = read((bom + text).encode(encoding), contract(encoding=encoding))
    assert (landed.faults, landed.fingerprint) == ((), read(text).fingerprint)


def test_an_empty_file_is_a_fault(read):
    landed = read("")
    assert said(landed) == ["line 1: the file is empty (0 bytes); it lacks even the header"]
    assert (landed.rows, landed.fingerprint) == (0, None)


def test_a_file_with_only_a_header_has_no_rows_and_no_fault(read):
    landed = read("id,title,score\n")
    assert (landed.rows, landed.faults, landed.fingerprint) == (0, (), Fingerprint(0, 0, 0))


def test_a_blank_first_line_is_not_a_header(read):
    assert said(read("\nid,title,score\n1,a,2\n")) == ["line 1: the first line is blank; it must be the header"]


def test_a_missing_an_unknown_and_a_doubled_column_are_named(read):
    landed = read("id,ID,titulo,score\n1,1,a,2\n")
    assert said(landed) == [
        "line 1: the header has a column 'titulo' that the contract lacks; allowed: id, title, score",
        "line 1, column id: the header has the column 'id' 2 times",
        "line 1, column title: the header lacks the column 'title'; it has: id, ID, titulo, score",
    ]
    assert (landed.rows, landed.fault_count) == (1, 3)


def test_a_landed_column_may_have_another_name_than_the_tables(read):
    of = contract(column("id", "bigint", landed="Movie Id"), column("title", "string", landed="título"))
    assert read("TÍTULO,movie id\na,1\n", of).faults == ()


def test_a_record_with_too_few_or_too_many_cells_is_named_by_its_line(read):
    landed = read("id,title,score\n1,a,2\n2,b\n3,c,3,x,y\n4,d,4\n")
    assert said(landed) == [
        "line 3: 2 cells found, 3 expected: 2,b",
        "line 4: 5 cells found, 3 expected: 3,c,3,x,y",
    ]
    assert (landed.rows, landed.fault_count) == (4, 2)


@pytest.mark.parametrize("record", ["2,b,3,", '2,b,3,""', "2,b,,", "2,b,3,4"])
def test_one_cell_too_many_is_a_fault_even_when_it_is_empty(read, record):
    landed = read(f"id,title,score\n1,a,\n{record}\n3,c,\n")
    assert [(fault.line, fault.message[:14]) for fault in landed.faults] == [(3, "4 cells found,")]


def test_a_ragged_record_of_a_dataset_with_sensitive_columns_is_not_shown(read):
    of = contract(column("id", "bigint"), column("cpf", "string", sensitive=True))
    assert said(read("id,cpf\n1\n", of)) == ["line 2: 1 cell found, 2 expected"]


@pytest.mark.parametrize(
    ("content", "format_"),
    [
        ("1,Ana Silva\n2,b\n", "csv"),  # the first row, where the header is missing
        ("id,cpf,Ana Silva\n1,b,c\n", "csv"),
        ("Ana Silva,Ana Silva\n", "csv"),
        ("id,cpf\nAna Silva,1\n", "csv"),  # the cells of two columns were exchanged
        ("id,cpf\n1,b,Ana Silva\n", "csv"),
        ('id,cpf\n1,"Ana Silva\n', "csv"),
        ('{"id": 1, "cpf": "b", "Ana Silva": 1}\n', "json"),
        ('{"id": "Ana Silva", "cpf": "b"}\n', "json"),
        ('{"id": 1, "cpf": Ana Silva}\n', "json"),
    ],
)
def test_no_cell_of_a_dataset_with_classified_columns_is_shown_wherever_it_stands(read, content, format_):
    of = contract(column("id", "bigint"), column("cpf", "string", sensitive=True), format=format_)
    landed = read(content, of)
    assert landed.fault_count
    assert "Ana" not in str(landed)


def test_a_hidden_name_of_the_header_is_told_by_its_place(read):
    of = contract(column("id", "bigint"), column("cpf", "string", sensitive=True))
    landed = read("id,cpf,Ana Silva\n1,b,c\n", of)
    assert said(landed) == [
        "line 1: the header has a column '(name 3, hidden)' that the contract lacks; allowed: id, cpf"
    ]
    assert landed.header == ("id", "cpf", "(name 3, hidden)")


def test_lines_are_the_files_own_also_after_a_newline_in_quotes(read):
    landed = read('id,title,score\n1,"two\r\nlines",2\n2,"three\n\nlines",x\n\n3,c\n')
    assert said(landed) == ["line 8: 2 cells found, 3 expected: 3,c"]
    landed = read('id,title,score\n1,"two\r\nlines",2\n\n2,"three\n\nlines",x\n\ny,c,\n')
    assert [(fault.line, fault.column) for fault in landed.faults] == [(5, "score"), (9, "id")]


def test_a_quote_that_is_never_closed_is_named_by_the_line_that_opens_it(read):
    landed = read('id,title,score\n1,a,2\n2,"b,3\n4,d,4\n')
    assert said(landed) == ['line 3: this record opens a quote (") and never closes it']
    assert read('id,title,score\n"1,a,2\n').faults[0].line == 2


@pytest.mark.parametrize("opened", ["", '"', '"a\n'], ids=["bare", "quoted", "in a cell of two lines"])
def test_a_line_longer_than_any_record_may_be_is_a_fault_of_that_line(read, opened):
    closed = '"' if opened else ""
    landed = read(f"id,title,score\n1,a,9.5\n2,{opened}{'x' * 25_000_000}{closed},9.5\n3,c,9.5\n")
    assert len(landed.faults) == 1
    assert said(landed)[0].startswith("line 3: the line is longer than 10,000,000 characters")


def test_letters_after_a_closing_quote_are_a_fault(read):
    assert said(read('id,title,score\n1,"a"b,2\n')) == [
        "line 2: neither ',' nor the end of the line follows a closing quote (\")"
    ]


def test_two_kinds_of_line_ends_are_a_fault(read):
    assert said(read("id,title,score\n1,a,2\n2,b,3\r\n")) == [
        "line 3: it ends in CRLF, the lines before it in LF; use one kind of line end, or quote the cell that holds it"
    ]


def test_bytes_of_another_encoding_are_named_by_line_and_offset(read):
    landed = read("id,title,score\n1,a,2\n2,ação,3\n".encode("latin-1"))
    assert said(landed) == [
        "line 3: byte 24 (E7) is not valid in the contract's encoding UTF-8; write the file in that encoding, "
        "or correct the landing server's `encoding`; the bytes there look like cp1252"
    ]
    assert (landed.rows, landed.header) == (2, ("id", "title", "score"))


def test_a_broken_character_is_found_wherever_it_is_in_a_big_file(read):
    before = "id,title,score\n" + "1,ação,2\n" * 200_000
    landed = read(before.encode() + b"2,a\xc3\n" + b"3,b,1\n" * 10)
    [fault] = landed.faults
    assert fault.line == 200_002
    assert fault.message.startswith(
        f"byte {len(before.encode()) + 3} (C3) is not valid in the contract's encoding UTF-8"
    )


def test_a_character_that_is_cut_off_at_the_end_of_the_file_is_found(read):
    assert read("id,title,score\n1,a,2\n2,é".encode()[:-1]).faults[0].message.startswith("byte 23 (C3)")


def test_a_file_in_utf_16_under_a_contract_of_utf_8_is_a_fault_on_its_first_line(read):
    assert read("id,title,score\n1,a,2\n".encode("utf-16")).faults[0].line == 1


def test_a_nul_is_named_by_its_line(read):
    assert said(read("id,title,score\n1,a,2\n2,b\0,3\n")) == [
        "line 3: a NUL character (U+0000), which a text may not hold"
    ]


@pytest.mark.parametrize("type_", READABLE)
def test_what_a_type_allows_is_read(read, type_):
    landed = cells(read, type_, *READABLE[type_])
    assert (said(landed), landed.rows) == ([], len(READABLE[type_]))


@pytest.mark.parametrize(("type_", "text"), [(type_, text) for type_, texts in UNREADABLE.items() for text in texts])
def test_what_a_type_does_not_allow_is_a_fault_with_line_column_and_value(read, type_, text):
    landed = cells(read, type_, READABLE[type_][0], text)
    [fault] = landed.faults
    assert (fault.line, fault.column) == (3, "x")
    assert fault.message.startswith(
        f"{spelled(text)} is not {type_}; allowed: " if len(text) <= 60 else repr(text)[:50]
    )
    assert (landed.rows, landed.cell_faults, landed.fingerprint) == (2, {"x": 1}, None)


def test_a_fault_says_what_is_allowed(read):
    assert said(cells(read, "decimal(4,1)", "7.25")) == [
        "line 2, column x: '7.25' is not decimal(4,1); allowed: "
        "a number with at most 3 digits before the point and 1 after it"
    ]


def test_an_offset_is_applied_so_that_times_are_in_utc(read):
    assert (
        cells(read, "timestamp", "2013-01-31T05:15:00-03:00").fingerprint
        == cells(read, "timestamp", "2013-01-31 08:15:00").fingerprint
    )


def test_a_landed_format_is_the_only_one_that_is_read(read):
    landed = cells(read, "date", "31/01/2013", "2013-01-31", "1/2/2013", "31/02/2013", landed_format="%d/%m/%Y")
    assert [fault.line for fault in landed.faults] == [3, 4, 5]
    assert "allowed: a date written as %d/%m/%Y" in landed.faults[0].message
    at = cells(read, "timestamp", "31/01/2013 às 05h15", landed_format="%d/%m/%Y às %Hh%M")
    assert at.fingerprint == cells(read, "timestamp", "2013-01-31 05:15:00").fingerprint


def test_a_null_is_of_every_type(read):
    assert read("id,title,score\n,,\n").fingerprint.rows == 1


def test_a_long_value_is_cut_and_a_sensitive_one_is_hidden(read):
    assert "'" + "x" * 59 + "…' is not" in cells(read, "int", "x" * 5000).faults[0].message
    hidden = cells(read, "int", "123.456.789-09", sensitive=True)
    assert "789" not in str(hidden)
    assert hidden.faults[0].message.startswith("the value (hidden) is not int")


def test_of_very_many_faults_the_first_twenty_are_kept_and_all_are_counted(read):
    landed = read("id,title,score\n" + "x,a,1\n" * 500)
    assert ([fault.line for fault in landed.faults], landed.fault_count) == (list(range(2, 22)), 500)
    landed = read("id,title,score\n" + "1,a\n" * 500)
    assert (len(landed.faults), landed.fault_count, landed.rows) == (20, 500, 500)


def test_a_column_that_is_all_wrong_does_not_hide_another_one(read):
    landed = read("id,title,score\n" + "x,a,1\n" * 500 + "1,a,y\n")
    assert landed.cell_faults == {"id": 500, "score": 1}
    assert [(fault.line, fault.column) for fault in landed.faults if fault.column == "score"] == [(502, "score")]


def test_one_column_may_have_blank_lines_for_nulls(read):
    landed = read("x\n1\n\ny\n", contract(column("x", "int")))
    assert (landed.rows, said(landed)) == (
        3,
        ["line 4, column x: 'y' is not int; allowed: an integer from -2147483648 to 2147483647"],
    )


@pytest.mark.parametrize(
    ("of", "found"),
    [
        (contract(encoding="utf-9"), "know the encoding 'utf-9'"),
        (contract(column("x", "date", landed_format="%Q")), "%Q"),
        (contract(column("x", "array<binary>")), "binary"),
    ],
)
def test_a_contract_that_cannot_be_used_is_said_to_be_the_problem(read, of, found):
    with pytest.raises(ContractError, match=r"^contracts/movies\.odcs\.yaml: ") as refused:
        read("x\n1\n", of)
    assert found in str(refused.value)


def test_random_texts_are_read_as_python_reads_them(read):
    """Every letter that means something to CSV, in every place: records and lines must be those of Python's reader."""
    chance = random.Random(3)
    for _ in range(40):
        letters, quoting = chance.choice([('a,";\n é', csv.QUOTE_MINIMAL), ('a,";\n\r é', csv.QUOTE_NONNUMERIC)])
        texts = ["".join(chance.choices(letters, k=chance.randrange(6))) for _ in range(60)]
        rows = [[number, text, "x" * (number % 5 == 0)] for number, text in enumerate(texts)]
        out = io.StringIO()
        writer = csv.writer(out, lineterminator=chance.choice(["\n", "\r\n"]), quoting=quoting)
        writer.writerows([["id", "title", "score"], *rows])
        landed = read(out.getvalue())
        assert landed.cell_faults == {"score": 12}
        lines, reader = [], csv.reader(io.StringIO(out.getvalue(), newline=""))
        next(reader)
        begins = reader.line_num + 1
        for record in reader:
            lines += [begins] if record[2] else []
            begins = reader.line_num + 1
        assert [fault.line for fault in landed.faults] == lines


def test_a_file_of_many_megabytes_with_newlines_in_quotes_is_read_alike_by_one_and_many_threads(read):
    content = "id,title,score\n" + "".join(f'{number},"line\nof, ""{number}""\r\n",1.5\n' for number in range(400_000))
    landed = read(content)
    assert (landed.rows, landed.faults) == (400_000, ())


def test_two_files_can_be_read_at_the_same_time(tmp_path):
    found = {}

    def read_one(number):
        path = tmp_path / f"{number}.csv"
        path.write_text("id,title,score\n" + "1,a,2\n" * number, encoding="utf-8")
        found[number] = read_landed(path, contract(), tmp_path).rows

    threads = [threading.Thread(target=read_one, args=(number,)) for number in (10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {10: 10, 20: 20}
