"""A message for people: a template in English, its values, and the English text that they make.

The template is the message's code: the catalogues of other languages find their own template by it. A message is a
`str` that reads as its English text, so whoever does not care for languages treats it as any other text. A text that is
made from it by `+`, by an f-string or by `join` is no message any more and stays English. So nobody glues parts: a
message is a value of another one.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Self

from acceptance.untrusted_text import LONGEST_LINE, one_line

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class Numeral(str):
    """A number as English writes it, such as 0.50: each language writes the same digits in its own way."""

    __slots__ = ()


class Grouped(int):
    """A count whose thousands English parts by commas."""

    def __str__(self) -> str:
        return f"{int(self):,}"


class Listing(tuple[str, ...]):
    """Texts, or messages, one after the other, with the same sign between them in every language."""

    sign: str

    def __new__(cls, texts: Iterable[str], sign: str = ", ") -> Self:
        listing = super().__new__(cls, texts)
        listing.sign = sign
        return listing

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self), self.sign

    def __str__(self) -> str:
        return self.sign.join(self)


class Message(str):
    """An English text that knows from which template and values it is made.

    `plural` is the template for any other `number` than one; None for a message that counts nothing.
    """

    __slots__ = ("number", "plural", "template", "values")

    template: str
    plural: str | None
    number: int
    values: Mapping[str, Any]

    def __new__(cls, template: str, /, **values: Any) -> Self:
        """Return the message of a template with `{names}` of values. The catalogues hold only literal templates."""
        return cls.of(template, None, 1, values)

    @classmethod
    def counted(cls, singular: str, plural: str, /, count: int, **values: Any) -> Self:
        """Return the message about so many, which is the value `{count}`, in the form of the number."""
        return cls.of(singular, plural, count, {"count": count, **values})

    @classmethod
    def of(cls, template: str, plural: str | None, number: int, values: Mapping[str, Any]) -> Self:
        """Return a message from its parts. Values of other types become what a message may hold."""
        values = {name: _value(value) for name, value in values.items()}
        english = template if plural is None or number == 1 else plural
        return cls._written(filled(english, values, str), template, plural, number, values)

    @classmethod
    def _written(cls, text: str, template: str, plural: str | None, number: int, values: Mapping[str, Any]) -> Self:
        message = super().__new__(cls, text)
        message.template, message.plural, message.number, message.values = template, plural, number, values
        return message

    def __str__(self) -> str:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return self._written, (str.__str__(self), self.template, self.plural, self.number, dict(self.values))

    def shown(self, at_most: int) -> "Message":
        """Return the message whose English text is on one line. Its values stay: whoever renders it shows it so."""
        text = one_line(str.__str__(self), at_most)
        return self._written(text, self.template, self.plural, self.number, self.values)


def filled(template: str, values: Mapping[str, Any], text_of: Callable[[Any], str]) -> str:
    """Return the template with its values as texts. What is in braces and no value stays as it is."""

    def text(match: re.Match[str]) -> str:
        return text_of(values[match[1]]) if match[1] in values else match[0]

    return _PLACEHOLDER.sub(text, template)


def placeholders(template: str) -> list[str]:
    """Return the names in braces, sorted, each as often as it stands there."""
    return sorted(_PLACEHOLDER.findall(template))


def shown_message(text: str, at_most: int = LONGEST_LINE) -> str:
    """Return the text on one line, as `one_line` does; a message stays one."""
    return text.shown(at_most) if isinstance(text, Message) else one_line(text, at_most)


def numeral(number: int | float | Decimal) -> "int | Numeral":
    """Return a number as a value that keeps its digits."""
    return number if isinstance(number, int) else Numeral(number)


def _value(value: Any) -> Any:
    if isinstance(value, Message | Listing | Numeral | Grouped) or type(value) in (str, int):
        return value
    return numeral(value) if isinstance(value, int | float | Decimal) else str(value)
