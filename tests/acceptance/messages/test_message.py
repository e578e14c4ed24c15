"""A message reads as English everywhere, and is told in another language as one sentence."""

import copy
import pickle
from dataclasses import asdict, dataclass
from datetime import timedelta
from decimal import Decimal

import pytest

from acceptance.contract.checks import Check, Metric, Operator, Threshold, Unit
from acceptance.errors import AceiteError
from acceptance.judging.judge import Measurement, judge, judge_check
from acceptance.messages.languages import in_language, number_text
from acceptance.messages.message import Grouped, Listing, Message, Numeral, shown_message
from acceptance.messages.phrases import duration


def counted(number: int) -> Message:
    return Message.counted("{count} row changed", "{count} rows changed", number)


def test_a_message_is_its_english_text():
    message = Message("{column} is {type}, promised {promised}", column="day", type="date", promised="string")
    assert message == "day is date, promised string"
    assert {message: 1}["day is date, promised string"] == 1
    assert f"{message}!" == "day is date, promised string!"


def test_a_message_is_told_in_portuguese_with_those_within_it():
    check = Check("rows", Metric.ROW_COUNT, Threshold(Operator.MUST_BE_GREATER_THAN, (1500,)))
    judgement = judge([judge_check(check, Measurement(1)), judge_check(check, Measurement(0))])
    assert judgement.reason == "rows: expected > 1500 rows, observed 1 row (and 1 more)"
    assert in_language(judgement.reason, "pt-BR") == "rows: esperado > 1.500 linhas, encontrado 1 linha (e mais 1)"
    assert in_language(judgement.reason, "en") == judgement.reason
    assert type(in_language(judgement.reason, "en")) is str


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, "0 linha mudou"), (1, "1 linha mudou"), (2, "2 linhas mudaram"), (12345, "12.345 linhas mudaram")],
)
def test_the_form_follows_the_number_by_the_rules_of_the_language(number: int, told: str):
    assert in_language(counted(number), "pt-BR") == told


@pytest.mark.parametrize(
    ("english", "portuguese"),
    [
        ("0.50", "0,50"),
        ("-1234567.891", "-1.234.567,891"),
        ("12345678901234567890123456789012345678", "12.345.678.901.234.567.890.123.456.789.012.345.678"),
        ("1e+06", "1e+06"),
        ("nan", "nan"),
    ],
)
def test_a_number_keeps_its_digits_in_every_language(english: str, portuguese: str):
    assert number_text(english, "pt-BR") == portuguese
    assert number_text(english, "en") == english


def test_a_percentage_is_told_with_a_comma():
    check = Check(
        "few", Metric.NULL_VALUES, Threshold(Operator.MUST_BE_LESS_THAN, (Decimal("0.5"),)), unit=Unit.PERCENT
    )
    result = judge_check(check, Measurement(4.76))
    assert (result.expected, result.observed) == ("< 0.5 percent", "4.76 percent")
    assert in_language(result.expected, "pt-BR") == "< 0,5%"
    assert in_language(result.observed, "pt-BR") == "4,76%"


def test_thousands_that_english_parts_by_commas_are_parted_by_points():
    message = Message("{number} more such", number=Grouped(1234))
    assert message == "1,234 more such"
    assert in_language(message, "pt-BR") == "mais 1.234 assim"


def test_a_message_survives_copies_processes_and_errors():
    message = Message("{text}; {first}", text=counted(3), first=Message("{all}", all=Listing([counted(1), "x"], "; ")))

    @dataclass
    class Holder:
        text: str

    told = in_language(message, "pt-BR")
    assert told == "3 linhas mudaram; 1 linha mudou; x"
    for again in (
        copy.deepcopy(message),
        pickle.loads(pickle.dumps(message)),
        asdict(Holder(message))["text"],
        str(AceiteError(message)),
        str(message),
    ):
        assert again == message
        assert in_language(again, "pt-BR") == told


def test_what_is_glued_stays_english_as_a_whole():
    assert in_language(counted(3) + " and more", "pt-BR") == "3 rows changed and more"


def test_a_message_that_no_catalogue_has_is_english_as_a_whole():
    unknown = Message("{rows} of a later version", rows=counted(3))
    assert in_language(Message("{text}; {first}", text=counted(2), first=unknown), "pt-BR") == (
        "2 rows changed; 3 rows changed of a later version"
    )


def test_foreign_values_are_neither_translated_nor_templates():
    message = Message("{column} is missing", column="{column} not measured {0}")
    assert message == "{column} not measured {0} is missing"
    assert in_language(message, "pt-BR") == "falta {column} not measured {0}"
    assert Message("{column} and {nothing.__class__}", column=1) == "1 and {nothing.__class__}"


def test_what_is_invisible_or_too_long_is_shown_as_signs_and_cut_in_every_language():
    hostile = shown_message(Message("{column} is missing", column="a\u202eb\n" + "x" * 5000))
    assert "⟨U+202E⟩" in hostile
    told = in_language(hostile, "pt-BR")
    assert told.startswith("falta a⟨U+202E⟩b␊x")
    assert len(told) == len(hostile) == 2000
    assert told.endswith("…")


def test_durations_of_days_are_told_in_days():
    assert duration(timedelta(hours=1, minutes=30)) == str(timedelta(hours=1, minutes=30)) == "1:30:00"
    assert duration(timedelta(days=2, seconds=5)) == str(timedelta(days=2, seconds=5))
    assert in_language(duration(timedelta(days=1)), "pt-BR") == "1 dia, 0:00:00"


def test_numerals_are_texts_and_their_digits_are_not_lost():
    assert Numeral(Decimal("0.10")) == "0.10"
