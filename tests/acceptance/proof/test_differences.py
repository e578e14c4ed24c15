import time

import pytest

from acceptance.contract.contract import Column
from acceptance.proof.differences import HIDDEN, SHOWN_ROWS, DifferenceKind, RowComparison, together

ID, NAME, SCORE = Column("id", "bigint", "id"), Column("name", "string", "name"), Column("score", "double", "score")
OF = RowComparison((ID, NAME, SCORE), (ID,))


def differ(landed, table, of=OF):
    return of.differences(landed, table, 1, 1, 1)


def test_a_changed_cell_is_shown_as_people_write_it_beside_the_landed_one():
    found = differ([("1", "a", "93100000"), ("2", "b", None)], [("1", "a", "93200000"), ("2", "b", None)])
    assert str(found) == "1 row changed (score 1); id 1: score '93.1' landed, '93.2' in the table"
    assert found.counts == {DifferenceKind.CHANGED: 1}


def test_rows_only_on_one_side_and_rows_not_as_often_are_told_apart():
    found = differ(
        [("1", "a", None), ("2", "b", None), ("9", "z", "0")], [("2", "b", None), ("2", "b", None), ("3", "c", "1")]
    )
    assert found.counts == {DifferenceKind.ONLY_LANDED: 2, DifferenceKind.ONLY_TABLE: 1, DifferenceKind.REPEATED: 1}
    assert sorted(map(str, found.rows)) == [
        "id 1: only landed", "id 2: landed once, in the table twice", "id 3: only in the table", "id 9: only landed"
    ]  # fmt: skip


def test_a_changed_key_is_a_changed_cell_when_everything_else_is_equal():
    found = differ([("1", "a", "5")], [("7", "a", "5")])
    assert str(found.rows[0]) == "id 1: id '1' landed, '7' in the table"


def test_of_several_rows_with_one_key_the_nearest_is_the_changed_one():
    found = differ([("1", "a", "5"), ("1", "b", "6")], [("1", "b", "7"), ("1", "a", "4")])
    assert [(row.cells[0].landed, row.cells[0].table) for row in found.rows] == [
        ("0.000005", "0.000004"),
        ("0.000006", "0.000007"),
    ]


def test_without_a_key_rows_are_paired_by_what_they_share():
    of = RowComparison((ID, NAME, SCORE), (ID, NAME, SCORE))
    found = differ([("1", "a", "5")], [("1", "b", "5")], of)
    assert str(found.rows[0]) == "id 1, score 0.000005: name 'a' landed, 'b' in the table"


def test_a_sensitive_value_is_never_shown_also_not_in_a_key():
    of = RowComparison(
        (Column("cpf", "string", "cpf", sensitive=True), NAME), (Column("cpf", "string", "cpf", sensitive=True),)
    )
    found = differ([("0a1b", "a"), ("77", "x")], [("0a1b", "b"), ("78", "x")], of)
    assert {row.key["cpf"] for row in found.rows} == {HIDDEN}
    assert "0a1b" not in repr(found)
    assert "77" not in repr(found)


def test_every_changed_column_has_its_turn_among_the_rows_that_are_kept():
    landed = [(str(n), "a", "0") for n in range(100, 200)]
    table = [(n, "b", "0") for n, _, _ in landed[:-1]] + [("199", "a", "1")]
    found = differ(landed, table)
    assert len(found.rows) == SHOWN_ROWS
    assert {cell.column for row in found.rows for cell in row.cells} == {"name", "score"}
    assert found.columns == {"name": 99, "score": 1}


def test_a_null_an_empty_text_and_the_word_null_are_told_apart():
    found = differ([("1", None, None), ("2", None, None)], [("1", "", None), ("2", "null", None)])
    assert [str(row) for row in found.rows] == [
        "id 1: name null landed, '' in the table", "id 2: name null landed, 'null' in the table"
    ]  # fmt: skip


def test_what_was_not_looked_into_is_said():
    found = OF.differences([("1", "a", "5")], [("1", "b", "5")], 90, 4096, 64)
    assert str(found).startswith("1 row changed in 64 of 90 buckets (name 1); ")


@pytest.mark.parametrize("keys", [1, 2, 500])
def test_of_thousands_of_rows_with_one_key_each_is_compared_with_one(keys):
    rows = 20_000
    landed = [(str(n % keys), f"row {n:05}", "1") for n in range(rows)]
    table = [(key, name, "2") for key, name, _ in landed]
    before = time.process_time()
    found = differ(landed, table)
    assert time.process_time() - before < 20  # each with each of one key took minutes
    assert (found.counts, found.columns) == ({DifferenceKind.CHANGED: rows}, {"score": rows})


def test_a_row_that_is_missing_millions_of_times_is_one_row_with_a_number():
    found = differ({("1", "a", "5"): 30_000_000}, {("2", "b", "5"): 20_000_000})
    assert not found.cut_off
    assert found.counts == {DifferenceKind.ONLY_LANDED: 30_000_000, DifferenceKind.ONLY_TABLE: 20_000_000}
    assert [str(row) for row in found.rows] == [
        "id 1: only landed, 30000000 times",
        "id 2: only in the table, 20000000 times",
    ]


def test_more_different_rows_than_are_compared_are_said_to_be_more():
    found = differ([(str(n), "a", "5") for n in range(30_000)], [])
    assert found.cut_off
    assert str(found).startswith("at least 25000 rows only landed")


KEYLESS = RowComparison((ID, NAME, SCORE), (ID, NAME, SCORE))
"""Of a dataset without a key."""


def shown(landed, table, of=KEYLESS):
    return [str(row) for row in differ(landed, table, of).rows]


def test_without_a_key_equal_rows_are_shown_by_their_values_and_both_counts():
    assert shown({("1", "a", None): 3}, {("1", "a", None): 2}) == [
        "row id 1, name a, score null: landed 3 times, in the table twice"
    ]
    assert shown({("1", "a", None): 1_000_000}, {("1", "a", None): 999_999}) == [
        "row id 1, name a, score null: landed 1000000 times, in the table 999999 times"
    ]


def test_without_a_key_a_row_of_one_side_is_shown_by_its_values_and_its_count():
    assert shown({("1", "a", None): 1, ("2", "b", None): 2}, {}) == [
        "row id 1, name a, score null: only landed",
        "row id 2, name b, score null: only landed, twice",
    ]


def test_without_a_key_a_cell_that_changed_in_some_of_many_equal_rows_counts_these():
    found = differ({("1", "a", "5"): 10}, {("1", "a", "5"): 7, ("1", "b", "5"): 3}, KEYLESS)
    assert {(row.kind, row.landed_times, row.table_times) for row in found.rows} == {
        (DifferenceKind.REPEATED, 10, 7),
        (DifferenceKind.ONLY_TABLE, 0, 3),
    }
    every = differ({("1", "a", "5"): 3}, {("1", "b", "5"): 3}, KEYLESS)
    assert str(every.rows[0]) == "id 1, score 0.000005: name 'a' landed, 'b' in the table, in 3 equal rows"
    assert (every.counts, every.columns) == ({DifferenceKind.CHANGED: 3}, {"name": 3})


def test_without_a_key_a_wide_row_is_shown_by_its_first_values():
    wide = tuple(Column(f"c{n}", "string", f"c{n}") for n in range(50))
    row = tuple(f"v{n}" for n in range(50))
    found = differ({row: 2}, {row: 1}, RowComparison(wide, wide))
    assert str(found.rows[0]) == "row c0 v0, c1 v1, c2 v2, c3 v3, …: landed twice, in the table once"
    assert [(cell.column, cell.landed, cell.table) for cell in found.rows[0].cells][49] == ("c49", "v49", "v49")


def test_without_a_key_a_sensitive_value_is_never_shown():
    secret = Column("cpf", "string", "cpf", sensitive=True)
    of = RowComparison((secret, NAME), (secret, NAME))
    found = differ({("0a1b", "a"): 3, ("77", "x"): 1}, {("0a1b", "a"): 2, ("77", "y"): 1}, of)
    assert "0a1b" not in repr(found) and "77" not in repr(found)
    assert {str(row) for row in found.rows} == {
        "row cpf •••, name a: landed 3 times, in the table twice",
        "cpf •••: name 'x' landed, 'y' in the table",
    }


def test_texts_that_look_alike_are_told_apart_in_a_changed_cell_and_in_a_key():
    found = differ([("1", "S\u00e3o", None)], [("1", "Sa\u0303o", None)])
    assert str(found.rows[0]) == (
        "id 1: name 'S\u00e3o' landed, 'Sa\u0303o' in the table (character 2 is U+00E3 LATIN SMALL LETTER A WITH TILDE "
        "landed, U+0061 LATIN SMALL LETTER A with U+0303 COMBINING TILDE in the table; normal form NFC landed, NFD in "
        "the table)"
    )
    of = RowComparison((NAME, SCORE, ID), (NAME,))
    found = differ([("casa", "1", "1"), ("x", "1", "1")], [("c\u0430sa", "2", "2"), ("x ", "3", "3")], of)
    assert [str(row) for row in found.rows] == [
        "name casa: name 'casa' landed, 'c\u0430sa' in the table (character 2 is U+0061 LATIN SMALL LETTER A landed, "
        "U+0430 CYRILLIC SMALL LETTER A in the table) (and 2 more)",
        "name x: name 'x' landed, 'x ' in the table (character 2 is the end of the text landed, U+0020 SPACE in the "
        "table) (and 2 more)",
    ]


def test_a_key_that_is_not_plain_stands_in_quotes_with_its_odd_characters_named():
    found = differ([], [("1", "c\u0430sa ", None)], RowComparison((ID, NAME, SCORE), (NAME,)))
    assert str(found.rows[0]) == (
        "name 'c\u0430sa ' (character 2 is U+0430 CYRILLIC SMALL LETTER A): only in the table"
    )


def test_of_long_texts_the_place_where_they_begin_to_differ_is_shown():
    found = differ([("1", "word " * 100 + "one", None)], [("1", "word " * 100 + "two", None)])
    assert str(found.rows[0]) == (
        "id 1: name '…ord word word word one' landed, '…ord word word word two' in the table (they differ from "
        "character 501 on, of 503 landed and 503 in the table)"
    )


def test_what_was_found_in_two_parts_of_the_columns_is_told_as_one():
    names, scores = RowComparison((ID, NAME), (ID,)), RowComparison((ID, SCORE), (ID,))
    found = together(
        [
            differ([("1", "a"), ("2", "b"), ("4", "d")], [("1", "x"), ("2", "b")], names),
            differ([("1", "5"), ("2", "6"), ("4", "7")], [("1", "8"), ("2", "9")], scores),
        ]
    )
    assert found.counts == {DifferenceKind.CHANGED: 2, DifferenceKind.ONLY_LANDED: 1}
    assert found.columns == {"name": 1, "score": 2}
    assert sorted((row.kind, row.key["id"], [cell.column for cell in row.cells]) for row in found.rows) == [
        (DifferenceKind.CHANGED, "1", ["name", "score"]),
        (DifferenceKind.CHANGED, "2", ["score"]),
        (DifferenceKind.ONLY_LANDED, "4", ["id", "name", "score"]),
    ]


def test_rows_that_changed_in_other_parts_of_the_columns_are_not_counted_as_one():
    names, scores = RowComparison((ID, NAME), (ID,)), RowComparison((ID, SCORE), (ID,))
    found = together(
        [
            differ([("1", "a"), ("2", "b")], [("1", "x"), ("2", "b")], names),
            differ([("1", "5"), ("2", "6")], [("1", "5"), ("2", "9")], scores),
        ]
    )
    assert found.counts == {DifferenceKind.CHANGED: 2}
    assert str(found).startswith("2 rows changed")
    many = [(str(number), "a") for number in range(30)]
    changed = [(number, "x") for number, _ in many]
    least = together([differ(many, changed, names), differ([("99", "5")], [("99", "6")], scores)])
    assert str(least).startswith("at least 30 rows changed")


def test_rows_without_a_key_are_not_mixed_when_parts_of_their_columns_are_told_as_one():
    names, scores = RowComparison((ID, NAME), (ID, NAME)), RowComparison((SCORE,), (SCORE,))
    found = together([differ([("1", "a"), ("2", "b")], [], names), differ([("5",), ("6",)], [], scores)])
    assert found.counts == {DifferenceKind.ONLY_LANDED: 2}
    shown = sorted([cell.landed for cell in row.cells] for row in found.rows)
    assert shown == [["0.000005"], ["0.000006"], ["1", "a"], ["2", "b"]]
