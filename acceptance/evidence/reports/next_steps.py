"""The next steps of a person after a verdict, as far as the evidence tells whose turn it is."""

from collections.abc import Iterator
from dataclasses import dataclass

from acceptance.contract.checks import Metric
from acceptance.evidence.evidence import Evidence, StepStatus
from acceptance.judging.judge import Outcome, Verdict
from acceptance.messages.message import Message

_OF_THE_TABLE = (Metric.PARTITION_EXISTS, Metric.COLUMNS_MATCH, Metric.LATENCY)


@dataclass(frozen=True, slots=True)
class NextStep:
    """Something to do, in whole sentences. `command` is one that then helps, "" if none does."""

    text: str
    command: str = ""


def next_steps(evidence: Evidence) -> tuple[NextStep, ...]:
    """Return what to do, in order; nothing if all holds."""
    match evidence.verdict:
        case Verdict.ACCEPTED:
            return tuple(_accepted(evidence))
        case Verdict.REJECTED:
            return tuple(_rejected(evidence))
        case Verdict.INCONCLUSIVE:
            return tuple(_inconclusive(evidence))


def _accepted(evidence: Evidence) -> Iterator[NextStep]:
    if any(check.outcome is Outcome.WARNED for check in evidence.checks):
        yield NextStep(
            Message("The delivery can be used. Look at the checks that warned: a later delivery may fail them.")
        )


def _rejected(evidence: Evidence) -> Iterator[NextStep]:
    failed = {check.metric for check in evidence.checks if check.outcome is Outcome.FAILED}
    again = _again(evidence)
    if Metric.LANDED_READABLE in failed:
        yield NextStep(
            Message(
                "The file is not as the contract describes it. Ask its sender for a corrected file that lands under "
                "the same key: it is judged by itself, as the next revision."
            )
        )
        yield NextStep(Message("If the file is right, mend the contract, and have the delivery judged again:"), again)
    elif evidence.rows_agree is False or evidence.cells_agree is False:
        yield NextStep(
            Message(
                "The table does not hold what landed: the pipeline lost, added or changed something. Mend the "
                "pipeline, and have the delivery judged again:"
            ),
            again,
        )
    elif failed.intersection(_OF_THE_TABLE):
        yield NextStep(
            Message(
                "The table is not as the contract promises it. Look at the steps below, mend the pipeline, the table "
                "or the contract, and have the delivery judged again:"
            ),
            again,
        )
    elif evidence.cells_agree:
        yield NextStep(
            Message(
                "The table holds exactly what landed, so the data itself breaks the contract. Ask its sender for a "
                "corrected file that lands under the same key: it is judged by itself, as the next revision."
            )
        )
        yield NextStep(Message("If the data is right, mend the contract, and have the delivery judged again:"), again)
    else:
        yield NextStep(
            Message("Mend the file, the pipeline or the contract, and have the delivery judged again:"), again
        )


def _inconclusive(evidence: Evidence) -> Iterator[NextStep]:
    again = _again(evidence)
    if any(step.status is StepStatus.FAILED for step in evidence.steps):
        yield NextStep(
            Message(
                "Nothing is known to be wrong with the data: a step failed. Its own words are below, under “Steps”. "
                "Mend its cause, and have the delivery judged again:"
            ),
            again,
        )
    elif any(check.outcome is Outcome.ERRORED for check in evidence.checks):
        yield NextStep(
            Message(
                "No check failed, but some could not be measured. Each says why, under “Checks”. Mend the cause, and "
                "have the delivery judged again:"
            ),
            again,
        )
    else:
        yield NextStep(Message("Once the cause is gone, have the delivery judged again:"), again)
    if any(not parameter.restored for parameter in evidence.parameters):
        yield NextStep(
            Message(
                "A parameter in SSM was not restored by this run. The watcher and the next run restore it; this tells "
                "whether they did:"
            ),
            "aceite doctor",
        )


def _again(evidence: Evidence) -> str:
    return f"aceite validate {evidence.delivery.id} --again"
