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


def outcome_name(outcome: Outcome) -> Message:
    """Return the name of a check's outcome."""
    match outcome:
        case Outcome.PASSED:
            return Message("passed")
        case Outcome.WARNED:
            return Message("warned")
        case Outcome.FAILED:
            return Message("failed")
        case Outcome.ERRORED:
            return Message("errored")
        case Outcome.SKIPPED:
            return Message("skipped")
        case _:
            assert_never(outcome)
