"""The tasks that write to the evidence bucket: they claim a delivery for one run, and put its evidence."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from prefect import get_run_logger, task

from acceptance.deliveries.delivery import Delivery
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.object_keys import evidence_uri
from flows.evidence import files as evidence_files
from flows.evidence.chain import Chain
from flows.installation.clients import load_clients
from flows.locks import claims
from flows.locks.holder import is_over, this_holder
from flows.prefect_api.runs import has_ended
from flows.steps.retries import REPEATABLE
from flows.steps.timeline import StepResult


class Claimed(StrEnum):
    """The answer to a claim; empty if this run may not judge the delivery. A run before may have begun the pipeline."""

    NOT = ""
    NEW = "new"
    TAKEN_OVER = "taken over"


@task(name="claim", **REPEATABLE)
def claim(delivery: Delivery, flow_run_id: str, within: timedelta) -> StepResult:
    """Claim a delivery that nobody claimed, or whose run ended without a verdict. The value is a Claimed.

    The claim holds for `within` at the longest, rounded up to the hour, so that the claims of one run end together.
    """
    clients, now = load_clients(), datetime.now(UTC)
    until = (now + within + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    bucket, client = clients.evidence_bucket, clients.evidence_s3
    holder = this_holder(flow_run_id)
    if claims.take_claim(client, bucket, delivery, holder, now, until):
        return StepResult(Claimed.NEW, detail=f"this run has delivery {delivery.id}")
    if evidence_files.has_evidence(client, bucket, delivery):
        sealed = evidence_files.finish_abandoned(client, bucket, delivery, flow_run_id, has_ended)
        repaired = f"; its run died before sealing it, so this run did: manifest {sealed.number}" if sealed else ""
        return StepResult(Claimed.NOT, detail=f"there is a verdict already{repaired}")
    earlier = claims.read_claim(client, bucket, delivery)
    if earlier is None:
        taken, foreign = claims.take_from_nobody(client, bucket, delivery, holder, now, until)
        for sentence in foreign:
            get_run_logger().error(sentence)
        # Who put or removed the object may have hidden the claim of a run that began the pipeline.
        return StepResult(Claimed.TAKEN_OVER if taken else Claimed.NOT, detail="; ".join(foreign) or "nobody has it")
    if earlier.flow_run_id == flow_run_id:  # we lost the answer to our own call, which may have been a takeover
        return StepResult(Claimed.TAKEN_OVER, detail="this run claimed it before")
    if not is_over(earlier.holder, earlier.until):
        return StepResult(Claimed.NOT, detail=f"run {earlier.flow_run_id} is working on it")
    taken = claims.take_over(client, bucket, delivery, earlier, holder, now, until)
    claimed = Claimed.TAKEN_OVER if taken else Claimed.NOT
    return StepResult(claimed, detail=f"run {earlier.flow_run_id} ended without a verdict")


@task(name="put the evidence", **REPEATABLE)
def put_evidence(delivery: Delivery, evidence: Evidence, chain: Chain) -> StepResult:
    """Put and seal the evidence. The value is the evidence as it stands, None if another run was faster."""
    clients = load_clients()
    put, foreign = evidence_files.put_evidence(clients.evidence_s3, clients.evidence_bucket, delivery, evidence, chain)
    for sentence in foreign:
        get_run_logger().error(sentence)
    return StepResult(put, detail="; ".join((evidence_uri(clients.evidence_bucket, delivery), *foreign)))
