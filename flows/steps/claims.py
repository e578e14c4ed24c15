"""The task that claims a delivery for one run."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from prefect import task

from acceptance.deliveries.delivery import Delivery
from flows.evidence import files as evidence_files
from flows.installation.clients import load_clients
from flows.locks import claims
from flows.locks.holder import is_over, this_holder
from flows.prefect_api.runs import has_ended
from flows.steps.retries import REPEATABLE
from flows.steps.timeline import Done


class Claimed(StrEnum):
    """Empty if this run may not judge the delivery. What it took over may have been begun with by the run before."""

    NOT = ""
    NEW = "new"
    TAKEN_OVER = "taken over"


@task(name="claim", **REPEATABLE)
def claim(delivery: Delivery, flow_run_id: str, within: timedelta) -> Done:
    """A Claimed: this run may judge what nobody claimed, or what the run that did left without a verdict.

    It keeps it for `within` at the longest. To the hour, so that those of one run are looked at as one.
    """
    clients, now = load_clients(), datetime.now(UTC)
    until = (now + within + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    bucket, client = clients.evidence_bucket, clients.evidence_s3
    holder = this_holder(flow_run_id)
    if claims.take_claim(client, bucket, delivery, holder, now, until):
        return Done(Claimed.NEW, detail=f"delivery {delivery.id} is ours")
    if evidence_files.has_evidence(client, bucket, delivery):
        sealed = evidence_files.finish_abandoned(client, bucket, delivery, flow_run_id, has_ended)
        told = f"; its run died before it was sealed, which is done now: manifest {sealed.number}" if sealed else ""
        return Done(Claimed.NOT, detail=f"there is a verdict already{told}")
    earlier = claims.read_claim(client, bucket, delivery)
    if earlier is None:
        return Done(Claimed.NOT, detail="the claim vanished")
    if earlier.flow_run_id == flow_run_id:  # by a call whose answer was lost, which may have been a takeover
        return Done(Claimed.TAKEN_OVER, detail="our own claim")
    if not is_over(earlier.holder, earlier.until):
        return Done(Claimed.NOT, detail=f"run {earlier.flow_run_id} is working on it")
    taken = claims.take_over(client, bucket, delivery, earlier, holder, now, until)
    claimed = Claimed.TAKEN_OVER if taken else Claimed.NOT
    return Done(claimed, detail=f"run {earlier.flow_run_id} ended without a verdict")
