"""The pattern of landed keys, with their business date and named fields: s3://landing/{business_date:%Y%m%d}/{file}.csv

The grammar is that of `tokens`. A named field stands for one or more characters other than "/". `{file}` is a field
like any other: it holds what stands in its place, so in `{file}.csv` the name without `.csv`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import takewhile

from acceptance.contract.aws_names import BUCKET
from acceptance.contract.keys.overlap import common_key
from acceptance.contract.keys.segment import Segment, Values, date_of, split
from acceptance.contract.keys.tokens import BUSINESS_DATE, DIGITS, WILDCARD, Placeholder, Token, tokens, write
from acceptance.errors import UnroutableKey

GENERAL = ("bucket", "key", "prefix", "delivery_id")
"""Placeholders that every delivery has a value for: a field of a key cannot have their names."""

_IN_BRACKETS = re.compile(r"\[[^\]]*/[^\]]*\]")
MOST_KEY_BYTES = 1024  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html


@dataclass(frozen=True)  # without slots, for a cached property needs a place
class KeyTemplate:
    """Reads and writes the keys of one dataset in one bucket."""

    bucket: str
    pattern: str
    segments: tuple[Segment, ...] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, location: str) -> "KeyTemplate":
        """Raises ValueError with what is wrong in the location, and what is allowed."""
        bucket, _, pattern = location.removeprefix("s3://").partition("/")
        if not location.startswith("s3://") or not pattern:
            raise ValueError(f"found {location!r}; a landing location is s3://bucket/key-with-placeholders")
        if problem := BUCKET.problem_of(bucket):
            raise ValueError(f"{bucket!r} {problem}")
        if pattern.endswith("/"):
            raise ValueError(f"{pattern!r} ends in '/'; end it in the name of the file, such as {{file}}.csv")
        if WILDCARD in pattern:
            stands = f"{WILDCARD!r} would be a letter of the key"
            raise ValueError(f"{stands}; write {{file}}, or another name in braces, for what differs")
        if optional := _IN_BRACKETS.search(pattern):
            raise ValueError(f"{optional[0]!r} would be letters of every key: no part is optional; write two contracts")
        segments = split(tokens(pattern))
        placeholders = {placeholder for segment in segments for placeholder in segment.placeholders}
        missing = [each for each in DIGITS if Placeholder(BUSINESS_DATE, each) not in placeholders]
        if missing:
            raise ValueError(
                f"{pattern!r} lacks {' '.join(missing)} of the business date; write {{business_date:%Y%m%d}}"
            )
        for name in GENERAL:
            if Placeholder(name) in placeholders:
                raise ValueError(f"{{{name}}} cannot be a field of a key: every delivery has its own value for it")
        return cls(bucket, pattern, segments)

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The named fields, the business date not among them, in the order in which they first appear."""
        placeholders = (placeholder for segment in self.segments for placeholder in segment.placeholders)
        return tuple(dict.fromkeys(each.name for each in placeholders if each.is_field))

    @property
    def prefix(self) -> str:
        """The text that every key starts with: up to the last "/" before the first placeholder."""
        literal = ""
        for segment in self.segments[:-1]:
            if segment.placeholders:
                break
            literal += f"{segment}/"
        return literal

    def fitting(self, key: str) -> int:
        """Count the leading segments of the key that fit, to tell a near miss from an unrelated key."""
        fits = [segment.fits(text) for segment, text in zip(self.segments, key.split("/"), strict=False)]
        return [*fits, False].index(False)

    def read(self, key: str) -> tuple[date, dict[str, str]]:
        """The business date and the named fields of a key. Raises UnroutableKey with what does not fit."""
        texts = key.split("/")
        fitting = self.fitting(key)
        if fitting < min(len(texts), len(self.segments)):
            raise UnroutableKey(f"segment {fitting + 1} is {texts[fitting]!r}, expected {self.segments[fitting]}")
        if len(texts) != len(self.segments):
            raise UnroutableKey(f"the key has {len(texts)} segments, expected {len(self.segments)}: {self.pattern}")
        values: Values = {}
        for segment, text in zip(self.segments, texts, strict=True):
            values = segment.read(text, values)
        landed_date = date_of(values)
        if landed_date is None:
            raise UnroutableKey(f"no business date in {self.pattern}")
        fields = {each.name: value for each, value in values.items() if each.is_field}
        if leading := [name for name, value in fields.items() if value in (".", "..")]:
            raise UnroutableKey(f"{{{leading[0]}}} would be {fields[leading[0]]!r}, which leads to another folder")
        if "\0" in key:
            raise UnroutableKey(f"{key!r} holds a NUL, which no argument of a job can hold")
        return landed_date, fields

    def write(self, business_date: date, fields: Mapping[str, str]) -> str:
        """The key of a delivery: `read` gives back the same. Raises UnroutableKey if no key can hold these values."""
        missing = [name for name in self.fields if not fields.get(name)]
        if missing:
            raise UnroutableKey(f"{self.pattern} needs a value for {', '.join(missing)}")
        texts = ("".join(write(token, business_date, fields) for token in segment.tokens) for segment in self.segments)
        key = "/".join(texts)
        try:
            size_bytes = len(key.encode())
        except UnicodeEncodeError as error:
            raise UnroutableKey(f"{key!r} is no UTF-8, which every key of S3 is; rename the file") from error
        if size_bytes > MOST_KEY_BYTES:
            raise UnroutableKey(f"the key would have {size_bytes:,} bytes; S3 allows {MOST_KEY_BYTES:,}")
        if self.read(key) != (business_date, {name: fields[name] for name in self.fields}):
            raise UnroutableKey(f"{key!r} would be read with other values of {', '.join(self.fields)}")
        return key

    def beginning(self, business_date: date, fields: Mapping[str, str]) -> str:
        """Return the text that every key with these values starts with, up to the first field without a value."""
        known = takewhile(lambda token: _is_known(token, fields), self._tokens())
        return "".join(write(token, business_date, fields) for token in known)

    def written_as_known(self, business_date: date, fields: Mapping[str, str]) -> str:
        """A key for people: fields without a value stand as in the pattern."""
        return "".join(
            write(token, business_date, fields) if _is_known(token, fields) else str(token) for token in self._tokens()
        )

    def overlap(self, other: "KeyTemplate") -> str | None:
        """An example of a key that both accept, or None."""
        return common_key(self.segments, other.segments) if self.bucket == other.bucket else None

    def _tokens(self) -> Iterator[Token]:
        for index, segment in enumerate(self.segments):
            if index:
                yield "/"
            yield from segment.tokens


def _is_known(token: Token, fields: Mapping[str, str]) -> bool:
    return isinstance(token, str) or token.directive is not None or token.name in fields
