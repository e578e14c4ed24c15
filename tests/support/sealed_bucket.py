"""An evidence bucket with sealed deliveries of flights."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from evidence_builder import accepted

from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.evidence.audit import Audit, audit
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.object_keys import evidence_prefix
from acceptance.evidence.signatures import signed_metadata
from flows.evidence.audit import read_stored
from flows.evidence.files import put_evidence
from flows.installation.seal_keys import seal_keys

DATASET = "nycflights-flights"


@dataclass(frozen=True)
class Said:
    """What the command answered."""

    code: int
    out: str
    err: str


Aceite = Callable[..., Said]


@dataclass
class Bucket:
    """An evidence bucket of its own, and what can be done to it."""

    s3: Any
    name: str
    endpoint: str

    def put(self, number: int, evidence: Evidence | None = None) -> bool:
        stands, foreign = put_evidence(self.s3, self.name, delivery(number), evidence or of(number))
        assert foreign == ()
        return stands is not None

    def put_signed(self, number: int, name: str, content: bytes) -> None:
        """Put a file as a run of this installation does before it seals."""
        key = self.key(number, name)
        metadata = signed_metadata(key, content, seal_keys().signing())
        self.s3.put_object(Bucket=self.name, Key=key, Body=content, Metadata=metadata)

    def key(self, number: int, file: str) -> str:
        found = delivery(number)
        return evidence_prefix(DATASET, found.business_date, found.id) + file

    def files(self, number: int) -> dict[str, bytes]:
        prefix = self.key(number, "")
        listed = self.s3.list_objects_v2(Bucket=self.name, Prefix=prefix).get("Contents", ())
        return {item["Key"].removeprefix(prefix): self.read(item["Key"]) for item in listed}

    def read(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content

    def flaws(self) -> list[str]:
        return [str(flaw) for flaw in self.audit().flaws]

    def audit(self) -> Audit:
        trusted = seal_keys().trusted
        return audit(read_stored(self.s3, self.name, DATASET, trusted), trusted)


def delivery(number: int) -> Delivery:
    day = date(2026, 1, 1) + timedelta(days=number)
    return Delivery(
        DATASET, day, (LandingObject("landing", f"{number}.csv", "e", 1, datetime(2026, 1, 1, tzinfo=UTC)),)
    )


def of(number: int, made: Callable[[], Evidence] = accepted) -> Evidence:
    evidence, judged = made(), delivery(number)
    record = evidence.delivery.model_copy(update={"id": judged.id, "business_date": judged.business_date})
    run = evidence.run.model_copy(update={"flow_run_id": f"{evidence.run.flow_run_id}-{evidence.verdict}"})
    return evidence.model_copy(update={"delivery": record, "run": run})
