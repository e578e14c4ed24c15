"""The task that puts the evidence."""

from prefect import task

from acceptance.deliveries.delivery import Delivery
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.object_keys import evidence_uri
from flows.evidence import files as evidence_files
from flows.evidence.chain import Chain
from flows.installation.clients import load_clients
from flows.steps.retries import REPEATABLE
from flows.steps.timeline import StepResult


@task(name="put the evidence", **REPEATABLE)
def put_evidence(delivery: Delivery, evidence: Evidence, chain: Chain) -> StepResult:
    clients = load_clients()
    first = evidence_files.put_evidence(clients.evidence_s3, clients.evidence_bucket, delivery, evidence, chain)
    return StepResult(first, detail=evidence_uri(clients.evidence_bucket, delivery))
