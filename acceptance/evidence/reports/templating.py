"""The templates of the pages, and the filters that turn values into text for people."""

from functools import cache, partial

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from acceptance.evidence.reports import shortened
from acceptance.evidence.reports.formatting import (
    bytes_text,
    clock_text,
    count_text,
    duration_text,
    files_text,
    in_utc,
    local_text,
    moment_text,
    seconds_text,
)
from acceptance.evidence.reports.named import LABELS, named, so_many_outcomes, so_many_rows
from acceptance.messages.languages import ENGLISH, Language, date_text, in_language
from acceptance.messages.message import Message
from acceptance.text_contrast import oddities
from acceptance.untrusted_text import LONGEST_TEXT, one_line, several_lines


def template(name: str, language: Language = ENGLISH) -> Template:
    """A template in which every value is escaped, and in which nothing that it shows is invisible.

    Messages that it shows are in the language. `_` and `counted` make them from the template's own texts.
    """
    return _environment(language).get_template(name)


def script_text(json: bytes) -> Markup:
    """JSON that cannot end the script element that holds it: the same document, with these characters escaped."""
    text = json.decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


_LONGEST_SQL = 262_144
"""The most bytes of a query that Athena takes."""


def _shown(value: object, language: Language) -> object:
    value = in_language(value, language, LONGEST_TEXT) if isinstance(value, Message) else value
    return one_line(value, LONGEST_TEXT) if isinstance(value, str) and not isinstance(value, Markup) else value


def _titled(value: str, language: Language) -> str:
    """Return the name of a value with a capital."""
    name = in_language(named(value), language)
    return name[:1].upper() + name[1:]


def _lines(value: str) -> Markup:
    return escape(several_lines(value, _LONGEST_SQL))


@cache
def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=PackageLoader("acceptance.evidence.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=partial(_shown, language=language),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"most": shortened, "language": language, "_": Message, "counted": Message.counted}
    environment.filters |= {
        "bytes": partial(bytes_text, language=language),
        "clock": clock_text,
        "count": partial(count_text, language=language),
        "day": partial(date_text, language=language),
        "duration": partial(duration_text, language=language),
        "excerpt": shortened.excerpt,
        "files": files_text,
        "label": lambda label: LABELS.get(label, label),
        "lines": _lines,
        "local": partial(local_text, language=language),
        "moment": partial(moment_text, language=language),
        "named": named,
        "of_kind": partial(so_many_rows, language=language),
        "of_outcome": so_many_outcomes,
        "oddities": partial(oddities, blanks_at_the_ends=True),
        "seconds": partial(seconds_text, language=language),
        "titled": partial(_titled, language=language),
        "utc": in_utc,
    }
    return environment
