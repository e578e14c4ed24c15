"""A contract of fixed-width files says where each cell stands; it is refused if a character has no owner, or two."""

import pytest
from builders import contract_text
from contract_texts import the_problem, watched

from acceptance.proof.comparison_options import comparison_options


def placed(name, positions, *, logical="string", comment=""):
    said = f"customProperties: [{{property: positions, value: {positions}}}], " if positions else ""
    return f"- {{name: {name}, {said}logicalType: {logical}}}{comment}"


def fixed(*columns, options="", kind="fixed-width"):
    said = f", customProperties: [{options}]" if options else ""
    return contract_text("orders", "\n".join(columns), landing=f"format: {kind}{said}", day="dt")


GOOD = (placed("id", "1-5", logical="integer"), placed("sign", "6"), placed("note", "7-20"))


def test_each_column_of_a_fixed_width_file_has_its_positions():
    contract = watched(fixed(*GOOD))
    assert [column.positions for column in contract.landed_columns] == [(1, 5), (6, 6), (7, 20)]
    assert (contract.landing.format, contract.landing.header, contract.record_length) == ("fixed-width", False, 20)
    options = comparison_options(contract)
    assert options["positions"] == "id 1-5, sign 6, note 7-20"
    assert (options["null text"], options["empty as null"]) == ("''", "yes")


def test_what_is_left_out_of_a_record_is_said_by_its_positions():
    contract = watched(
        fixed(*GOOD[::2], options="{property: ignoredColumns, value: ['6', 21-30]}, {property: nullText, value: '?'}")
    )
    assert (contract.record_length, contract.landing.ignored, contract.landing.null_text) == (30, ("6", "21-30"), "?")


def test_a_column_that_is_not_in_the_file_has_no_positions():
    left_out = "- {name: loaded, logicalType: timestamp, customProperties: [{property: landed, value: false}]}"
    assert watched(fixed(*GOOD, left_out)).record_length == 20


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (fixed(*GOOD, placed("more", "", comment="  # here")),
         "more has no positions, and a fixed-width file has no delimiters; write the first and the last character of "
         "its cell: {property: positions, vendor: aceite, value: 1-10}"),
        (fixed(*GOOD, placed("more", "20-25", comment="  # here")),
         "the positions 20-25 of more overlap with those of note"),
        (fixed(*GOOD, placed("more", "23-25", comment="  # here")),
         "the characters 21-22, before more, belong to no column; describe them, or leave them out: {property: "
         "ignoredColumns, value: ['21-22']}"),
        (fixed(placed("note", "2-20", comment="  # here")), "the characters 1, before note, belong to no column"),
        *((fixed(*GOOD, placed("more", wrong, comment="  # here")),
           f"found {shown}; write the first and the last character, counted from 1, such as 1-10")
          for wrong, shown in (("0-5", "'0-5'"), ("9-5", "'9-5'"), ("a", "'a'"), ("1-9999999", "'1-9999999'"),
                               ("true", "true"), ("[1, 5]", "a list"), ("-3", "-3"), ("1.5", "1.5"))),
        (fixed(*GOOD, options="{property: ignoredColumns, value: [batch]}"),
         "ignoredColumns: found 'batch'; of a fixed-width file write positions, such as '11-14'"),
        (fixed(placed("id", "1-5", comment="  # here"), kind="csv"), "the positions of id say nothing about csv"),
        (fixed(placed("id", "1-5", comment="  # here"), kind="parquet"),
         "the positions of id say nothing about parquet"),
        (fixed(*GOOD, options="{property: delimiter, value: ;}"), "delimiter says nothing about fixed-width"),
        (fixed(*GOOD, options="{property: header, value: true}"), "header says nothing about fixed-width"),
        (fixed(*GOOD, options="{property: engine, value: athena}, {property: landedTable, value: raw.orders}"),
         "format fixed-width is not read by Athena as strictly as by DuckDB; use `engine: local`"),
        (fixed(placed("id", "1-5"), kind="fixedwidth"), "did you mean 'fixed-width'?"),
    ],
)  # fmt: skip
def test_positions_that_do_not_divide_a_record_are_refused(text, said):
    assert said in the_problem(text)
