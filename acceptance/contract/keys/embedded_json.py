"""JSON in a text with placeholders: how a value must be written there, so that it stays part of its string."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from acceptance.contract.keys.tokens import DIGITS, Placeholder, Token

_FIRST_SIGN = 0xF0000
_SIGNS = re.compile("[\U000f0000-\U000ffffd]")
"""Private characters, each in place of one token: JSON permits them in a string and nowhere else."""

_MOST_TOKENS = 10_000
_MOST_STARTS = 200
"""Brackets that begin no JSON, after which reading ends: each one may cost a look at all of the text."""


_OPENING = re.compile(r'\A\s*"|[{\[]')
_DECODER = json.JSONDecoder(object_pairs_hook=list, strict=False)  # a dict would lose the value of a repeated key


def escaped(value: str, depth: int) -> str:
    """Return the value as the characters of a string of JSON, which is itself a string of JSON, `depth` times."""
    for _ in range(depth):
        value = json.dumps(value, ensure_ascii=False)[1:-1]
    return value


@lru_cache(1000)
def depths_of_values(tokens: tuple[Token, ...]) -> tuple[int, ...]:
    """Return for each token in how many strings of JSON, one in the other, its value stands: 0 outside of JSON.

    Raises:
        ValueError: a field stands in JSON and not in quotes, where a file's name could add anything; or it would take
            too long to see where JSON begins.
    """
    depths = [0] * len(tokens)
    if not any(_is_field(token) for token in tokens):
        return tuple(depths)
    if len(tokens) > _MOST_TOKENS:
        raise ValueError(f"the text has {len(tokens):,} parts; at most {_MOST_TOKENS:,} are read")
    try:
        _deepen("".join(_probe(number, token) for number, token in enumerate(tokens)), depths)
    except RecursionError:
        raise ValueError("the text nests its brackets too deep to be read as JSON") from None
    return tuple(depths)


def _deepen(text: str, depths: list[int]) -> None:
    strings = tuple(_strings_in(text))
    quoted = {sign for string in strings for sign in _SIGNS.findall(string)}
    with_numbers = _SIGNS.sub(lambda sign: sign[0] if sign[0] in quoted else "1", text)
    if sum(1 for _ in _strings_in(with_numbers)) > len(strings):
        raise ValueError("a field stands in JSON without quotes, where a file's name could add anything; quote it")
    for sign in quoted:
        depths[ord(sign) - _FIRST_SIGN] += 1
    for string in strings:
        _deepen(string, depths)


def _strings_in(text: str) -> Iterator[str]:
    """Yield the strings of all JSON in the text: objects and arrays anywhere, or one string that is all of it."""
    at, failed = 0, 0
    while opening := _OPENING.search(text, at):
        try:
            value, end = _DECODER.raw_decode(text, opening.end() - 1)
        except ValueError:
            value, end = None, 0
        if value is not None and (not isinstance(value, str) or not text[end:].strip()):
            at = end
            yield from _strings(value)
        elif failed == _MOST_STARTS:
            raise ValueError("the text has too many brackets to see where JSON begins")
        else:
            at, failed = opening.end(), failed + 1


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def _probe(number: int, token: Token) -> str:
    if isinstance(token, str):
        return _SIGNS.sub("x", token)
    return chr(_FIRST_SIGN + number) if token.directive is None else "1" * DIGITS[token.directive]


def _is_field(token: Token) -> bool:
    return isinstance(token, Placeholder) and token.is_field
