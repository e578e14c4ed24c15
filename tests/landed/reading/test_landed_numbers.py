"""Numbers and booleans as systems write them: exponents, groups of thousands, signs behind, words for true and false.

The witness keeps every digit or refuses the cell, and says what it looks like.
"""

import random
from decimal import Context, Decimal, Inexact, InvalidOperation

import pytest
from landed_contract import column, contract

from acceptance.contract.landing_format import LandingFormat, Negative
from landed.file import read_landed
from landed.reading.cells import cell_rule
from landed.reading.duckdb_reader import reader


@pytest.fixture
def in_duckdb(tmp_path):
    """Answers the decimal that the witness reads of each text, None if it reads none."""

    def values(type_, texts, **landing):
        value = f"CAST({cell_rule(column('x', type_), 't', LandingFormat(**landing)).typed} AS VARCHAR)"
        with reader(tmp_path, tmp_path, 60) as duck:
            rows = duck.execute(f"SELECT {value} FROM (SELECT unnest(?) AS t)", [list(texts)]).fetchall()
        return [None if value is None else Decimal(value) for (value,) in rows]

    return values


def exactly(text, precision, scale):
    """Python's decimal of the text; None if it does not fit without rounding."""
    context = Context(prec=precision, traps=[Inexact, InvalidOperation])
    try:
        return Decimal(text).quantize(Decimal(1).scaleb(-scale), context=context)
    except ArithmeticError:
        return None


def some_digits(dice, most):
    return "".join(dice.choices("0123456789", k=dice.randrange(1, most))) if dice.random() < 0.8 else "0"


def some_number(dice, precision, scale):
    """A number that fits, or nearly: plain, or with an exponent as Java, JSON and Go write it."""
    whole, fraction = some_digits(dice, precision - scale + 2), some_digits(dice, scale + 2)
    text = dice.choice([f"{whole}.{fraction}", whole, f"{whole}.", f".{fraction}"])
    if dice.random() < 0.7:
        text += dice.choice("eE") + dice.choice(["+", "-", ""]) + str(dice.randrange(dice.choice([3, 20, 60])))
    return dice.choice(["", "", "-", "+"]) + text


@pytest.mark.parametrize(("precision", "scale"), [(4, 1), (9, 2), (18, 18), (38, 18), (38, 0)])
def test_a_decimal_with_or_without_an_exponent_is_that_of_python_or_refused(in_duckdb, precision, scale):
    dice = random.Random(precision)
    texts = [some_number(dice, precision, scale) for _ in range(400)]
    expected = [exactly(text, precision, scale) for text in texts]
    assert dict(zip(texts, in_duckdb(f"decimal({precision},{scale})", texts), strict=True)) == dict(
        zip(texts, expected, strict=True)
    )
    assert 40 < sum(number is not None for number in expected) < 390


WAYS = [
    {"group_separator": ","},
    {"group_separator": ".", "decimal_comma": True},
    {"group_separator": " ", "negative": Negative.TRAILING},
    {"group_separator": "'", "negative": Negative.BRACKETS},
    {"group_separator": "\u00a0", "decimal_comma": True, "negative": Negative.TRAILING},
    {"negative": Negative.BRACKETS, "decimal_comma": True},
]


def written(number, landing):
    """The number as an office program writes it."""
    text = f"{abs(number):,}".translate({ord(","): landing.group_separator, ord("."): landing.decimal_sign})
    if number >= 0:
        return text
    return {"minus": f"-{text}", "brackets": f"({text})", "trailing": f"{text}-"}[landing.negative]


@pytest.mark.parametrize("way", WAYS)
def test_a_number_as_offices_write_it_is_read_as_such_only(in_duckdb, way):
    dice, landing = random.Random(7), LandingFormat(**way)
    numbers = [Decimal(dice.randrange(-(10 ** dice.randrange(1, 12)), 10**9)).scaleb(-2) for _ in range(200)]
    assert in_duckdb("decimal(12,2)", [written(number, landing) for number in numbers], **way) == numbers
    wholes = [Decimal(dice.randrange(-(10 ** dice.randrange(1, 18)), 10**9)) for _ in range(100)]
    assert in_duckdb("bigint", [written(number, landing) for number in wholes], **way) == wholes
    assert in_duckdb("double", [written(number, landing) for number in numbers], **way) == [
        Decimal(repr(float(number))) for number in numbers
    ]


@pytest.mark.parametrize(
    ("way", "text"),
    [
        ({"group_separator": "."}, "1.2345"),
        *(({"group_separator": ".", "decimal_comma": True}, text) for text in ("1.2345", "0.123", "1234.567", "1..234",
          "1.234.5", ".123", "1,234.567", "1.23", "12.345E+1")),
        *(({"group_separator": ","}, text) for text in ("1,2345.00", "1,23", "1234,567", "1,234,5", "1.000,234")),
        *(({"negative": Negative.BRACKETS}, text) for text in ("(1.50", "1.50)", "(-1.50)", "((1.50))", "()", "1.50-")),
        *(({"negative": Negative.TRAILING}, text) for text in ("-1.50-", "-", "1.50--", "(1.50)")),
    ],
)  # fmt: skip
def test_a_number_that_is_not_quite_so_is_none(in_duckdb, way, text):
    assert in_duckdb("decimal(9,4)", [text], **{**way, "group_separator": way.get("group_separator", "")}) == (
        [Decimal("1.2345")] if way == {"group_separator": "."} else [None]
    )


@pytest.fixture
def read(tmp_path):
    def read(text, *columns, **landing):
        (tmp_path / "landed").write_text(text, encoding="utf-8")
        return read_landed(tmp_path / "landed", contract(*columns, **landing), tmp_path)

    return read


def test_numbers_of_json_may_have_exponents_too(read):
    x = column("x", "decimal(38,18)")
    landed = read('{"x": 1.5E+3}\n{"x": "0E-18"}\n{"x": 1e-18}\n', x, format="json")
    assert landed.faults == ()
    assert landed.fingerprint == read("x\n1500\n0\n0.000000000000000001\n", x).fingerprint


@pytest.mark.parametrize(("number", "text"), [("1.234", "1,234"), ("-1234567.5", "-1.234.567,5"), ("15E-1", "1,5")])
def test_numbers_of_json_have_a_point_whatever_sign_its_texts_have(read, number, text):
    x, offices = column("x", "decimal(38,18)"), {"decimal_comma": True, "group_separator": "."}
    landed = read(f'{{"x": {number}}}\n{{"x": "{text}"}}\n', x, format="json", **offices)
    assert landed.faults == ()
    assert landed.fingerprint == read(f"x\n{number}\n{number}\n", x).fingerprint


def test_an_empty_text_of_json_is_a_null_boolean_where_the_contract_says_so(read):
    ok = column("ok", "boolean")
    landed = read('{"ok": true}\n{"ok": ""}\n{"ok": " "}\n', ok, format="json", empty_as_null=True, trim=True)
    assert landed.faults == ()
    assert landed.fingerprint == read('{"ok": true}\n{}\n{}\n', ok, format="json").fingerprint
    assert read('{"ok": ""}\n', ok, format="json").fault_count == 1


SAID = {"true_texts": ("S", "sim"), "false_texts": ("N", "não", "0")}


def test_booleans_are_read_by_the_words_of_the_contract_or_of_the_column(read):
    ok, there = column("ok", "boolean"), column("there", "boolean", true_texts=("x",))
    landed = read("ok,there\nS,x\nsim,\nn,X\nNÃO,\n0,não\n", ok, there, **SAID)
    assert landed.faults == ()
    plain = read("ok,there\ntrue,true\ntrue,\nfalse,true\nfalse,\nfalse,false\n", ok, column("there", "boolean"))
    assert landed.fingerprint == plain.fingerprint
    bad = read("ok,there\ntrue,x\nS,S\n", ok, there, **SAID)
    assert [str(fault) for fault in bad.faults] == [
        "line 2, column ok: 'true' is not boolean; allowed: S or sim or N or não or 0; "
        "if it means S or N, name it in `trueText` or `falseText`",
        "line 3, column there: 'S' is not boolean; allowed: x or N or não or 0; "
        "if it means x or N, name it in `trueText` or `falseText`",
    ]


def test_booleans_of_json_may_be_words_and_numbers_where_the_contract_has_words(read):
    ok = column("ok", "boolean")
    landed = read('{"ok": true}\n{"ok": "sim"}\n{"ok": 0}\n{"ok": false}\n{"ok": null}\n', ok, format="json", **SAID)
    assert landed.faults == ()
    assert (
        landed.fingerprint
        == read("ok\ntrue\ntrue\nfalse\nfalse\n\n", ok, null_text="-", empty_as_null=True).fingerprint
    )
    assert read('{"ok": 1}\n', ok, format="json", **SAID).cell_faults == {"ok": 1}
    assert [fault.message for fault in read('{"ok": "sim"}\n', ok, format="json").faults] == [
        "a text is not a boolean; write true or false, or name the texts in trueText and falseText"
    ]


@pytest.mark.parametrize(
    ("type_", "text", "landing", "said"),
    [
        ("decimal(9,2)", "1.234,56", {}, 'write `groupSeparator: "."` and `decimalComma: true`'),
        ("decimal(9,2)", "1.234,56", {"decimal_comma": True}, 'separator; if so, write `groupSeparator: "."`'),
        ("decimal(9,2)", "1,234,567.00", {}, 'write `groupSeparator: ","`'),
        ("bigint", "1'234", {}, "write `groupSeparator: \"'\"`"),
        ("decimal(9,1)", "1,23", {}, "it looks like a decimal comma; if so, write `decimalComma: true`"),
        ("decimal(9,1)", "1,234", {}, 'write `groupSeparator: ","`; or it looks like a decimal comma'),
        ("double", "1.5", {"decimal_comma": True}, "the contract says `decimalComma: true`, and it has a point"),
        ("decimal(9,2)", "1,2345.00", {"group_separator": ","}, "groups are written as in 1,234,567"),
        ("decimal(9,2)", "(5.00)", {}, "a negative number in brackets; if so, write `negative: brackets`"),
        ("decimal(9,2)", "5.00-", {}, "its sign stands at its end; if all do, write `negative: trailing`"),
        ("decimal(9,2)", "R$ 5.00", {}, "it holds a sign of money or of per cent; a number lands alone"),
        ("double", "5%", {}, "it holds a sign of money or of per cent"),
        ("int", "1.0", {}, "an integer lands without point and exponent"),
        ("int", " 1", {}, "blanks stand around it, which `trim: true` drops"),
        ("boolean", "t", {}, "allowed: true or false; if it means true or false, name it in `trueText` or `falseText`"),
        ("timestamp", "infinity", {}, "infinity, as PostgreSQL writes it, is no time; land null, or a last day"),
        ("date", "-infinity", {}, "infinity, as PostgreSQL writes it, is no time"),
        ("timestamp", "0044-03-15 12:00:00 BC", {}, "it is before the year 1"),
        ("timestamp", "2024-01-01T10:00:00+99:99", {}, "there is no such offset; the largest is 18:00"),
        ("timestamp", "2024-02-30 10:00:00", {}, "there is no such day or time"),
        ("date", "2024-02-30", {}, "there is no such day or time"),
        ("date", "2024-02-03 00:00:00", {}, "a date has no time of day"),
        ("timestamp", "2024-01-01 10:00:00.1234", {}, "it has digits below the millisecond, which `digits: 3`"),
        ("timestamp", "2018-11-04 00:30:00", {"zone": "America/Sao_Paulo"},
         "the clocks of America/Sao_Paulo skipped it on that day; `skippedTimes: forward` reads it"),
        ("decimal(4,1)", "12345", {}, "allowed: a number with at most 3 digits before the point and 1 after it"),
        ("decimal(9,2)", "x", {"group_separator": ".", "decimal_comma": True, "negative": Negative.BRACKETS},
         "after it, such as (1.234,50)"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_read_is_said_to_be_what_it_looks_like(read, type_, text, landing, said):
    [fault] = read(f"x\tid\n{text}\t1\n", column("x", type_), column("id", "int"), delimiter="\t", **landing).faults
    assert said in str(fault)
    hidden = read(
        f"x\tid\n{text}\t1\n", column("x", type_, sensitive=True), column("id", "int"), delimiter="\t", **landing
    )
    assert repr(text) not in str(hidden.faults[0])
