"""Remarks on cells that cannot be read: what a text looks like, and which option of the contract would read it.

A remark quotes nothing of the cell, which may be classified.
"""

import re
import unicodedata
from datetime import datetime

from acceptance.contract.contract import Column
from acceptance.contract.hive_types import HiveKind
from acceptance.contract.landing_format import LandingFormat, Negative, SkippedTimes
from acceptance.contract.time_zones import is_skipped
from acceptance.queries.landed_cells import OFFSET

_POINTED = re.compile(r"[+-]?[0-9]*(?P<point>[.,])[0-9]+")
_GROUPED = re.compile(
    r"[+-]?[1-9][0-9]{0,2}(?P<sign>[^0-9A-Za-z+-])[0-9]{3}(?:(?P=sign)[0-9]{3})*(?:(?P<point>[.,])[0-9]+)?"
)
_MOMENT = re.compile(r"(?P<local>[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9:.]+)?)(?P<offset>.*)")
_ANY_OFFSET = re.compile(r" ?[+-][0-9:]+")
_BELOW_MILLISECONDS = re.compile(r"[.][0-9]{3}0*[1-9]")
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)


def remark(column: Column, text: str, landing: LandingFormat) -> str:
    """Return what the text of an unreadable cell looks like, after "; "; or ""."""
    kind = column.kind
    if kind.is_text or not text:
        return ""
    if landing.format.is_text and text != text.strip(" \t"):
        said = "blanks stand around it, which `trim: true` drops"
    elif kind.is_number:
        said = _of_number(text, landing, is_whole=kind.is_whole)
    elif kind is HiveKind.BOOLEAN:
        (true, *_), (false, *_) = column.truth(landing)
        said = f"if it means {true} or {false}, name it in `trueText` or `falseText`"
    else:
        said = _of_time(column, text, landing)
    return f"; {said}" if said else ""


def _of_number(text: str, landing: LandingFormat, *, is_whole: bool) -> str:
    separator, point = landing.group_separator, _POINTED.fullmatch(text)
    if text[-1] == "%" or any(unicodedata.category(letter) == "Sc" for letter in text):
        return "it holds a sign of money or of per cent; a number lands alone"
    if text[0] == "(" and text[-1] == ")" and landing.negative is not Negative.BRACKETS:
        return "it looks like a negative number in brackets; if so, write `negative: brackets`"
    if text[-1] in "+-" and landing.negative is not Negative.TRAILING:
        return "its sign stands at its end; if all do, write `negative: trailing`"
    if separator and separator in text:
        return f"groups are written as in 1{separator}234{separator}567"
    said = [_of_groups(text, landing, is_whole=is_whole)]
    if point and not is_whole and point["point"] != landing.decimal_sign:
        said.append(
            "the contract says `decimalComma: true`, and it has a point"
            if landing.decimal_comma
            else "it looks like a decimal comma; if so, write `decimalComma: true`"
        )
    if is_whole and re.search("[0-9][.,eE]", text) and not said[0]:
        return "an integer lands without point and exponent"
    return "; or ".join(filter(None, said))


def _of_groups(text: str, landing: LandingFormat, *, is_whole: bool) -> str:
    grouped, point = _GROUPED.fullmatch(text), landing.decimal_sign
    if grouped is None or grouped["sign"] == grouped["point"]:
        return ""
    is_decimal_sign = grouped["sign"] == point and not grouped["point"] and not is_whole
    if is_decimal_sign:
        return ""
    has_comma = grouped["sign"] == "." or grouped["point"] == ","
    too = " and `decimalComma: true`" if has_comma and point == "." else ""
    return f'it looks like a thousands separator; if so, write `groupSeparator: "{grouped["sign"]}"`{too}'


def _of_time(column: Column, text: str, landing: LandingFormat) -> str:
    if _INFINITE.fullmatch(text):
        return "infinity, as PostgreSQL writes it, is no time; land null, or a last day such as 9999-12-31"
    if text.endswith(" BC"):
        return "it is before the year 1"
    written = None if column.landed_format else _MOMENT.fullmatch(text)
    try:
        if column.landed_format:
            local = datetime.strptime(text, column.landed_format)  # noqa: DTZ007 - a local time
        elif written:
            local = datetime.fromisoformat(written["local"])
        else:
            return ""
    except ValueError:
        return "there is no such day or time" if written else ""
    if column.kind is HiveKind.DATE:
        return "a date has no time of day" if written else ""
    if written and _ANY_OFFSET.fullmatch(written["offset"]) and not re.fullmatch(OFFSET, written["offset"]):
        return "there is no such offset; the largest is 18:00"
    if _BELOW_MILLISECONDS.search(text) and not (column.rounded or column.micros):
        return "it has digits below the millisecond, which `digits: 3` of the column rounds"
    skips = landing.zone != "UTC" and landing.skipped_times is SkippedTimes.REFUSE and is_skipped(landing.zone, local)
    if not skips or (written and written["offset"]):
        return ""
    return f"the clocks of {landing.zone} skipped it on that day; `skippedTimes: forward` reads it as Java and Spark do"
