"""The notes in the evidence bucket on parameters that are changed: one for each, and every change of it is conditional.

So a note is also the lock on its parameter. See docs/decisions/0015.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from pydantic import ValidationError

from acceptance.errors import StepFailed
from acceptance.evidence.object_keys import note_key, notes_prefix
from acceptance.record import Record
from aws.s3.conditional_writes import put_once, replace_if
from aws.s3.objects import list_objects, read_json
from flows.installation.clients import Clients
from flows.locks.holder import LockHolder

Survive = Callable[[str, Callable[[], object]], object]


class ParameterLock(Record):
    """No value is kept, for it may be secret. `mark` is in the description of the parameter's version that was put.

    `until` is when the run is over at the latest. `closed` says how it ended; before that the holder is to restore.
    """

    parameter: str
    mark: str
    holder: LockHolder
    dataset: str
    business_date: date
    delivery_id: str
    copy_of: str | None
    noted_at: datetime
    until: datetime
    closed: str | None = None

    def to_json(self) -> bytes:
        return self.model_dump_json(indent=1).encode()


@dataclass(frozen=True, slots=True)
class HeldLock:
    note: ParameterLock
    etag: str


@dataclass(frozen=True)
class ParameterLocks:
    """Those on the parameters of the account and region that the clients are of. All raise StepFailed if S3 refuses."""

    clients: Clients

    def read(self, parameter: str) -> HeldLock | None:
        return self._read(self._key(parameter))

    def take(self, note: ParameterLock, found: HeldLock | None) -> bool:
        """Puts the note in the place of what was found there. False if somebody else was faster."""
        client, bucket, key = self.clients.evidence_s3, self.clients.evidence_bucket, self._key(note.parameter)
        if found is None:
            return put_once(client, bucket, key, note.to_json(), "application/json")
        return replace_if(client, bucket, key, note.to_json(), found.etag)

    def open(self, settled: dict[str, str], survive: Survive) -> list[HeldLock]:
        """The open ones. `settled` has the etags of closed ones, so that each is read once.

        `survive` does an action of that name, and outlives its failing: a note that cannot be read keeps back no other.
        """
        found: list[HeldLock] = []
        listed = list(list_objects(self.clients.evidence_s3, self.clients.evidence_bucket, notes_prefix(*self._where)))
        for each in listed:
            if settled.get(each.key) != each.etag:
                survive(f"reading the note {each.uri}", partial(self._look_at, each.key, settled, found))
        return found

    def _look_at(self, key: str, settled: dict[str, str], opened: list[HeldLock]) -> None:
        found = self._read(key)
        if found is not None and found.note.closed:
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
                f"s3://{bucket}/{key} is no note on a parameter: {error}; look whether its parameter is as it should "
                "be, and delete it"
            ) from error

    def _key(self, parameter: str) -> str:
        return note_key(*self._where, parameter)

    @property
    def _where(self) -> tuple[str, str]:
        return self.clients.caller.account, self.clients.of("ssm").meta.region_name
