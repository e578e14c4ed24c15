"""The words of evidence for people: names of verdicts, outcomes, steps, differences and queries."""

from typing import assert_never

from acceptance.evidence.evidence import StepStatus
from acceptance.evidence.reports.formatting import count_text
from acceptance.judging.judge import Outcome, Verdict
from acceptance.judging.names import outcome_name, verdict_name
from acceptance.messages.languages import Language
from acceptance.messages.message import Message
from acceptance.proof.differences import DifferenceKind


def named(value: str, number: int = 1) -> str:
    """Return the name of a value of evidence, of so many things; a value that has none stays as it is."""
    if value in set(Verdict):
        return verdict_name(Verdict(value))
    if isinstance(value, StepStatus):
        return _step_status(value)
    if value in set(Outcome):
        return outcome_name(Outcome(value), number)
    return _difference(DifferenceKind(value)) if value in set(DifferenceKind) else _PURPOSES.get(value, value)


def so_many_outcomes(number: int, outcome: Outcome) -> Message:
    """Return how many checks have an outcome."""
    return Message("{number} {outcome}", number=number, outcome=outcome_name(outcome, number))


def so_many_rows(kind: DifferenceKind, number: int, language: Language) -> Message:
    """Return how many rows differ in one way."""
    rows = count_text(number, language)
    match kind:
        case DifferenceKind.CHANGED:
            return Message.counted("{rows} row changed", "{rows} rows changed", number, rows=rows)
        case DifferenceKind.ONLY_LANDED:
            return Message.counted("{rows} row only landed", "{rows} rows only landed", number, rows=rows)
        case DifferenceKind.ONLY_TABLE:
            return Message.counted("{rows} row only in the table", "{rows} rows only in the table", number, rows=rows)
        case DifferenceKind.REPEATED:
            return Message.counted("{rows} row not as often", "{rows} rows not as often", number, rows=rows)
        case _:
            assert_never(kind)


def _step_status(status: StepStatus) -> Message:
    match status:
        case StepStatus.SUCCEEDED:
            return Message("succeeded")
        case StepStatus.FAILED:
            return Message.counted("failed", "failed", 1)
        case StepStatus.SKIPPED:
            return Message.counted("skipped", "skipped", 1)
        case _:
            assert_never(status)


def _difference(kind: DifferenceKind) -> Message:
    match kind:
        case DifferenceKind.CHANGED:
            return Message("changed")
        case DifferenceKind.ONLY_LANDED:
            return Message("only landed")
        case DifferenceKind.ONLY_TABLE:
            return Message("only in the table")
        case DifferenceKind.REPEATED:
            return Message("not as often")
        case _:
            assert_never(kind)


_PURPOSES = {
    "checks": Message("checks"),
    "sample": Message("sample"),
    "differences": Message("differences"),
    "landed": Message("landed files"),
    "snapshot": Message("snapshot"),
}
"""The purposes of queries to Athena."""
LABELS = {
    "Evidence": Message("Evidence"),
    "JUnit": "JUnit",
    "OpenLineage": "OpenLineage",
    "Manifest": Message("Manifest"),
}
"""The names of the files of evidence."""
