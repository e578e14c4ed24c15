"""What a contract says of records that are no data, and of signs that not every reader of CSV knows."""

import pytest
from builders import contract_text
from contract_texts import the_problem, watched

from acceptance.proof.comparison_options import comparison_options

FIXED = "- {name: id, logicalType: integer, customProperties: [{property: positions, value: 1-9}]}"


def saying(*options, kind="csv", columns="- {name: id, logicalType: integer}"):
    said = ", ".join(f"{{property: {name}, value: {value}}}" for name, value in options)
    return contract_text("orders", columns, landing=f"format: {kind}, customProperties: [{said}]", day="dt")


def test_records_that_are_no_data_are_counted_or_said_by_how_they_begin():
    contract = watched(saying(("headerRecords", 2), ("trailerRecords", "['T|', '9999']"), ("trailerCount", 2)))
    landing = contract.landing
    assert (landing.header_records, landing.trailer_records, landing.trailer_count) == (("", ""), ("T|", "9999"), 2)
    options = comparison_options(contract)
    assert options["header records"] == "2 skipped"
    assert options["trailer records"] == "2 skipped, beginning with 'T|', '9999'"
    assert options["number of rows, as the trailer says"] == "cell 2"


@pytest.mark.parametrize("kind", ["csv", "fixed-width"])
def test_the_count_of_a_trailer_may_stand_at_positions(kind):
    columns = FIXED if kind == "fixed-width" else "- {name: id, logicalType: integer}"
    contract = watched(saying(("trailerRecords", 1), ("trailerCount", "2-9"), kind=kind, columns=columns))
    assert contract.landing.trailer_count == (2, 9)
    assert comparison_options(contract)["number of rows, as the trailer says"] == "characters 2-9"


def test_signs_of_a_csv_are_said():
    contract = watched(
        saying(("delimiter", "'||'"), ("trailingDelimiter", "true"), ("escape", "'\\'"), ("comment", "'#'"))
    )
    landing = contract.landing
    assert (landing.delimiter, landing.trailing_delimiter, landing.escape, landing.comment) == ("||", True, "\\", "#")
    options = comparison_options(contract)
    assert options["delimiter"] == "'||'"
    assert options["delimiter behind the last cell"] == "yes"
    assert (options["escape"], options["comment"]) == (repr("\\"), "'#'")


def test_a_quote_as_the_escape_is_what_is_done_anyway():
    assert watched(saying(("escape", "'\"'"))).landing.escape == ""


NO_COUNT = "write where the first trailer record has the number of rows"
ATHENA = (("engine", "athena"), ("landedTable", "raw.orders"), ("quotedEmpty", "'null'"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        *((saying(("trailerRecords", wrong)), f"found {shown}; write how many records it is, 1 to 9, or a list")
          for wrong, shown in (("0", "0"), ("10", "10"), ("true", "true"), ("T", "'T'"), ("['']", "a list"),
                               ("[1]", "a list"), ("[]", "a list"), ("1.5", "1.5"))),
        (saying(("trailerCount", 2)), "there is no trailer record that it could be in; add trailerRecords: 1"),
        *((saying(("trailerRecords", 1), ("trailerCount", wrong)), f"found {shown}; {NO_COUNT}: the number of the cell")
          for wrong, shown in (("0", "0"), ("true", "true"), ("T", "'T'"), ("9-2", "'9-2'"), ("[2]", "a list"))),
        (saying(("trailerRecords", 1), ("trailerCount", "x"), kind="fixed-width", columns=FIXED),
         f"found 'x'; {NO_COUNT}: its first and its last character, such as 2-9"),
        *((saying(("trailerRecords", 1), kind=kind), f"trailerRecords says nothing about {kind}")
          for kind in ("json", "parquet")),
        *((saying((name, value), kind=kind, columns=columns), f"{name} says nothing about {kind}")
          for name, value in (("trailingDelimiter", "true"), ("escape", "'!'"), ("comment", "'#'"))
          for kind, columns in (("json", ""), ("parquet", ""), ("fixed-width", FIXED))),
        (saying(("trailingDelimiter", "'yes'")), "allowed: true, false"),
        *((saying((name, wrong)), f"found {shown}; one sign of ASCII is needed, in quotes, such as '#'")
          for name in ("escape", "comment")
          for wrong, shown in (("'##'", "'##'"), ("''", "''"), ("a", "'a'"), ("1", "1"), ("'€'", "'€'"))),
        (saying(("comment", "' '")), "found ' '; a sign that is seen is needed"),
        (saying(("escape", "','")), "escape and delimiter are both ','; each sign needs one meaning"),
        (saying(("comment", "'\"'")), "comment and quote are both '\"'"),
        (saying(("escape", "'!'"), ("comment", "'!'")), "comment and escape are both '!'"),
        (saying(("delimiter", "'~|~'"), ("comment", "'|'")), "comment and delimiter are both '|'"),
        (saying(("delimiter", "''")), "found ''; one character is needed, or up to 10, in quotes"),
        (saying(("delimiter", "'~~~~~~~~~~~'")), "found '~~~~~~~~~~~'; one character is needed, or up to 10"),
        (saying(("delimiter", '"a\\nb"')), "one character is needed, or up to 10"),
        (saying(("delimiter", "'|\"|'")), "the delimiter '|\"|' holds the quote"),
        (saying(("ignoredColumns", "['']")),
         "a column without a name; if each record ends with a delimiter, say `trailingDelimiter: true`"),
        *((saying(option, *ATHENA), f"{name} is not read by Athena as strictly as by DuckDB; use `engine: local`")
          for name, option in (("headerRecords", ("headerRecords", 1)), ("trailerRecords", ("trailerRecords", 1)),
                               ("trailingDelimiter true", ("trailingDelimiter", "true")),
                               ("escape \\", ("escape", "'\\'")), ("comment #", ("comment", "'#'")),
                               ("delimiter ||", ("delimiter", "'||'")))),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(text, said):
    assert said in the_problem(
        text.replace("properties:\n\n", "properties:\n      - {name: id, logicalType: integer}\n")
    )
