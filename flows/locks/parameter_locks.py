"""Locks on overridden parameters: one object per parameter in the evidence bucket, changed by conditional puts only.

A lock also records what a dead run must have restored. Others may write to the bucket, so a lock is obeyed only if it
is whole, and SSM has its mark. See docs/decisions/0015.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from uuid import uuid4

from pydantic import ValidationError

from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.errors import UnexpectedObject
from acceptance.evidence.object_keys import parameter_lock_key, parameter_locks_prefix
from acceptance.record import Record
from aws.parameters.overrides import mark_in_force
from aws.s3.objects import list_objects, read_json, unexpected_object
from aws.s3.writes import put_once, replace_if
from flows.installation.clients import Clients
from flows.locks.holder import LockHolder

Survive = Callable[[str, Callable[[], object]], object]


_MOST_BYTES = 20_000
"""A lock has about one thousand."""


class ParameterLock(Record):
    """The lock on one parameter. It holds no value, which may be secret.

    `mark` is in the description of the parameter version that the run put, and made from `nonce` and all that stands
    above `holder`: the run, until when it is over at the latest, and its delivery. So nobody can say something else of
    a run whose mark SSM has. `holder` is who has the lock now: the run, or whoever restores after it, `until` then.
    `closed` says how the parameter was restored; None as long as it must be.
    """

    parameter: str
    mark: str
    nonce: str
    run: LockHolder
    run_until: datetime
    dataset: str
    business_date: date
    delivery_id: str
    copy_of: str | None
    holder: LockHolder
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
    """The locks of the clients' account and region. All methods raise StepFailed if S3 or SSM refuses."""

    clients: Clients

    def new(
        self,
        parameter: str,
        holder: LockHolder,
        delivery: Delivery,
        copy_of: str | None,
        now: datetime,
        until: datetime,
    ) -> ParameterLock:
        """Return a lock that is not taken yet."""
        lock = ParameterLock(
            parameter=parameter,
            mark="",
            nonce=uuid4().hex,
            run=holder,
            run_until=until,
            dataset=delivery.dataset,
            business_date=delivery.business_date,
            delivery_id=delivery.id,
            copy_of=copy_of,
            holder=holder,
            locked_at=now,
            until=until,
        )
        return lock.model_copy(update={"mark": self._mark_of(lock)})

    def read(self, parameter: str) -> HeldLock | None:
        """Return the lock. Raises UnexpectedObject for an object in its place that is not obeyed."""
        key, bucket = self._key(parameter), self.clients.evidence_bucket
        found = read_json(self.clients.evidence_s3, bucket, key, _MOST_BYTES)
        if found is None:
            return None
        try:
            lock = ParameterLock.model_validate(found[0])
        except ValidationError as error:
            raise unexpected_object(bucket, key, "the lock of a parameter", error) from error
        if lock.parameter != parameter:
            raise self._not_obeyed(parameter, "it names another parameter than its key")
        if lock.mark != self._mark_of(lock):
            raise self._not_obeyed(parameter, "its mark is not made from its parameter, run and delivery")
        return HeldLock(lock, found[1])

    def is_done(self, found: HeldLock) -> bool:
        """Return True if the lock is closed and SSM does not contradict it.

        Raises UnexpectedObject if the parameter has the value of a run that the lock does not tell of.
        """
        lock = found.lock
        if not lock.closed:
            return False
        mark = mark_in_force(self.clients.of("ssm"), lock.parameter)
        if mark not in (None, lock.mark) and self.read(lock.parameter) == found:  # else a run has just taken it
            raise self._not_obeyed(lock.parameter, "it is closed, and the parameter has the value of another run")
        return mark != lock.mark

    def take(self, lock: ParameterLock, found: HeldLock | None) -> bool:
        """Put the lock in the place of the one found there. Return False if somebody else was faster."""
        client, bucket, key = self.clients.evidence_s3, self.clients.evidence_bucket, self._key(lock.parameter)
        if found is None:
            return put_once(client, bucket, key, lock.to_json(), "application/json")
        return replace_if(client, bucket, key, lock.to_json(), found.etag)

    def open(self, parameters: Collection[str], settled: dict[str, str], survive: Survive) -> list[HeldLock]:
        """Return the open locks of these parameters. `settled` has the etags of closed ones by key: these are not read.

        `survive` runs an action of that name, and survives its failure: the other locks are still read.
        """
        named, found = {self._key(parameter): parameter for parameter in parameters}, list[HeldLock]()
        listed = list(
            list_objects(self.clients.evidence_s3, self.clients.evidence_bucket, parameter_locks_prefix(*self._where))
        )
        for each in listed:
            if each.key in named and settled.get(each.key) != each.etag:
                look = partial(self._look_at, named[each.key], each.key, settled, found)
                survive(f"reading the lock {each.uri}", look)
        others = [each for each in listed if each.key not in named and settled.get(each.key) != each.etag]
        if others:
            survive("reading locks of other parameters", partial(self._refuse_others, others, settled))
        return found

    def _look_at(self, parameter: str, key: str, settled: dict[str, str], opened: list[HeldLock]) -> None:
        found = self.read(parameter)
        if found is not None and self.is_done(found):
            settled[key] = found.etag
        elif found is not None:
            opened.append(found)

    def _refuse_others(self, others: Sequence[LandingObject], settled: dict[str, str]) -> None:
        """Raise UnexpectedObject if one of these locks is open. `settled` gets the closed ones."""
        for each in others:
            found = read_json(self.clients.evidence_s3, self.clients.evidence_bucket, each.key, _MOST_BYTES)
            if found is not None and isinstance(found[0], dict) and found[0].get("closed"):
                settled[each.key] = each.etag
            elif found is not None:
                raise UnexpectedObject(
                    f"{each.uri} is a lock that is not obeyed: no contract of this installation overrides its "
                    "parameter. It is of another installation, of a contract that is gone, or not Aceite's; if its "
                    "contract is gone, put the parameter's value from before back by hand, and delete the object"
                )

    def _not_obeyed(self, parameter: str, why: str) -> UnexpectedObject:
        return UnexpectedObject(
            f"s3://{self.clients.evidence_bucket}/{self._key(parameter)} is not obeyed: {why}; look at the value of "
            f"the parameter {parameter} and at its history, put the right one back, then delete the object"
        )

    def _mark_of(self, lock: ParameterLock) -> str:
        """Return the mark that a lock must have: its nonce, and a digest of what the run said of itself."""
        said = lock.model_dump_json(exclude={"mark", "holder", "locked_at", "until", "closed"})
        digest = hashlib.sha256(json.dumps([*self._where, said]).encode()).hexdigest()
        return f"{lock.nonce[:32]}-{digest[:32]}"

    def _key(self, parameter: str) -> str:
        return parameter_lock_key(*self._where, parameter)

    @property
    def _where(self) -> tuple[str, str]:
        return self.clients.caller.account, self.clients.of("ssm").meta.region_name
