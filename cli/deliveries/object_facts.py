"""Gathers everything that is known of one object: from S3, the contracts, the ledger, the evidence and Prefect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.file_groups import Group
from acceptance.deliveries.routing import Route, routes, watched_locations
from acceptance.errors import AceiteError, UnroutableKey
from cli.deliveries.queued import queued_of

if TYPE_CHECKING:
    from acceptance.evidence.evidence import Evidence
    from acceptance.evidence.manifest import EvidenceManifest
    from blocks.settings import Settings
    from cli.deliveries.overdue import Overdue
    from flows.ledger import Ledger
    from flows.ledger.sightings import Sighting
    from flows.ledger.status import DeliveryStatus
    from flows.locks.claims import Claim

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class DeliveryFacts:
    """A delivery that holds the object, and its sealed judgements, the first one first.

    `evidence` is that of the last judgement, if it is as it was sealed. `claim` is that of the run which judges now, or
    died. `queued` tells the place of its run in the queue.
    """

    delivery: Delivery
    status: DeliveryStatus
    claim: Claim | None = None
    evidence: Evidence | None = None
    judgements: tuple[EvidenceManifest, ...] = ()
    queued: str = ""


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """One object as S3 has it, and as the watcher knows it.

    `location` is the landing location in which the watcher lists it. `unroutable` says why no contract takes it.
    `deliveries` stand oldest first. `troubles` say what could not be asked.
    """

    uri: str
    in_s3: LandingObject | None
    location: str | None
    sighting: Sighting | None
    routes: tuple[Route, ...]
    unroutable: str
    groups: tuple[Group, ...]
    deliveries: tuple[DeliveryFacts, ...]
    troubles: Mapping[str, str] = field(default_factory=dict)


def gather(
    bucket: str, key: str, ledger: Ledger, settings: Settings, overdue: Overdue, *, is_served: bool
) -> ObjectFacts:
    """Return what is known of the object. What does not answer is told among the troubles."""
    ask, uri = _Asking({}), f"s3://{bucket}/{key}"
    contracts = tuple(overdue.contracts.values())
    found, why = _routed(bucket, key, overdue)
    groups = ledger.groups.load([route.group for route in found])
    known = {each.id: each for each in ledger.sightings.deliveries_with(bucket, key)}
    statuses = ledger.status.of_ids(list(known))
    queued = queued_of(statuses) if is_served else {}
    s3 = ask("AWS", lambda: _client(settings))
    located = (place for place in watched_locations(contracts) if place[0] == bucket and key.startswith(place[1]))
    return ObjectFacts(
        uri,
        ask("S3", lambda: _listed(s3, bucket, key)) if s3 is not None else None,
        next((f"s3://{place}/{prefix}" for place, prefix in located), None),
        ledger.sightings.of(bucket, key),
        found,
        why,
        tuple(groups.values()),
        tuple(
            _delivery(ask, s3, settings.evidence_bucket, known[each.id], each, queued.get(each.id, ""))
            if s3 is not None
            else DeliveryFacts(known[each.id], each)
            for each in reversed(statuses)
        ),
        ask.troubles,
    )


@dataclass(frozen=True, slots=True)
class _Asking:
    """Asks a question of a place, and records that the place does not answer."""

    troubles: dict[str, str]

    def __call__(self, place: str, question: Callable[[], Answer]) -> Answer | None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return question()
        except (AceiteError, BotoCoreError, ClientError) as error:
            self.troubles.setdefault(place, str(error))
            return None


def _routed(bucket: str, key: str, overdue: Overdue) -> tuple[tuple[Route, ...], str]:
    if not overdue.contracts:
        return (), "the contracts cannot be read: `aceite contracts check` says why"
    try:
        return routes(bucket, key, tuple(overdue.contracts.values())), ""
    except UnroutableKey as error:
        return (), str(error)


def _client(settings: Settings) -> Any:
    from blocks.build import aws_credentials

    return aws_credentials(settings).get_client("s3")


def _listed(s3: Any, bucket: str, key: str) -> LandingObject | None:
    from aws.s3.objects import list_objects

    first = next(iter(list_objects(s3, bucket, key)), None)  # S3 lists a key before those that begin with it
    return first if first is not None and first.key == key else None


def _delivery(
    ask: _Asking, s3: Any, bucket: str, delivery: Delivery, status: DeliveryStatus, queued: str
) -> DeliveryFacts:
    from flows.evidence.repetitions import judgements
    from flows.evidence.verdicts import read_evidence
    from flows.locks.claims import read_claim

    def of_bucket() -> DeliveryFacts:
        known = list(judgements(s3, bucket, delivery))
        last = known[-1][0] if known else None
        claim = read_claim(s3, bucket, last.judged_again() if last else delivery)
        seals = tuple(seal for _, seal in known)
        return DeliveryFacts(delivery, status, claim, read_evidence(s3, bucket, last) if last else None, seals, queued)

    return ask("the evidence bucket", of_bucket) or DeliveryFacts(delivery, status, queued=queued)
