"""The languages in which Aceite speaks, and a message in each of them.

English is the language of the templates. Every other language has a catalogue of GNU gettext, `catalogues/pt_BR.po`,
which is read as it is: nothing is compiled when Aceite is built or installed. Babel is imported when the first message
is rendered in such a language, and never for English.
"""

import re
from datetime import date, datetime
from decimal import Decimal, localcontext
from functools import cache, partial
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Any, Literal, NoReturn, get_args

from acceptance.messages.message import Listing, Message, Numeral, filled
from acceptance.untrusted_text import LONGEST_LINE, one_line

Language = Literal["en", "pt-BR"]
"""Tags of BCP 47, as HTML has them in `lang`."""
LANGUAGES: tuple[Language, ...] = get_args(Language)
ENGLISH: Language = "en"

_PLAIN_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?")


class _Untranslated(Exception):
    """A catalogue lacks a message."""


class _NoOtherCatalogue(NullTranslations):
    """The place where gettext looks for what a catalogue lacks: the whole message is then shown in English."""

    def gettext(self, message: str) -> NoReturn:
        raise _Untranslated(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> NoReturn:
        raise _Untranslated(msgid1)


def in_language(text: str, language: Language, at_most: int = LONGEST_LINE) -> str:
    """Return a message in a language, on one line, as a plain text; any other text as it is.

    A message of which the catalogue lacks a part, such as one of evidence that another version wrote, is in English as
    a whole: no sentence is half translated.
    """
    if not isinstance(text, Message):
        return text
    if language == ENGLISH:
        return str.__str__(text)
    try:
        return one_line(_rendered(text, language), at_most)
    except _Untranslated:
        return str.__str__(text)


def _rendered(value: Any, language: Language) -> str:
    match value:
        case Message():
            catalogue = catalogue_of(language)
            template = (
                catalogue.gettext(value.template)
                if value.plural is None
                else catalogue.ngettext(value.template, value.plural, value.number)
            )
            return filled(template, value.values, partial(_rendered, language=language))
        case Listing():
            return value.sign.join(_rendered(each, language) for each in value)
        case Numeral():
            return number_text(value, language)
        case int():
            return number_text(int(value), language)
        case _:
            return str(value)


@cache
def catalogue_of(language: Language) -> GNUTranslations:
    """Return the catalogue of a language other than English."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(catalogue_source(language)), abort_invalid=True))
    compiled.seek(0)
    catalogue = GNUTranslations(compiled)
    catalogue.add_fallback(_NoOtherCatalogue())
    return catalogue


def catalogue_source(language: Language) -> bytes:
    return files("acceptance.messages").joinpath("catalogues", f"{_locale(language)}.po").read_bytes()


def number_text(number: int | str, language: Language) -> str:
    """Return a number, given as English writes it, with the signs of a language. A power of ten stays as it is."""
    plain = _PLAIN_NUMBER.fullmatch(str(number))
    if language == ENGLISH or plain is None:
        return str(number)
    from babel.numbers import format_decimal, get_decimal_symbol

    sign, whole, fraction = plain.groups()
    with localcontext(prec=len(whole) + 28):  # Babel takes numbers of 28 digits, and a decimal of Hive has 38
        grouped = str(format_decimal(Decimal(whole), locale=_locale(language)))
    return sign + grouped + (get_decimal_symbol(_locale(language)) + fraction if fraction else "")


def date_text(day: date, language: Language) -> str:
    """Return a day in figures as a language writes it; in English as ISO does, which no country reads otherwise."""
    if language == ENGLISH:
        return day.isoformat()
    from babel.dates import format_date

    return str(format_date(day, "short", locale=_locale(language)))


def moment_text(moment: datetime, language: Language) -> str:
    """Return a moment, to the second and with its offset, as a language writes it in figures."""
    if language == ENGLISH:
        return f"{moment:%Y-%m-%d %H:%M:%S%z}"
    from babel.dates import format_time

    time = format_time(moment, "long", moment.tzinfo, _locale(language))
    return f"{date_text(moment.date(), language)} {time}"


def _locale(language: Language) -> str:
    return language.replace("-", "_")
