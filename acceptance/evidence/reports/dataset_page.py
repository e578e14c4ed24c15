"""The history of a dataset as one page, for the audit file: verdicts, what failed, and whether the seals hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from acceptance.evidence.audit import Audit
from acceptance.evidence.evidence import CheckRecord, Evidence
from acceptance.evidence.manifest import EvidenceManifest
from acceptance.evidence.reports.shortened import NO_ROOM, Room, check_rows, portions
from acceptance.evidence.reports.templating import template
from acceptance.evidence.reports.trend_chart import trend
from acceptance.judging.judge import Outcome, Verdict

_COLUMNS = 40
"""Deliveries that the checks are shown over: as many as fit a page."""
_ROWS = 40
"""Checks over time that are seen: those that did not always pass."""
_CHECKS = 10
"""Checks of one delivery that did not pass, and are seen."""
_TOLD = (Outcome.FAILED, Outcome.WARNED, Outcome.ERRORED)

Judged = tuple[EvidenceManifest, Evidence]


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check over the deliveries: its outcome in each, None where the contract did not have it."""

    id: str
    outcomes: tuple[Outcome | None, ...]

    @property
    def always_passed(self) -> bool:
        return all(outcome in (Outcome.PASSED, None) for outcome in self.outcomes)


def dataset_html(dataset: str, done: Audit, judged: Sequence[Judged], place: str, made: datetime) -> str:
    """`judged` is in the order of the chain. `place` is the evidence bucket's address, `made` the page's own time."""
    newest_first = tuple(reversed(judged))
    recent, again = judged[-_COLUMNS:], _judged_again([evidence for _, evidence in judged])
    rows = _rows([evidence for _, evidence in recent])
    counted = [evidence for _, evidence in judged if evidence.delivery.id not in again]
    return template("dataset.html.jinja").render(
        dataset=dataset,
        name=judged[-1][1].contract.name if judged else dataset,
        audit=done,
        place=place,
        made=made,
        deliveries=newest_first,
        judged_again=again,
        verdicts=[(verdict, sum(evidence.verdict is verdict for evidence in counted)) for verdict in Verdict],
        trend=trend([evidence.summary for _, evidence in judged]),
        recent=[evidence for _, evidence in recent],
        checks=portions((row for row in rows if not row.always_passed), Room(_ROWS, 0), Room(len(rows), 0)),
        always_passed=[row for row in rows if row.always_passed],
        troubled=[
            (manifest, evidence, portions(check_rows(_told(evidence)), Room(_CHECKS, 0), NO_ROOM))
            for manifest, evidence in newest_first
            if _told(evidence)
        ],
    )


def _judged_again(judged: Sequence[Evidence]) -> dict[str, int]:
    """Return by id the deliveries that were judged again, with the revision that counts."""
    revisions = {evidence.delivery.id: evidence.delivery.revision for evidence in judged}
    again: dict[str, int] = {}
    for evidence in reversed(judged):
        if evidence.delivery.judged_before is not None:
            before = evidence.delivery.judged_before.prefix.rstrip("/").rsplit("/", 1)[-1]
            again[before] = again.get(evidence.delivery.id, revisions[evidence.delivery.id])
    return again


def _rows(judged: Sequence[Evidence]) -> tuple[CheckRow, ...]:
    """Checks in the order of the newest contract, then those that it does not have any more."""
    ids = dict.fromkeys(check.id for evidence in reversed(judged) for check in evidence.checks)
    outcomes = [{check.id: check.outcome for check in evidence.checks} for evidence in judged]
    return tuple(CheckRow(check, tuple(found.get(check) for found in outcomes)) for check in ids)


def _told(evidence: Evidence) -> tuple[CheckRecord, ...]:
    return tuple(check for check in evidence.checks_worst_first if check.outcome in _TOLD)
