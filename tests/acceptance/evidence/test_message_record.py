"""Evidence keeps codes and values, from which its texts are made in any language, also years later."""

import json

import pytest
from evidence_builder import rejected

from acceptance.evidence.evidence import CheckRecord, Evidence
from acceptance.evidence.message_record import MessageRecord, told, told_in
from acceptance.judging.judge import Outcome
from acceptance.messages.message import Grouped, Listing, Message, Numeral
from acceptance.untrusted_text import one_line

MESSAGE = Message(
    "{text}; {first}",
    text=Message.counted("{count} row changed", "{count} rows changed", 1200),
    first=Message(
        "{all}",
        all=Listing([Message("{number} percent", number=Numeral("0.50")), "{all} <b>", str(Grouped(5000))], "; "),
    ),
)


def kept(message: str) -> MessageRecord:
    record = MessageRecord.of(message)
    assert record is not None
    return MessageRecord.model_validate_json(record.model_dump_json())


def a_check(observed: str, record: MessageRecord | None) -> CheckRecord:
    return CheckRecord(
        id="rows",
        metric="rowCount",
        outcome=Outcome.FAILED,
        severity="error",
        expected="0 rows",
        observed=observed,
        observed_message=record,
    )


def test_a_message_comes_back_from_json_as_it_was():
    again = told(MESSAGE, kept(MESSAGE))
    assert again == "1200 rows changed; 0.50 percent; {all} <b>; 5,000"
    assert isinstance(again, Message)
    assert told_in("pt-BR", MESSAGE, kept(MESSAGE)) == "1.200 linhas mudaram; 0,50%; {all} <b>; 5,000"


def test_evidence_is_the_same_in_every_language_and_is_rendered_in_each():
    record = kept(Message.counted("{count} row changed", "{count} rows changed", 3))
    evidence = rejected().model_copy(update={"checks": (a_check("3 rows changed", record),)})
    content = evidence.to_json()
    assert json.loads(content)["checks"][0]["observed"] == "3 rows changed"
    again = Evidence.model_validate_json(content)
    assert again.in_language("pt-BR").checks[0].observed == "3 linhas mudaram"
    assert again.in_language("en").checks[0].observed == "3 rows changed"
    assert again.in_language() is again


def test_evidence_without_messages_stays_in_english():
    evidence = Evidence.model_validate_json(rejected().to_json())
    portuguese = evidence.in_language("pt-BR")
    assert (portuguese.reason, portuguese.checks) == (evidence.reason, evidence.checks)


def test_a_message_that_does_not_read_as_the_text_beside_it_is_not_shown():
    other = kept(Message("all rows and cells can be read"))
    assert told_in("pt-BR", "3 rows changed", other) == "3 rows changed"


def test_a_message_within_too_many_others_is_not_shown():
    message: str = Message("not measured")
    for _ in range(30):
        message = Message("at least {text}", text=message)
    record = MessageRecord.of(message)
    text = one_line(message + "")
    assert told_in("pt-BR", text, record) == text


def test_a_template_of_a_stranger_reaches_nothing_but_its_values():
    record = MessageRecord(text="{a.__class__} {b}", values={"a": "x"})
    assert str(record.message()) == "{a.__class__} {b}"


@pytest.mark.parametrize("number", [2, 3000])
def test_a_long_list_is_kept_as_far_as_it_is_shown(number: int):
    texts = [Message("{column} is missing", column=f"column_{at}") for at in range(number)]
    message = Message("{all}", all=Listing(texts, "; "))
    record = kept(message)
    assert len(record.model_dump_json()) < 20_000
    assert isinstance(told(one_line(message), record), Message)
    assert told_in("pt-BR", one_line(message), record).startswith("falta column_0; falta column_1")
