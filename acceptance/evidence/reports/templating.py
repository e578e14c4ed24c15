"""The templates of the pages, and the filters that turn values into text for people."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from acceptance.evidence.reports.formatting import (
    bytes_text,
    count_text,
    duration_text,
    files_text,
    in_utc,
    moment_text,
    seconds_text,
    visible,
)


def template(name: str) -> Template:
    """A template in which every value is escaped, and in which nothing that it shows is invisible."""
    return _environment().get_template(name)


def script_text(json: bytes) -> Markup:
    """JSON that cannot end the script element that holds it: the same document, with these characters escaped."""
    text = json.decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _shown(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


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
    environment.filters |= {
        "bytes": bytes_text,
        "count": count_text,
        "duration": duration_text,
        "files": files_text,
        "moment": moment_text,
        "seconds": seconds_text,
        "utc": in_utc,
    }
    return environment
