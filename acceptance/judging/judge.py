"""Measurements become a verdict. A check passes only with a measurement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from acceptance.contract.checks import Check, Metric, Number, Severity, exact, in_unit, threshold_in_unit
from acceptance.messages.message import Message, Numeral, shown_message


class Outcome(StrEnum):
    """The outcome of one check. ERRORED: it could not be measured. SKIPPED: another failure makes it meaningless."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    ERRORED = "errored"
    SKIPPED = "skipped"


class Verdict(StrEnum):
    """The verdict on a delivery. INCONCLUSIVE: Aceite could not judge it."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict that a delivery has already, with its reason in one line."""

    verdict: Verdict
    reason: str
    judged_at: datetime
    evidence_uri: str
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Measurement:
    """The observation for one check, or why there is none.

    `value` is the metric's count in the check's unit. `observed` is the text for people when the number alone says too
    little. `query_id` is Athena's, where Athena measured. `skipped` and `error` are reasons; at most one is set, and
    then there is no value.
    """

    value: Number | None = None
    observed: str = ""
    query_id: str | None = None
    skipped: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check, what it expected, what was observed, and what that means."""

    check: Check
    outcome: Outcome
    expected: str
    observed: str
    query_id: str | None = None

    def __post_init__(self) -> None:
        for name in ("expected", "observed"):
            object.__setattr__(self, name, shown_message(getattr(self, name)))


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, its one-line reason, and the results in the contract's order."""

    verdict: Verdict
    reason: str
    results: tuple[CheckResult, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", shown_message(self.reason))


def judge_check(check: Check, measurement: Measurement | None) -> CheckResult:
    """Judge one check. Without a measurement that has a value it never passes."""
    expected = expectation(check)
    if measurement is None:
        return CheckResult(check, Outcome.ERRORED, expected, Message("not measured"))
    if measurement.error:
        return CheckResult(check, Outcome.ERRORED, expected, measurement.error, measurement.query_id)
    if measurement.skipped:
        return CheckResult(check, Outcome.SKIPPED, expected, measurement.skipped, measurement.query_id)
    if measurement.value is None:
        observed = Message("the query answered NULL")
        return CheckResult(check, Outcome.ERRORED, expected, observed, measurement.query_id)
    outcome = Outcome.PASSED if check.threshold.holds(measurement.value) else _MISSED[check.severity]
    text = measurement.observed or measured_text(check, measurement.value)
    return CheckResult(check, outcome, expected, text, measurement.query_id)


_MISSED = {Severity.ERROR: Outcome.FAILED, Severity.WARNING: Outcome.WARNED, Severity.INFO: Outcome.WARNED}


def judge(results: Sequence[CheckResult], stopped_by: str = "") -> Judgement:
    """Reach the verdict on a delivery.

    Any failed check rejects: what is known to be wrong is not made uncertain by what else could not be measured.
    Otherwise `stopped_by` (the step that failed, and why) or a check that could not be measured makes it inconclusive,
    as does having measured nothing at all.
    """
    results = tuple(results)
    failed = _with(results, Outcome.FAILED)
    errored = _with(results, Outcome.ERRORED)
    measured = _with(results, Outcome.PASSED, Outcome.WARNED)
    if failed:
        return Judgement(Verdict.REJECTED, _reason(failed), results)
    if stopped_by:
        return Judgement(Verdict.INCONCLUSIVE, stopped_by, results)
    if errored:
        return Judgement(Verdict.INCONCLUSIVE, _reason(errored), results)
    if not measured:
        return Judgement(Verdict.INCONCLUSIVE, Message("nothing was measured"), results)
    warned = _with(results, Outcome.WARNED)
    holding = len(measured) - len(warned)
    reason: str = Message.counted("{count} check holds", "{count} checks hold", holding)
    if warned:
        reason = Message("{held}, {number} warned: {first}", held=reason, number=len(warned), first=_one(warned[0]))
    return Judgement(Verdict.ACCEPTED, reason, results)


def _with(results: Iterable[CheckResult], *outcomes: Outcome) -> tuple[CheckResult, ...]:
    return tuple(result for result in results if result.outcome in outcomes)


def _reason(results: Sequence[CheckResult]) -> str:
    first = _one(results[0])
    return Message("{first} (and {more} more)", first=first, more=len(results) - 1) if len(results) > 1 else first


def _one(result: CheckResult) -> Message:
    return Message(
        "{check}: expected {expected}, observed {observed}",
        check=result.check.id,
        expected=result.expected,
        observed=result.observed,
    )


def so_many(verdict: Verdict, number: int) -> Message:
    """Return how many deliveries have a verdict."""
    match verdict:
        case Verdict.ACCEPTED:
            return Message.counted("{count} accepted", "{count} accepted", number)
        case Verdict.REJECTED:
            return Message.counted("{count} rejected", "{count} rejected", number)
        case Verdict.INCONCLUSIVE:
            return Message.counted("{count} inconclusive", "{count} inconclusive", number)
        case _:
            assert_never(verdict)


def expectation(check: Check) -> str:
    """Describe what the check expects, for people: "0 rows", ">= 1 row", "< 5 percent"."""
    return check.expects or threshold_in_unit(check, check.threshold)


def measured_text(check: Check, value: Number) -> str:
    """Write the value for people, in the check's unit. The number that SQL answers is written with all its digits."""
    if check.metric is Metric.SQL:
        return Message("{number}", number=Numeral(value))
    written = Numeral(_with_digits_that_matter(check, value) if isinstance(value, float) else value)
    return in_unit(check, written, value)


def _with_digits_that_matter(check: Check, value: float) -> str:
    """Write six digits, or as many as tell the value from the bounds of the threshold."""
    texts = (f"{value:.{digits}g}" for digits in range(6, 17))
    return next((text for text in texts if _side(check, float(text)) == _side(check, value)), repr(value))


def _side(check: Check, value: float) -> tuple[bool, bool]:
    return check.threshold.holds(value), exact(value) in map(exact, check.threshold.bounds)
