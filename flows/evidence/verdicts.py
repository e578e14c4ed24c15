"""Reads deliveries' verdicts from the evidence bucket."""

from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any

from acceptance.deliveries.delivery import Delivery
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.object_keys import dataset_prefix, evidence_uri
from acceptance.judging.judge import Judged
from aws.s3.objects import list_objects
from flows.evidence.audit import as_sealed
from flows.evidence.files import read_seal
from flows.threads import in_threads

CHANGED = "its evidence was changed or removed after it was sealed: see `aceite evidence verify`"


def read_verdict(s3: Any, bucket: str, delivery: Delivery) -> Judged | None:
    """Return the verdict if its evidence is sealed, by a key that this home trusts.

    Otherwise the delivery is announced again, and then sealed. What was changed after that cannot change the verdict,
    which the manifest has too.
    """
    seal = read_seal(s3, bucket, delivery)
    if seal is None:
        return None
    evidence, result = as_sealed(s3, bucket, seal), seal.result
    reason = evidence.told_reason if evidence is not None else CHANGED
    judged_at = result.judged.astimezone(UTC)
    return Judged(result.verdict, reason, judged_at, evidence_uri(bucket, delivery), result.revision)


def read_evidence(s3: Any, bucket: str, delivery: Delivery) -> Evidence | None:
    """Return the evidence of a delivery that is sealed, if it is as it was sealed."""
    seal = read_seal(s3, bucket, delivery)
    return as_sealed(s3, bucket, seal) if seal is not None else None


class StandingVerdicts:
    """The verdicts in the evidence bucket, for a new ledger. It lists the evidence of a dataset once.

    Of objects that were judged again, the last judgement counts.

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
                if each.key.endswith("/manifest.json"):
                    found.add(each.key.rsplit("/", 2)[1])
            self._judged[dataset] = frozenset(found)
        return self._judged[dataset]

    def _read(self, delivery: Delivery) -> Judged | None:
        """Return the verdict of the last judgement that is sealed: anybody may put objects where the next one is."""
        judgements = [delivery]
        while (again := judgements[-1].judged_again()).id in self._with_evidence(delivery.dataset):
            judgements.append(again)
        read = (read_verdict(self._s3, self._bucket, each) for each in reversed(judgements))
        return next((verdict for verdict in read if verdict is not None), None)
