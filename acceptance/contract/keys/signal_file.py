"""The marker or manifest that completes a delivery: its name, and the delivery that it belongs to."""

from collections.abc import Iterator
from datetime import date
from itertools import takewhile

from acceptance.contract.keys.segment import Segment
from acceptance.contract.keys.template import KeyTemplate
from acceptance.contract.keys.tokens import BUSINESS_DATE, DIGITS, WILDCARD, Placeholder, Token, tokens
from acceptance.errors import UnroutableKey

FILE = "file"
"""The field that tells the files of one delivery apart."""

_A_DAY = date(2001, 2, 3)
_ANY_VALUE = "\N{REPLACEMENT CHARACTER}"  # no text of a pattern matches it by chance


def signal_template(name: str, members: KeyTemplate) -> KeyTemplate:
    """Return the keys of the files of this name, a text with placeholders and `*`, for a key template's deliveries.

    Such a file lies in the deepest folder that the files of its delivery have in common. Folder and name must tell the
    business date and each field but `{file}`: whose it is. One whose name holds `{file}` belongs to that file alone.
    Raises ValueError with what is wrong in the name, and what is allowed.
    """
    if "/" in name:
        raise ValueError(f"{name!r} holds a '/'; it is the name of a file in the folder of its delivery")
    parts = tuple(_with_wildcards(name))
    _refuse_unknown(name, parts, members)
    by_file = Placeholder(FILE) in parts
    folder = members.segments[:-1]
    if not by_file:
        folder = tuple(takewhile(lambda segment: Placeholder(FILE) not in segment.placeholders, folder))
    segments = (*folder, Segment.of(parts))
    _refuse_ownerless(name, segments, [field for field in members.fields if by_file or field != FILE])
    template = KeyTemplate(members.bucket, "/".join((*map(str, folder), name)), segments)
    if _takes_every_key(template, members):
        raise ValueError(f"{name!r} fits every file of the delivery; a name is needed that tells it from them")
    return template


def after_file(members: KeyTemplate) -> str:
    """Return the text behind `{file}` at the end of the keys, such as .csv; empty if they end otherwise."""
    match members.segments[-1].tokens:
        case (*_, Placeholder(name=name), str() as text) if name == FILE:
            return text
    return ""


def _with_wildcards(name: str) -> Iterator[Token]:
    count = 0
    for token in tokens(name):
        if not isinstance(token, str):
            yield token
            continue
        for index, text in enumerate(token.split(WILDCARD)):
            if index:
                count += 1
                yield Placeholder(WILDCARD * count)  # names differ, as wildcards may hold different texts
            if text:
                yield text


def _refuse_unknown(name: str, parts: tuple[Token, ...], members: KeyTemplate) -> None:
    known = {*members.fields, BUSINESS_DATE}
    for part in parts:
        if isinstance(part, Placeholder) and not part.is_wildcard and part.name not in known:
            allowed = ", ".join(f"{{{name}}}" for name in (*members.fields, f"{BUSINESS_DATE}:%Y%m%d"))
            raise ValueError(f"unknown placeholder {part} in {name!r}; allowed: {allowed}, and * for any characters")


def _refuse_ownerless(name: str, segments: tuple[Segment, ...], fields: list[str]) -> None:
    known = {placeholder for segment in segments for placeholder in segment.placeholders}
    directives = "".join(part for part in DIGITS if Placeholder(BUSINESS_DATE, part) not in known)
    missing = [f"{{{BUSINESS_DATE}:{directives}}}"] if directives else []
    missing += [f"{{{field}}}" for field in fields if Placeholder(field) not in known]
    if missing:
        folder = "".join(f"{segment}/" for segment in segments[:-1]) or "the root of the bucket"
        raise ValueError(
            f"{name!r} in {folder} does not tell {' and '.join(missing)}, so it could be of several deliveries; "
            f"write it into the name, such as '{'_'.join(missing)}_{name}'"
        )


def _takes_every_key(signal: KeyTemplate, members: KeyTemplate) -> bool:
    """Return True if a data file matches the signal's template, whatever its fields hold."""
    try:
        signal.read(members.written_as_known(_A_DAY, dict.fromkeys(members.fields, _ANY_VALUE)))
    except UnroutableKey:
        return False
    return True
