"""The grammar of a text with placeholders, shared by key templates and by the texts of a pipeline.

A placeholder is `{name}` or `{business_date:FORMAT}`; `{{` and `}}` are braces of the text. A format is made of %Y, %m,
%d and other characters; without one the business date is written as %Y-%m-%d.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

BUSINESS_DATE = "business_date"

DIGITS = {"%Y": 4, "%m": 2, "%d": 2}
"""The directives of a date format, and how many digits each of them has."""

WILDCARD = "*"
"""The beginning of a placeholder's name that stands for any characters, or none: see `signal_template`."""

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}:]*)(?::([^{}]*))?\}|[{}]|[^{}]+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A named field, or with a `directive` one part of the business date."""

    name: str
    directive: str | None = None

    @property
    def is_field(self) -> bool:
        return self.directive is None

    @property
    def is_wildcard(self) -> bool:
        return self.name.startswith(WILDCARD)

    def __str__(self) -> str:
        if self.is_wildcard:
            return WILDCARD
        return f"{{{self.name}:{self.directive}}}" if self.directive else f"{{{self.name}}}"


Token = str | Placeholder


def tokens(text: str) -> tuple[Token, ...]:
    """The literal texts and the placeholders of a text; a date format comes apart into its directives.

    Raises ValueError for a brace without its partner, an impossible name, or a format that is not of a date.
    """
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        name, date_format = match.groups()
        if match[0] in ("{", "}"):
            raise ValueError(f"{match[0]!r} stands alone in {text!r}; write {match[0] * 2!r} for a brace of the text")
        if name is None:
            found.append(match[0][0] if match[0] in ("{{", "}}") else match[0])
        elif name == BUSINESS_DATE:
            found.extend(_directives("%Y-%m-%d" if date_format is None else date_format))
        elif date_format is not None or not _NAME.fullmatch(name):
            raise ValueError(f"{match[0]!r} is not a placeholder; it is {{name}} or {{business_date:%Y%m%d}}")
        else:
            found.append(Placeholder(name))
    return tuple(found)


def write(token: Token, business_date: date, fields: Mapping[str, str]) -> str:
    """A token as text. Raises KeyError for a field without a value."""
    if isinstance(token, str):
        return token
    if token.directive is None:
        return fields[token.name]
    number = {"%Y": business_date.year, "%m": business_date.month, "%d": business_date.day}[token.directive]
    return f"{number:0{DIGITS[token.directive]}}"  # strftime pads years differently on Linux and on Windows


def _directives(date_format: str) -> Iterator[Token]:
    if "%" not in date_format:
        raise ValueError(f"{date_format!r} is not a format of the business date, such as %Y%m%d or %Y-%m-%d")
    for part in re.findall(r"%.?|[^%]+", date_format):
        if part.startswith("%") and part not in DIGITS:
            raise ValueError(f"{part!r} in a format of the business date; allowed: {', '.join(DIGITS)}")
        yield Placeholder(BUSINESS_DATE, part) if part in DIGITS else part
