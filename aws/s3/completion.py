"""Decides on a group of files by what S3 says.

The watcher asks before it announces a delivery, and a run before it takes one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from acceptance.contract.contract import Contract
from acceptance.deliveries.completeness import Complete, Incomplete, Need, Waiting, decide
from acceptance.deliveries.delivery import LandingObject
from acceptance.deliveries.file_groups import Group, group_prefix, relisted
from acceptance.deliveries.landed_manifest import DigestOf, Entry, Unreadable, read_manifest
from aws.s3.listing import uploads_in_progress
from aws.s3.objects import list_objects, object_digest, read_at_most

_REMEMBERED = 1000
_MOST_NEEDS = 8  # a decision asks for each need once; more would be a rule that never ends


@dataclass
class Completion:
    """Reads from S3 what a decision on a group needs. `stay_alive` is called between requests."""

    s3: Any
    stay_alive: Callable[[], None] = lambda: None
    _manifest: Callable[[LandingObject], tuple[Entry, ...] | Unreadable] = field(init=False)
    _digest: Callable[[DigestOf], str] = field(init=False)

    def __post_init__(self) -> None:
        # An object version never changes, but a waiting group is decided on in each tick.
        self._manifest = lru_cache(_REMEMBERED)(
            lambda manifest: read_manifest(read_at_most(self.s3, manifest, manifest.size), manifest)
        )
        self._digest = lru_cache(_REMEMBERED)(
            lambda asked: object_digest(self.s3, asked.landed, asked.algorithm, self.stay_alive)
        )

    def decided(self, group: Group, contract: Contract, now: datetime) -> tuple[Group, Complete | Waiting | Incomplete]:
        """Return the decision, and the group as S3 listed it meanwhile. Raises StepFailed if S3 does not answer."""
        answers: dict[str, Any] = {}
        for _ in range(_MOST_NEEDS):
            found = decide(group, contract, now, **answers)
            if not isinstance(found, Waiting) or not found.needs:
                break
            for need in found.needs:
                if need is Need.LISTING:
                    group = self.listed_again(group, contract, now)
                else:
                    answers[need.value] = self._answer(need, group, contract, found.digests)
        return group, found

    def listed_again(self, group: Group, contract: Contract, now: datetime) -> Group:
        """Return the group as a listing of its whole prefix shows it."""
        listed = list_objects(self.s3, contract.template.bucket, group_prefix(contract, group.key))
        return relisted(group, contract, self._while_alive(listed), now)

    def _while_alive(self, listed: Iterable[LandingObject]) -> Iterator[LandingObject]:
        for each in listed:
            self.stay_alive()
            yield each

    def _answer(self, need: Need, group: Group, contract: Contract, digests: Sequence[DigestOf]) -> Any:
        if need is Need.UPLOADS:
            self.stay_alive()
            return uploads_in_progress(self.s3, contract.template.bucket, group_prefix(contract, group.key))
        if need is Need.DIGESTS:
            return {asked: self._digest(asked) for asked in digests}
        assert group.signal is not None, "a manifest is asked for only if one has landed"
        return self._manifest(group.signal)
