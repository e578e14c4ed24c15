"""A landed object version, and the delivery that it belongs to."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property

from acceptance.untrusted_text import one_line

MOST_TOGETHER = 200
"""The most deliveries that one event announces and one run judges."""

LONGEST_NAME = 300
"""The most characters of a file's name in a title. Names of files are of 255 bytes, a key's last segment of 1,024."""


@dataclass(frozen=True, slots=True, order=True)
class LandingObject:
    """One S3 object version as a listing shows it. `last_modified` is in UTC, to the second.

    These five facts are its identity, which comes from listings only: a notification lacks some of them. Size is in
    bytes; the etag has no quotes.
    """

    bucket: str
    key: str
    etag: str
    size: int
    last_modified: datetime

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def file(self) -> str:
        """Return the last segment of the key."""
        return self.key.rsplit("/", 1)[-1]


@dataclass(frozen=True)  # without slots: a cached property needs __dict__
class Delivery:
    """One or more landing objects that belong to one dataset and business date.

    `fields` are the named fields of the key template as text, including `file`; a field in which members differ has its
    values in their keys (`placeholders.fields_of`). `revision` counts deliveries of the same keys from 1; it is not
    part of the identity. `repetition` counts how often a person had the same objects judged again; each time makes
    another delivery, whose id follows from theirs.
    """

    dataset: str
    business_date: date
    members: tuple[LandingObject, ...]
    fields: Mapping[str, str] = field(default_factory=dict)
    revision: int = 1
    repetition: int = 0

    @cached_property
    def id(self) -> str:
        """Return 20 hexadecimal digits of the SHA-256 of the dataset, the sorted member versions and the repetition."""
        digest = hashlib.sha256(self.dataset.encode())
        for member in sorted(self.members):
            version = (member.bucket, member.key, member.etag, str(member.size), member.last_modified.isoformat())
            digest.update("\0".join(("", *version)).encode())
        if self.repetition:
            digest.update(f"\0\0again\0{self.repetition}".encode())  # no member has an empty bucket
        return digest.hexdigest()[:20]

    def judged_again(self) -> "Delivery":
        """Return the delivery as it is if these objects are judged once more after this time."""
        return replace(self, repetition=self.repetition + 1, revision=self.revision + 1)

    @property
    def first(self) -> LandingObject:
        """Return the member that represents the delivery in names and placeholders: the first by key."""
        return min(self.members)

    @property
    def prefix(self) -> str:
        """Return the deepest folder that holds all members."""
        return common_folder([member.key for member in self.members])

    def name_of(self, member: LandingObject) -> str:
        """Return the member's key below the common folder: its file name, if all lie in one folder."""
        return member.key.removeprefix(self.prefix)

    @property
    def title(self) -> str:
        """Return `<dataset> <business date> <file>[ and <n> more]`, the name of the delivery's run."""
        others = len(self.members) - 1
        more = f" and {others} more" if others else ""
        return f"{self.dataset} {self.business_date.isoformat()} {one_line(self.first.file, LONGEST_NAME)}{more}"


def common_folder(keys: Sequence[str]) -> str:
    """Return the deepest common folder of the keys with its final "/"; empty if they share none."""
    lowest, highest = min(keys), max(keys)
    same = next((at for at, (a, b) in enumerate(zip(lowest, highest, strict=False)) if a != b), len(lowest))
    return lowest[: lowest[:same].rfind("/") + 1]
