"""Evidence as one page for people: no network, no script, nothing computed again."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from acceptance.evidence.evidence import DeliveryRecord, Evidence, Member
from acceptance.evidence.manifest import sha256_of
from acceptance.evidence.reports.steps_chart import waterfall
from acceptance.evidence.reports.templating import script_text, template
from acceptance.evidence.reports.trend_chart import trend
from acceptance.judging.judge import Outcome, Verdict

MANY = 12
"""With more passed checks than these they are folded, also if none failed; on paper nothing is."""
MEANING = {
    Verdict.ACCEPTED: "What the contract promises holds.",
    Verdict.REJECTED: "The delivery does not hold what its contract promises.",
    Verdict.INCONCLUSIVE: "The delivery could not be judged.",
}


def evidence_html(
    evidence: Evidence, *, source: bytes | None = None, links: Mapping[str, str] = MappingProxyType({})
) -> str:
    """A self-contained page. `source` are the bytes of `evidence.json` as they were put, whose hash the page shows.

    `links` maps a label to the name of a file beside the page, or to an address elsewhere. Only names of files beside
    the page become links; an address elsewhere is text, so that the page leads nowhere.
    """
    checks, source = evidence.checks_worst_first, source or evidence.to_json()
    passed = [check for check in checks if check.outcome is Outcome.PASSED]
    failed = any(check.outcome in (Outcome.FAILED, Outcome.ERRORED) for check in checks)
    return template("evidence.html.jinja").render(
        evidence=evidence,
        meaning=MEANING[evidence.verdict],
        files=_several(evidence.delivery),
        waterfall=waterfall(evidence.steps, evidence.run.started, evidence.run.ended),
        remarkable=[check for check in checks if check.outcome is not Outcome.PASSED],
        passed=passed,
        fold_passed=failed or len(passed) > MANY,
        counts=[(outcome, sum(check.outcome is outcome for check in checks)) for outcome in Outcome],
        links=[(label, address, "/" not in address and ":" not in address) for label, address in links.items()],
        broken=evidence.sample.by_rule,
        trend=trend((*evidence.history, evidence.summary)),
        evidence_json=script_text(source),
        evidence_sha256=sha256_of(source),
    )


def _several(delivery: DeliveryRecord) -> Sequence[tuple[str, Member]]:
    """The name and the facts of each file of a delivery of several."""
    members = sorted(delivery.members, key=lambda member: member.key)
    return list(zip(delivery.files, members, strict=True)) if len(members) > 1 else []
