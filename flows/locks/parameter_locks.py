"""Locks on overridden parameters: one object per parameter in the evidence bucket, changed by conditional puts only.

A lock also records what a dead run must have restored. See docs/decisions/0015.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from pydantic import ValidationError

from acceptance.errors import StepFailed
from acceptance.evidence.object_keys import parameter_lock_key, parameter_locks_prefix
from acceptance.record import Record
from aws.s3.objects import list_objects, read_json
from aws.s3.writes import put_once, replace_if
from flows.installation.clients import Clients
from flows.locks.holder import LockHolder

Survive = Callable[[str, Callable[[], object]], object]


class ParameterLock(Record):
    """The lock on one parameter. It holds no value, which may be secret.

    `mark` is in the description of the parameter version that the holder put. `until` is when the run is over at the
    latest. `closed` says how the parameter was restored; None as long as it must be.
    """

    parameter: str
    mark: str
    holder: LockHolder
    dataset: str
    business_date: date
    delivery_id: str
    copy_of: str | None
    locked_at: datetime
    until: datetime
    closed: str | None = None

    def to_json(self) -> bytes:
        return self.model_dump_json(indent=1).encode()


@dataclass(frozen=True, slots=True)
class HeldLock:
    lock: ParameterLock
    etag: str


@dataclass(frozen=True)
class ParameterLocks:
    """The locks of the clients' account and region. All methods raise StepFailed if S3 refuses."""

    clients: Clients

    def read(self, parameter: str) -> HeldLock | None:
        return self._read(self._key(parameter))

    def take(self, lock: ParameterLock, found: HeldLock | None) -> bool:
        """Put the lock in the place of the one found there. Return False if somebody else was faster."""
        client, bucket, key = self.clients.evidence_s3, self.clients.evidence_bucket, self._key(lock.parameter)
        if found is None:
            return put_once(client, bucket, key, lock.to_json(), "application/json")
        return replace_if(client, bucket, key, lock.to_json(), found.etag)

    def open(self, settled: dict[str, str], survive: Survive) -> list[HeldLock]:
        """Return the open locks. `settled` keeps the etags of closed ones by key, so that each is read once.

        `survive` runs an action of that name, and survives its failure: the other locks are still read.
        """
        found: list[HeldLock] = []
        listed = list(
            list_objects(self.clients.evidence_s3, self.clients.evidence_bucket, parameter_locks_prefix(*self._where))
        )
        for each in listed:
            if settled.get(each.key) != each.etag:
                survive(f"reading the lock {each.uri}", partial(self._look_at, each.key, settled, found))
        return found

    def _look_at(self, key: str, settled: dict[str, str], opened: list[HeldLock]) -> None:
        found = self._read(key)
        if found is not None and found.lock.closed:
            settled[key] = found.etag
        elif found is not None:
            opened.append(found)

    def _read(self, key: str) -> HeldLock | None:
        bucket = self.clients.evidence_bucket
        found = read_json(self.clients.evidence_s3, bucket, key)
        try:
            return HeldLock(ParameterLock.model_validate(found[0]), found[1]) if found else None
        except ValidationError as error:
            raise StepFailed(
                f"s3://{bucket}/{key} is not a parameter lock: {error}; check the value of its parameter, then delete "
                "the object"
            ) from error

    def _key(self, parameter: str) -> str:
        return parameter_lock_key(*self._where, parameter)

    @property
    def _where(self) -> tuple[str, str]:
        return self.clients.caller.account, self.clients.of("ssm").meta.region_name
