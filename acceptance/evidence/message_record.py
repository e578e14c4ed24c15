"""Messages as evidence keeps them: a code and values, from which a text is made in any language, now or in years.

The code is the English template. Beside each message stands its English text, which decides: a message that does not
read so in English, which somebody changed or another version made otherwise, is not shown.
"""

from typing import Any, Union

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from acceptance.messages.languages import Language, in_language
from acceptance.messages.message import Grouped, Listing, Message, Numeral
from acceptance.record import Record
from acceptance.untrusted_text import LONGEST_LINE, one_line

_DEEPEST = 20
"""Messages within messages. Those that Aceite makes are half as deep."""


class NumberValue(Record):
    """A number that is not whole, as English writes it: 0.50."""

    number: str


class GroupedValue(Record):
    """A whole number whose thousands are parted."""

    grouped: int


class ListValue(Record):
    """Values one after the other, with the sign between them."""

    listed: tuple["MessageValue", ...]
    sign: str


class MessageRecord(Record):
    """A template with `{names}` of values. `plural` is the template for any other `count`, a value, than one."""

    text: str
    plural: str = ""
    values: dict[str, "MessageValue"] = Field(default_factory=dict)

    @model_serializer(mode="wrap")
    def _without_empty(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if value or name == "text"}

    @classmethod
    def of(cls, text: str) -> "MessageRecord | None":
        """Return the record of a message; None for a text that is none."""
        if not isinstance(text, Message):
            return None
        values = {name: _kept(value) for name, value in text.values.items()}
        return cls(text=text.template, plural=text.plural or "", values=values)

    def message(self) -> Message:
        return _message(self, _DEEPEST)


MessageValue = Union[int, str, NumberValue, GroupedValue, ListValue, MessageRecord]  # noqa: UP007 - refers to itself


def told(text: str, record: MessageRecord | None) -> str:
    """Return the message of a text in English, if the record is of it, else the text."""
    if record is None:
        return text
    try:
        message = record.message().shown(LONGEST_LINE)
    except ValueError:
        return text
    return message if message == text else text


def told_in(language: Language, text: str, record: MessageRecord | None) -> str:
    """Return a text of evidence in a language; in English if the evidence has no message for it."""
    return in_language(told(text, record), language)


def _kept(value: Any) -> MessageValue:
    """Return a value as evidence keeps it: no longer than anybody shows it."""
    match value:
        case Message():
            record = MessageRecord.of(value)
            assert record is not None
            return record
        case Listing():
            return ListValue(listed=tuple(map(_kept, _first(value))), sign=value.sign)
        case Numeral():
            return NumberValue(number=one_line(value))
        case Grouped():
            return GroupedValue(grouped=int(value))
        case int():
            return value
        case _:
            return str(value)[: LONGEST_LINE + 1]


def _first(texts: Listing) -> list[str]:
    """Return the texts that fit on the longest line, and the one that does not."""
    first: list[str] = []
    length = 0
    for text in texts:
        first.append(text)
        length += len(text)
        if length > LONGEST_LINE:
            break
    return first


def _message(record: MessageRecord, deepest: int) -> Message:
    """Raises ValueError for a record that Aceite cannot have made."""
    if not deepest:
        raise ValueError("a message within too many others")
    values = {name: _value(value, deepest - 1) for name, value in record.values.items()}
    number = values.get("count", 1)
    return Message.of(record.text, record.plural or None, number if isinstance(number, int) else 1, values)


def _value(value: MessageValue, deepest: int) -> Any:
    match value:
        case MessageRecord():
            return _message(value, deepest)
        case ListValue():
            if not deepest:
                raise ValueError("a message within too many others")
            return Listing((str(_value(each, deepest - 1)) for each in value.listed), value.sign)
        case NumberValue():
            return Numeral(value.number)
        case GroupedValue():
            return Grouped(value.grouped)
        case _:
            return value
