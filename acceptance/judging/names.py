"""The names of verdicts and outcomes for people. In JSON, states and events they are the same in every language."""

from typing import assert_never

from acceptance.judging.judge import Outcome, Verdict
from acceptance.messages.message import Message


def verdict_name(verdict: Verdict) -> Message:
    """Return the name of a delivery's verdict."""
    match verdict:
        case Verdict.ACCEPTED:
            return Message("accepted")
        case Verdict.REJECTED:
            return Message("rejected")
        case Verdict.INCONCLUSIVE:
            return Message("inconclusive")
        case _:
            assert_never(verdict)


def outcome_name(outcome: Outcome, checks: int = 1) -> Message:
    """Return the name of the outcome of so many checks."""
    match outcome:
        case Outcome.PASSED:
            return Message.counted("passed", "passed", checks)
        case Outcome.WARNED:
            return Message.counted("warned", "warned", checks)
        case Outcome.FAILED:
            return Message.counted("failed", "failed", checks)
        case Outcome.ERRORED:
            return Message.counted("errored", "errored", checks)
        case Outcome.SKIPPED:
            return Message.counted("skipped", "skipped", checks)
        case _:
            assert_never(outcome)
