"""What becomes of a delivery when something fails that nobody foresaw."""

from dataclasses import replace

import httpx
import pytest
from builders import a_delivery
from prefect.logging import disable_run_logger
from watched_bucket import orders

from acceptance.contract.contract import Column
from acceptance.judging.judge import Verdict
from flows.evidence.chain import Chain
from flows.judging.delivery_run import DeliveryRun
from flows.steps.timeline import Timeline


def case_that_meets(trouble: Exception) -> DeliveryRun:
    def run(*_: object, **__: object) -> object:
        raise trouble

    delivery = a_delivery("in/20260102/a")
    return DeliveryRun(orders(), delivery, None, Chain(None, "evidence", "orders"), Timeline(run))


def test_a_defect_of_ours_makes_the_delivery_inconclusive_and_is_told() -> None:
    case = case_that_meets(KeyError("ours"))
    with disable_run_logger():
        case.prepare()
        case.measure()
    assert case.judgement.verdict is Verdict.INCONCLUSIVE
    assert case.judgement.reason == "Aceite failed unexpectedly, KeyError: 'ours'"


def test_while_prefect_s_server_cannot_be_reached_there_is_no_verdict() -> None:
    case = case_that_meets(httpx.ConnectError("refused"))
    with pytest.raises(httpx.ConnectError):
        case.prepare()


def test_a_key_that_makes_no_number_of_a_partition_of_numbers_is_told_before_anything_runs() -> None:
    case = case_that_meets(AssertionError("a step was performed"))
    number = Column("part", "int", "part", partition=True)
    case.contract = replace(case.contract, columns=(*case.contract.columns, number), partition={"part": "{file}"})
    with disable_run_logger():
        case.prepare()
    assert case.judgement.verdict is Verdict.REJECTED, "whoever sends files chooses their keys"
    assert "the partition column part is int, and '{file}' makes 'a' of in/20260102/a" in case.judgement.reason
