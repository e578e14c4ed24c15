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
from acceptance.text_contrast import oddities
from acceptance.untrusted_text import LONGEST_TEXT, one_line, several_lines


def template(name: str) -> Template:
    """A template in which every value is escaped, and in which nothing that it shows is invisible."""
    return _environment().get_template(name)


def script_text(json: bytes) -> Markup:
    """JSON that cannot end the script element that holds it: the same document, with these characters escaped."""
    text = json.decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


_LONGEST_SQL = 262_144
"""The most bytes of a query that Athena takes."""


def _shown(value: object) -> object:
    return one_line(value, LONGEST_TEXT) if isinstance(value, str) and not isinstance(value, Markup) else value


def _lines(value: str) -> Markup:
    return escape(several_lines(value, _LONGEST_SQL))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("acceptance.evidence.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["most"] = shortened
    environment.filters |= {
        "bytes": bytes_text,
        "clock": clock_text,
        "count": count_text,
        "duration": duration_text,
        "excerpt": shortened.excerpt,
        "files": files_text,
        "lines": _lines,
        "local": local_text,
        "moment": moment_text,
        "oddities": partial(oddities, blanks_at_the_ends=True),
        "seconds": seconds_text,
        "utc": in_utc,
    }
    return environment
