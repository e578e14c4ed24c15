"""The `format` of ODCS's logicalTypeOptions: a pattern for texts, a range for numbers, both for times of the day."""

import re
from collections.abc import Iterator

from acceptance.contract.checks import Valid
from acceptance.contract.contract import Column
from acceptance.contract.hive_types import FLOATS, HiveKind
from acceptance.messages.message import Message
from acceptance.messages.phrases import both
from acceptance.odcs.columns.columns import strptime_pattern
from acceptance.odcs.document.node import Node, hint, shown

Promise = tuple[str, Valid, str]
"""The suffix of a check's id, the valid values, and a sentence about them."""

_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME = rf"{_LABEL}(\.{_LABEL})*"
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"({_OCTET}\.){{3}}{_OCTET}"
_HEX = "[0-9A-Fa-f]{1,4}"
_IPV6 = "|".join(
    (
        rf"({_HEX}:){{7}}{_HEX}",
        rf"({_HEX}:){{6}}{_IPV4}",
        *(rf"({_HEX}:){{1,{before}}}(:{_HEX}){{1,{7 - before}}}" for before in range(1, 7)),
        rf":((:{_HEX}){{1,7}}|:)",
        rf"({_HEX}:){{1,7}}:",
        rf"::(ffff(:0{{1,4}})?:)?{_IPV4}",
    )
)
_PATTERNS = {
    "byte": "([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
    "email": rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_HOSTNAME}",  # as a browser's field of type email
    "hostname": _HOSTNAME,
    "ipv4": _IPV4,
    "ipv6": _IPV6,
    "uri": r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+",
    "uuid": "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
}
"""String formats that a pattern describes. Any text is a binary or a password, so these are not among them."""

_BITS = re.compile(r"([iu])(8|16|32|64|128)")
_FLOATS = {"f32": (HiveKind.FLOAT,), "f64": FLOATS}

_TIME_PARTS = {"%H": "([01][0-9]|2[0-3])", "%M": "[0-5][0-9]", "%S": "[0-5][0-9]", "%f": "[0-9]{1,6}"}
_ISO_TIME = "HH:mm:ss"
_UTC = ("UTC", "Etc/UTC")


def string_format(name: str, option: Node) -> Iterator[Promise]:
    pattern = _PATTERNS.get(option.text())
    if pattern is None:
        allowed = hint(option.text(), tuple(_PATTERNS))
        option.refuse(f"the format {option.text()!r} is not checked; {allowed}; or write a `pattern`")
    else:
        yield (
            "format",
            Valid(pattern=rf"^({pattern})\z"),
            Message("{column} is a {format}", column=name, format=option.text()),
        )


def number_format(column: Column, option: Node) -> Iterator[Promise]:
    """Yield the range of an integer format. The names are Rust's; the column's type must be that of a float format."""
    given = option.text()
    bits = _BITS.fullmatch(given)
    if bits and not column.kind.is_float:
        width = int(bits[2])
        low, high = (0, 2**width - 1) if bits[1] == "u" else (-(2 ** (width - 1)), 2 ** (width - 1) - 1)
        valid = Valid(minimum=_if_narrow(low), maximum=_if_narrow(high))
        expects = Message("{column} is an integer from {low} to {high}", column=column.name, low=low, high=high)
        yield "format", valid, expects
    elif column.kind not in _FLOATS.get(given, ()):
        allowed = ("f32", "f64") if column.kind.is_float else ("i8", "i16", "i32", "i64", "u8", "u32")
        option.refuse(f"found {given!r} for a column of type {column.type}; {hint(given, allowed)}")


def _if_narrow(bound: int) -> int | None:
    """Return a bound that a column can break, as no column holds more than 38 digits; else None."""
    return bound if abs(bound) < 10**38 else None


def zone_options(options: Node) -> None:
    """Refuse any zone but UTC: Athena's timestamps have no other."""
    if options["timezone"].value:
        options["timezone"].refuse("Athena's timestamps have no zone; write false")
    zone = options["defaultTimezone"]
    if zone.text("UTC") not in _UTC:
        zone.refuse(
            f"found {shown(zone.value)}, but the table's times are compared as UTC; allowed: {', '.join(_UTC)}. The "
            "zone of times that land without an offset is the custom property `timeZone` of the landing server"
        )


def time_of_day(column: Column, options: Node) -> Iterator[Promise]:
    """Yield the pattern and the range of a time. It is a text in Athena, so its format must sort as times do."""
    option = options["format"]
    jdk = option.text(_ISO_TIME)
    pattern = strptime_pattern(jdk, option.refuse)
    if pattern is None:
        return
    directives = re.findall(r"%[^%]", pattern.replace("%%", ""))
    if directives != list(_TIME_PARTS)[: len(directives)] or not directives:
        option.refuse(f"found {jdk!r}; a time has hours, minutes and seconds in this order, such as {_ISO_TIME}")
        return
    parts = re.split("(%.)", pattern)
    regex = "".join(_TIME_PARTS.get(part) or re.escape(part.replace("%%", "%")) for part in parts)
    expects = Message("{column} is a time such as {format}", column=column.name, format=jdk)
    yield "format", Valid(pattern=rf"^{regex}\z"), expects
    low, above, high, below = (_time(options[key], regex) for key in _SIGNS)
    limits = [f"{sign} {options[key].value}" for key, sign in _SIGNS.items() if key in options]
    if limits:
        valid = Valid(minimum=low, exclusive_minimum=above, maximum=high, exclusive_maximum=below)
        yield "range", valid, Message("{column} {limits}", column=column.name, limits=both(limits))


_SIGNS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def _time(node: Node, regex: str) -> str | None:
    if node.value is not None and not re.fullmatch(regex, str(node.value)):
        node.refuse(f"found {shown(node.value)}; a time in the column's own format is needed")
    return None if node.value is None else str(node.value)
