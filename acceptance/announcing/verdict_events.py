"""The event of a verdict: what a notification says, and what kind of failure kept a delivery from being judged."""

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
"""The label of an inconclusive delivery that says what failed: a step, or a check that could not be measured."""

CANCELLED = "cancelled by"
"""How the reason begins when a person ended the run: nothing failed."""

_LOOKED_AT_FIRST = {Verdict.REJECTED: Outcome.FAILED, Verdict.INCONCLUSIVE: Outcome.ERRORED}
_BELOW_BUCKET = re.compile(r"(s3://[^/\s]+/).*")
_OF_ONE_FILE = re.compile(r" \(.*\)$")


def judged(
    delivery: Delivery, judgement: Judgement, evidence_uri: str, run_url: str | None, failure: str = ""
) -> EventDraft:
    """Emitted after the evidence was put. The payload is what a notification says."""
    found = first_failed(judgement)
    check = {"id": found.check.id, "expected": found.expected, "observed": found.observed} if found else None
    label = {FAILURE: failure} if failure and judgement.verdict is Verdict.INCONCLUSIVE else {}
    return _event(delivery, judgement.verdict, judgement.reason, check, evidence_uri, run_url or "", label)


def judged_by(delivery: Delivery, evidence: Evidence, evidence_uri: str) -> EventDraft:
    """The same from evidence whose run died before it could tell. It counts as no failure: nobody saw which it was."""
    wanted = _LOOKED_AT_FIRST.get(evidence.verdict)
    found = next((check for check in evidence.checks if check.outcome is wanted), None)
    check = {"id": found.id, "expected": found.expected, "observed": found.observed} if found else None
    return _event(delivery, evidence.verdict, evidence.reason, check, evidence_uri, evidence.run.url or "", {})


def verdict_event_id(evidence_uri: str) -> UUID:
    """Whoever tells of a verdict, and however often, it is one event."""
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
    """The check that a person should look at first: one that failed; of an inconclusive delivery one without answer."""
    wanted = _LOOKED_AT_FIRST.get(judgement.verdict)
    return next((result for result in judgement.results if result.outcome is wanted), None)


def failure_of(stopped_by: str, steps: tuple[StepRecord, ...], judgement: Judgement) -> str:
    """What failed, in words that are the same for every delivery that it keeps from being judged; empty if nothing did.

    Of a step its name, without the key or file that only this delivery has.
    """
    if stopped_by.startswith(CANCELLED):
        return ""
    if stopped_by:
        failed = (step.name for step in steps if step.status is StepStatus.FAILED)
        kind = next((name for name in failed if stopped_by.startswith(f"{name}:")), stopped_by.partition(":")[0])
        return plain(_OF_ONE_FILE.sub("", _BELOW_BUCKET.sub(r"\1", kind)))
    found = first_failed(judgement)
    return f"check {found.check.id}" if found else "nothing was measured"
