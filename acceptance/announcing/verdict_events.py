"""The event of a verdict: the content of its notification, and the kind of failure that made it inconclusive."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from acceptance.announcing.delivery_events import VERDICT_EVENTS, EventDraft, resource_of
from acceptance.announcing.messages import LONGEST_TITLE, message, plain
from acceptance.deliveries.delivery import Delivery
from acceptance.evidence.evidence import Evidence, StepRecord, StepStatus
from acceptance.judging.judge import CheckResult, Judgement, Outcome, Verdict

FAILURE = "aceite.failure"
"""The label of an inconclusive delivery that names what failed: a step, or a check that was not measured."""

CANCELLED = "cancelled by"
"""The beginning of the reason if a person cancelled the run: nothing failed."""

_LOOKED_AT_FIRST = {Verdict.REJECTED: Outcome.FAILED, Verdict.INCONCLUSIVE: Outcome.ERRORED}
_BELOW_BUCKET = re.compile(r"(s3://[^/\s]+/).*")
_OF_ONE_FILE = re.compile(r" \(.*\)$")


def judged(
    delivery: Delivery, judgement: Judgement, evidence_uri: str, run_url: str | None, failure: str = ""
) -> EventDraft:
    """Return the event to emit after the evidence is put. The payload is the content of a notification."""
    failed = first_failed(judgement)
    check = {"id": failed.check.id, "expected": failed.expected, "observed": failed.observed} if failed else None
    label = {FAILURE: failure} if failure and judgement.verdict is Verdict.INCONCLUSIVE else {}
    return _event(delivery, judgement.verdict, judgement.reason, check, evidence_uri, run_url or "", label)


def judged_by(delivery: Delivery, evidence: Evidence, evidence_uri: str) -> EventDraft:
    """Return the event from evidence whose run died before it emitted one. It has no failure label."""
    wanted = _LOOKED_AT_FIRST.get(evidence.verdict)
    failed = next((check for check in evidence.checks if check.outcome is wanted), None)
    check = {"id": failed.id, "expected": failed.expected, "observed": failed.observed} if failed else None
    return _event(delivery, evidence.verdict, evidence.reason, check, evidence_uri, evidence.run.url or "", {})


def verdict_event_id(evidence_uri: str) -> UUID:
    """Return the event's id, the same for every announcement of this verdict."""
    return uuid5(NAMESPACE_URL, evidence_uri)


def _event(
    delivery: Delivery,
    verdict: Verdict,
    reason: str,
    check: Mapping[str, str] | None,
    evidence_uri: str,
    run_url: str,
    label: Mapping[str, str],
) -> EventDraft:
    dataset, day = delivery.dataset, delivery.business_date.isoformat()
    others = len(delivery.members) - 1
    file = delivery.first.file + (f" and {others} more" if others else "")
    payload: dict[str, Any] = {
        "delivery_id": delivery.id,
        "title": delivery.title,
        "dataset": dataset,
        "business_date": day,
        "file": file,
        "verdict": verdict.value,
        "reason": reason,
        "check": check,
        "evidence": evidence_uri,
        "run_url": run_url,
    }
    facts = [("Dataset", dataset), ("Date", day), ("File", file), ("Verdict", verdict.value)]
    if check is None or not reason.startswith(check["id"]):
        facts.append(("Reason", reason))
    if check is not None:
        facts += [("Check", check["id"]), ("Expected", check["expected"]), ("Observed", check["observed"])]
    links = {"Run": run_url, "Evidence": evidence_uri}
    payload["message"] = message(f"{plain(delivery.title, LONGEST_TITLE)}: {verdict.value}", facts, links)
    return EventDraft(VERDICT_EVENTS[verdict], {**resource_of(delivery), **label}, payload)


def first_failed(judgement: Judgement) -> CheckResult | None:
    """Return the check to look at first: one that failed, or for an inconclusive delivery one that errored."""
    wanted = _LOOKED_AT_FIRST.get(judgement.verdict)
    return next((result for result in judgement.results if result.outcome is wanted), None)


def failure_of(stopped_by: str, steps: tuple[StepRecord, ...], judgement: Judgement) -> str:
    """Return what failed, in the same words for every delivery that it affects, or "" if nothing failed.

    For a step this is its name, without the key or file of this delivery.
    """
    if stopped_by.startswith(CANCELLED):
        return ""
    if stopped_by:
        failed = (step.name for step in steps if step.status is StepStatus.FAILED)
        kind = next((name for name in failed if stopped_by.startswith(f"{name}:")), stopped_by.partition(":")[0])
        return plain(_OF_ONE_FILE.sub("", _BELOW_BUCKET.sub(r"\1", kind)))
    check = first_failed(judgement)
    return f"check {check.check.id}" if check else "nothing was measured"
