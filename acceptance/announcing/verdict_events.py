"""The event of a verdict: the content of its notification, and the kind of failure that made it inconclusive."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from acceptance.announcing.delivery_events import VERDICT_EVENTS, EventDraft, resource_of
from acceptance.announcing.messages import LONGEST_TITLE, message, plain
from acceptance.deliveries.delivery import Delivery
from acceptance.evidence.evidence import Evidence, StepRecord, StepStatus
from acceptance.judging.judge import CheckResult, Judgement, Outcome, Verdict
from acceptance.judging.names import verdict_name
from acceptance.messages.languages import ENGLISH, Language, date_text
from acceptance.messages.message import Message

FAILURE = "aceite.failure"
"""The label of an inconclusive delivery that names what failed: a step, or a check that was not measured."""

CANCELLED = "cancelled by"
"""The beginning of the reason if a person cancelled the run: nothing failed."""

_LOOKED_AT_FIRST = {Verdict.REJECTED: Outcome.FAILED, Verdict.INCONCLUSIVE: Outcome.ERRORED}
_BELOW_BUCKET = re.compile(r"(s3://[^/\s]+/).*")
_OF_ONE_FILE = re.compile(r" \(.*\)$")


def judged(
    delivery: Delivery,
    judgement: Judgement,
    evidence_uri: str,
    run_url: str | None,
    failure: str = "",
    language: Language = ENGLISH,
) -> EventDraft:
    """Return the event to emit after the evidence is put. The payload is the content of a notification."""
    failed = first_failed(judgement)
    check = {"id": failed.check.id, "expected": failed.expected, "observed": failed.observed} if failed else None
    label = {FAILURE: failure} if failure and judgement.verdict is Verdict.INCONCLUSIVE else {}
    told = _Told(judgement.verdict, judgement.reason, check, evidence_uri, run_url or "", language)
    return _event(delivery, told, label)


def judged_by(delivery: Delivery, evidence: Evidence, evidence_uri: str) -> EventDraft:
    """Return the event from evidence whose run died before it emitted one. It has no failure label."""
    wanted = _LOOKED_AT_FIRST.get(evidence.verdict)
    failed = next((check for check in evidence.checks if check.outcome is wanted), None)
    check = {"id": failed.id, "expected": failed.told_expected, "observed": failed.told_observed} if failed else None
    reason, language = evidence.told_reason, evidence.language
    told = _Told(evidence.verdict, reason, check, evidence_uri, evidence.run.url or "", language)
    return _event(delivery, told, {})


def verdict_event_id(evidence_uri: str) -> UUID:
    """Return the event's id, the same for every announcement of this verdict."""
    return uuid5(NAMESPACE_URL, evidence_uri)


@dataclass(frozen=True, slots=True)
class _Told:
    """The facts of a verdict, and the language in which people are notified of them."""

    verdict: Verdict
    reason: str
    check: Mapping[str, str] | None
    evidence_uri: str
    run_url: str
    language: Language


def _event(delivery: Delivery, told: _Told, label: Mapping[str, str]) -> EventDraft:
    """The payload is the same in every language but for its message, which people read."""
    verdict, reason, check = told.verdict, told.reason, told.check
    dataset, day = delivery.dataset, delivery.business_date.isoformat()
    others = len(delivery.members) - 1
    file: str = delivery.first.file
    if others:
        file = Message("{file} and {number} more", file=file, number=others)
    payload: dict[str, Any] = {
        "delivery_id": delivery.id,
        "title": delivery.title,
        "dataset": dataset,
        "business_date": day,
        "file": file,
        "verdict": verdict.value,
        "reason": reason,
        "check": check,
        "evidence": told.evidence_uri,
        "run_url": told.run_url,
    }
    date_told = date_text(delivery.business_date, told.language)
    facts: list[tuple[str, str]] = [
        (Message("Dataset"), dataset),
        (Message("Date"), date_told),
        (Message("File"), file),
        (Message("Verdict"), verdict_name(verdict)),
    ]
    if check is None or not reason.startswith(check["id"]):
        facts.append((Message("Reason"), reason))
    if check is not None:
        facts.append((Message("Check"), check["id"]))
        facts += [(Message("Expected"), check["expected"]), (Message("Observed"), check["observed"])]
    links: dict[str, str] = {Message("Run"): told.run_url, Message("Evidence"): told.evidence_uri}
    title = plain(delivery.title, LONGEST_TITLE)
    subject = Message("{delivery}: {verdict}", delivery=title, verdict=verdict_name(verdict))
    payload["message"] = message(subject, facts, links, told.language)
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
