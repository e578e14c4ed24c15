"""What lands: an object version, and the delivery that it belongs to."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

MOST_TOGETHER = 200
"""Deliveries that one event tells of, and one run judges."""


@dataclass(frozen=True, slots=True, order=True)
class LandingObject:
    """One S3 object version as a listing shows it. `last_modified` is in UTC, to the second.

    These five facts are its identity: a listing gives all of them and a notification does not, so identity comes from
    listings only. Size is in bytes; the etag has no quotes.
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
        """The last segment of the key."""
        return self.key.rsplit("/", 1)[-1]


@dataclass(frozen=True)  # without slots, for a cached property needs a place
class Delivery:
    """One or more landing objects that belong to one dataset and business date.

    `fields` are the named fields of the key template as text, `file` among them; those in which several members differ
    are in the members' keys (`placeholders.fields_of`). `revision` counts, from 1, how often the same keys were
    delivered; it is not part of the identity.
    """

    dataset: str
    business_date: date
    members: tuple[LandingObject, ...]
    fields: Mapping[str, str] = field(default_factory=dict)
    revision: int = 1

    @cached_property
    def id(self) -> str:
        """20 hexadecimal digits of the SHA-256 of the dataset and its sorted member versions."""
        digest = hashlib.sha256(self.dataset.encode())
        for member in sorted(self.members):
            version = (member.bucket, member.key, member.etag, str(member.size), member.last_modified.isoformat())
            digest.update("\0".join(("", *version)).encode())
        return digest.hexdigest()[:20]

    @property
    def first(self) -> LandingObject:
        """The member that stands for the delivery in names and placeholders: the first by key."""
        return min(self.members)

    @property
    def prefix(self) -> str:
        """The folder that all members lie in, however deep."""
        return common_folder([member.key for member in self.members])

    def name_of(self, member: LandingObject) -> str:
        """The member's key below the common folder: its file's name, if all lie in one folder."""
        return member.key.removeprefix(self.prefix)

    @property
    def title(self) -> str:
        """`<dataset> <business date> <file>`: the name of the delivery's run. Of several files, how many more."""
        others = len(self.members) - 1
        more = f" and {others} more" if others else ""
        return f"{self.dataset} {self.business_date.isoformat()} {self.first.file}{more}"


def common_folder(keys: Sequence[str]) -> str:
    """What the keys share, up to and with its last "/"; empty if that is no folder."""
    lowest, highest = min(keys), max(keys)
    same = next((at for at, (a, b) in enumerate(zip(lowest, highest, strict=False)) if a != b), len(lowest))
    return lowest[: lowest[:same].rfind("/") + 1]
