"""Reads deliveries' verdicts from the evidence bucket."""

from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any

from pydantic import ValidationError

from acceptance.deliveries.delivery import Delivery
from acceptance.errors import UnexpectedObject
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.object_keys import EVIDENCE, dataset_prefix, delivery_prefix, evidence_uri
from acceptance.judging.judge import Judged
from aws.s3.objects import list_objects, read_json, unexpected_object
from flows.evidence.files import is_sealed
from flows.threads import in_threads


def read_verdict(s3: Any, bucket: str, delivery: Delivery) -> Judged | None:
    """Return the verdict if its evidence is sealed. Otherwise the delivery is announced again, and then sealed."""
    evidence = read_evidence(s3, bucket, delivery)
    if evidence is None or not is_sealed(s3, bucket, delivery):
        return None
    judged_at, revision = evidence.run.ended.astimezone(UTC), evidence.delivery.revision
    return Judged(evidence.verdict, evidence.reason, judged_at, evidence_uri(bucket, delivery), revision)


def read_evidence(s3: Any, bucket: str, delivery: Delivery) -> Evidence | None:
    found = read_json(s3, bucket, delivery_prefix(delivery) + EVIDENCE)
    try:
        return Evidence.model_validate(found[0]) if found else None
    except ValidationError as error:
        raise unexpected_object(bucket, delivery_prefix(delivery) + EVIDENCE, "evidence", error) from error


class StandingVerdicts:
    """The verdicts in the evidence bucket, for a new ledger. It lists the evidence of a dataset once.

    `stay_alive` is called while the bucket is read.
    """

    def __init__(self, s3: Any, bucket: str, stay_alive: Callable[[], None] = lambda: None) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._stay_alive = stay_alive
        self._judged: dict[str, frozenset[str]] = {}

    def __call__(self, deliveries: Sequence[Delivery]) -> dict[str, Judged]:
        """Return the verdicts by delivery id. Raises StepFailed if the evidence bucket does not answer."""
        judged = [each for each in deliveries if each.id in self._with_evidence(each.dataset)]
        verdicts = in_threads(self._read, judged, stay_alive=self._stay_alive)
        return {each.id: verdict for each, verdict in zip(judged, verdicts, strict=True) if verdict is not None}

    def _with_evidence(self, dataset: str) -> frozenset[str]:
        if dataset not in self._judged:
            found = set[str]()
            for each in list_objects(self._s3, self._bucket, dataset_prefix(dataset)):
                self._stay_alive()
                if each.key.endswith("/evidence.json"):
                    found.add(each.key.rsplit("/", 2)[1])
            self._judged[dataset] = frozenset(found)
        return self._judged[dataset]

    def _read(self, delivery: Delivery) -> Judged | None:
        try:
            return read_verdict(self._s3, self._bucket, delivery)
        except UnexpectedObject:  # FollowUp logs it; here it must not stop the listing
            return None
