"""Texts that differ are printed so that a reader sees in what: first difference, code points, normal form."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptance.text_contrast import Others, contrast, looks, oddities, plainly, quoted, spelled, unlike
from acceptance.untrusted_text import is_visible

NFC, NFD = "S\u00e3o", "Sa\u0303o"
A, CYRILLIC_A = "U+0061 LATIN SMALL LETTER A", "U+0430 CYRILLIC SMALL LETTER A"

ALIKE = {
    (NFC, NFD): (
        f"character 2 is U+00E3 LATIN SMALL LETTER A WITH TILDE landed, {A} with U+0303 COMBINING TILDE in the table; "
        "normal form NFC landed, NFD in the table"
    ),
    ("a b", "a\u00a0b"): "character 2 is U+0020 SPACE landed, U+00A0 NO-BREAK SPACE in the table",
    ("ab", "a\u200bb"): (
        "character 2 is U+0062 LATIN SMALL LETTER B landed, U+200B ZERO WIDTH SPACE in the table"
    ),
    ("casa", "c\u0430sa"): f"character 2 is {A} landed, {CYRILLIC_A} in the table",
    ("x", "x "): "character 2 is the end of the text landed, U+0020 SPACE in the table",
    ("x\r", "x"): "character 2 is U+000D CARRIAGE RETURN landed, the end of the text in the table",
    ("1-2", "1\u20132"): "character 2 is U+002D HYPHEN-MINUS landed, U+2013 EN DASH in the table",
    ("O1", "01"): "character 1 is U+004F LATIN CAPITAL LETTER O landed, U+0030 DIGIT ZERO in the table",
    ("12", "\uff112"): "character 1 is U+0031 DIGIT ONE landed, U+FF11 FULLWIDTH DIGIT ONE in the table",
}  # fmt: skip


@pytest.mark.parametrize("pair", ALIKE)
def test_of_texts_that_look_alike_the_first_characters_that_differ_are_named(pair):
    assert contrast(*pair).where == ALIKE[pair]


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("Rio", "rio"), ("3.00", "3.01"), ("", "a"), (None, "a")])
def test_where_one_sees_the_difference_nothing_is_explained(one, other):
    told = contrast(one, other)
    assert (told.one, told.other, told.where) == (one, other, "")


def test_of_long_texts_what_stands_about_the_first_difference_is_shown():
    told = contrast("word " * 2000 + "one" + " end" * 50, "word " * 2000 + "two" + " end" * 90)
    assert told.one is not None and told.other is not None
    assert "word one end" in told.one and "word two end" in told.other
    assert max(len(told.one), len(told.other)) <= 60
    assert told.where == "they differ from character 10,001 on, of 10,203 landed and 10,363 in the table"
    begin = contrast("x" + "a" * 100, "y" + "a" * 100)
    assert (begin.one, begin.other) == ("x" + "a" * 58 + "…", "y" + "a" * 58 + "…")


@given(st.text(max_size=200), st.text(max_size=200), st.integers(10, 80))
def test_two_texts_that_differ_are_never_printed_as_the_same(one, other, at_most):
    told = contrast(one, other, at_most=at_most)
    if one != other:
        assert (quoted(told.one), quoted(told.other)) != (quoted(one), quoted(one))
        assert quoted(told.one) != quoted(told.other) or told.where
    assert max(len(told.one or ""), len(told.other or "")) <= at_most


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), st.data())
def test_texts_that_look_alike_are_always_explained(text, data):
    other = data.draw(st.sampled_from([unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")]))
    if other != text:
        assert contrast(text, other).where


def test_a_text_alone_names_the_characters_that_one_could_take_for_others():
    assert spelled("S\u00e3o") == "'S\u00e3o'"
    assert spelled(NFD) == f"'{NFD}' (normal form NFD)"
    assert spelled("c\u0430sa") == f"'c\u0430sa' (character 2 is {CYRILLIC_A})"
    assert spelled("\u043c\u043e\u0441\u043a\u0432\u0430") == "'\u043c\u043e\u0441\u043a\u0432\u0430'"  # one alphabet
    assert spelled("\u22125") == "'\u22125' (character 1 is U+2212 MINUS SIGN)"
    assert spelled("\u0661") == "'\u0661' (character 1 is U+0661 ARABIC-INDIC DIGIT ONE)"
    assert spelled("1\xa0000") == "'1\\xa0000' (character 2 is U+00A0 NO-BREAK SPACE)"
    assert spelled("\u200b" * 9).endswith(", 6 more such)")
    assert oddities("x ") == ""
    assert oddities("x ", blanks_at_the_ends=True) == "character 2 is U+0020 SPACE"


def test_a_plain_text_stands_without_quotes_and_any_other_in_them():
    assert [plainly(text) for text in ("Rio", "", " x", "a\tb", None, NFD)] == [
        "Rio", "''", "' x'", "'a\\tb'", "null", f"'{NFD}' (normal form NFD)"
    ]  # fmt: skip


def test_a_value_that_looks_like_an_allowed_one_is_told_apart_from_it():
    assert unlike("ti\u0301tulo", ["id", "t\u00edtulo"], Others.THE_CONTRACTS) == (
        "it looks like the contract's 't\u00edtulo', but character 2 is U+0069 LATIN SMALL LETTER I with U+0301 "
        "COMBINING ACUTE ACCENT here, U+00ED LATIN SMALL LETTER I WITH ACUTE in the contract's; normal form NFD here, "
        "NFC in the contract's"
    )
    assert unlike("ATIVO", ["ativo"], Others.ALLOWED) == "it looks like the allowed 'ativo', but is not written so"
    assert unlike("x", ["y"], Others.ALLOWED) == unlike("x", ["x"], Others.ALLOWED) == ""


@given(st.text(max_size=30))
def test_what_a_reader_sees_of_a_text_has_nothing_invisible(text):
    assert all(char == " " or is_visible(char) for char in looks(text))
