"""What kept a delivery from being judged is named in words that are the same for every delivery that meets it."""

import pytest
from builders import a_delivery

from acceptance.announcing.verdict_events import FAILURE, failure_of, judged
from acceptance.contract.checks import Check, Metric, Operator, Threshold
from acceptance.evidence.evidence import StepRecord, StepStatus
from acceptance.judging.judge import CheckResult, Judgement, Outcome, Verdict

NOTHING = Judgement(Verdict.INCONCLUSIVE, "stopped", ())
DELIVERY = a_delivery("in/a.csv")


def steps(*names: str, failed: str) -> tuple[StepRecord, ...]:
    done = [StepRecord(name=name, status=StepStatus.SUCCEEDED) for name in names]
    return (*done, StepRecord(name=failed, status=StepStatus.FAILED))


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("invoke lambdastart", "invoke lambdastart"),
        ("invoke lambdastart (orders_1.csv)", "invoke lambdastart"),
        ("await s3://stage/in/20260102/a b.csv", "await s3://stage/"),
        ("override /stage/orders/_test", "override /stage/orders/ˍtest"),
    ],
)
def test_a_failed_step_is_named_without_what_only_one_delivery_has(step, kind):
    assert failure_of(f"{step}: AccessDenied", steps("claim", failed=step), NOTHING) == kind


def test_a_step_that_failed_and_stopped_nothing_is_not_what_failed():
    seen = (*steps(failed="look at /p during the run"), *steps(failed="invoke f"))
    assert failure_of("invoke f: throttled", seen, NOTHING) == "invoke f"


def test_what_a_person_cancelled_did_not_fail():
    assert failure_of("cancelled by a person", steps(failed="invoke f"), NOTHING) == ""


def test_what_was_not_foreseen_is_named_by_its_type():
    stopped = "Aceite failed unexpectedly, KeyError: 'x'"
    assert failure_of(stopped, (), NOTHING) == "Aceite failed unexpectedly, KeyError"


def test_a_check_without_an_answer_is_named():
    check = Check("newest", Metric.SQL, Threshold(Operator.MUST_BE, (0,)))
    judgement = Judgement(Verdict.INCONCLUSIVE, "newest: ...", (CheckResult(check, Outcome.ERRORED, "0", "no answer"),))
    assert failure_of("", (), judgement) == "check newest"


def test_only_an_inconclusive_delivery_has_the_label_that_the_circuit_breaker_counts():
    for verdict in Verdict:
        event = judged(DELIVERY, Judgement(verdict, "why", ()), "s3://evidence/d/", None, "invoke f")
        assert (FAILURE in event.resource) == (verdict is Verdict.INCONCLUSIVE)
