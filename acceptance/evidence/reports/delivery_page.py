"""Evidence as one page for people: no network, no script, nothing computed again."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from acceptance.evidence.evidence import DeliveryRecord, Evidence, Member
from acceptance.evidence.manifest import sha256_of
from acceptance.evidence.object_keys import REPORTS, beside, evidence_prefix, page_name
from acceptance.evidence.reports.next_steps import next_steps
from acceptance.evidence.reports.shortened import (
    DETAIL,
    broken_rows,
    check_rows,
    differing_rows,
    faults_shown,
    passed,
    queries_shown,
    remarkable,
)
from acceptance.evidence.reports.steps_chart import waterfall
from acceptance.evidence.reports.templating import script_text, template
from acceptance.evidence.reports.trend_chart import trend
from acceptance.judging.judge import Outcome, Verdict
from acceptance.messages.message import Message

MANY = 12
"""With more passed checks than these they are folded, also if none failed; on paper nothing is."""
_DETAILS = 40_000
"""Characters of the details of all steps together."""
LARGEST_CARRIED = 400_000
"""Bytes of evidence.json that the page carries in its source."""
MEANING = {
    Verdict.ACCEPTED: Message("What the contract promises holds."),
    Verdict.REJECTED: Message("The delivery does not hold what its contract promises."),
    Verdict.INCONCLUSIVE: Message("The delivery could not be judged."),
}


def evidence_html(
    evidence: Evidence, *, source: bytes | None = None, links: Mapping[str, str] = MappingProxyType({})
) -> str:
    """A self-contained page in the language of the evidence.

    `source` are the bytes of `evidence.json` as they were put, whose hash the page shows.
    `links` maps a label to the name of a file beside the page, or to an address elsewhere. Only names of files beside
    the page become links; an address elsewhere is text, so that the page leads nowhere.
    """
    source, language = source or evidence.to_json(), evidence.language
    evidence = evidence.in_language()
    checks = evidence.checks_worst_first
    held = [check for check in checks if check.outcome is Outcome.PASSED]
    others = [check for check in checks if check.outcome is not Outcome.PASSED]
    failed = any(check.outcome in (Outcome.FAILED, Outcome.ERRORED) for check in checks)
    return template("evidence.html.jinja", language).render(
        evidence=evidence,
        meaning=MEANING[evidence.verdict],
        next_steps=next_steps(evidence),
        ways=_ways(evidence),
        files=_several(evidence.delivery),
        waterfall=waterfall(evidence.steps, evidence.run.started, evidence.run.ended, language),
        remarkable=remarkable(check_rows(others)),
        passed=passed(check_rows(held)),
        number_passed=len(held),
        fold_passed=failed or len(held) > MANY,
        counts=[(outcome, sum(check.outcome is outcome for check in checks)) for outcome in Outcome],
        links=[(label, address, "/" not in address and ":" not in address) for label, address in links.items()],
        broken=broken_rows(others, evidence.sample.by_rule),
        queries=queries_shown(evidence.queries),
        faults=faults_shown(evidence.landed.faults),
        differing=differing_rows(evidence.differences.rows if evidence.differences else ()),
        longest_detail=min(DETAIL, _DETAILS // max(len(evidence.steps), 1)),
        trend=trend((*evidence.history, evidence.summary), language),
        evidence_json=script_text(source) if len(source) <= LARGEST_CARRIED else None,
        evidence_bytes=len(source),
        evidence_sha256=sha256_of(source),
    )


def _ways(evidence: Evidence) -> Mapping[str, str]:
    """Return where the page leads: to the delivery judged before it, if one is known, and to the dataset's page.

    The page is sealed before anybody knows which delivery comes next. So the way to that one is the dataset's page,
    which is no evidence, and is put again and again.
    """
    here = evidence.delivery
    ways = {
        "before": "",
        "history": f"{beside(_prefix(here), REPORTS + page_name(here.dataset))}#{here.id}",
    }
    if evidence.history:
        before = evidence.history[-1]
        prefix = evidence_prefix(here.dataset, before.business_date, before.delivery_id)
        ways["before"] = beside(_prefix(here), f"{prefix}evidence.html")
    return ways


def _prefix(delivery: DeliveryRecord) -> str:
    return evidence_prefix(delivery.dataset, delivery.business_date, delivery.id)


def _several(delivery: DeliveryRecord) -> Sequence[tuple[str, Member]]:
    """The name and the facts of each file of a delivery of several."""
    members = sorted(delivery.members, key=lambda member: member.key)
    return list(zip(delivery.files, members, strict=True)) if len(members) > 1 else []
