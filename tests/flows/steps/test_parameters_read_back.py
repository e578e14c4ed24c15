"""The evidence tells of a parameter what SSM answered, not what the run meant to do."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import boto3
import pytest

from acceptance.contract.contract import Override
from aws.parameters.overrides import Overridden, override_parameter, restore_parameter
from flows.steps.parameters import ParameterLooks, look, record_of
from sandbox.server import REGION, LocalAws


@pytest.fixture(scope="module")
def ssm() -> Iterator[Any]:
    with LocalAws() as aws:
        yield boto3.Session("test", "test", region_name=REGION).client("ssm", endpoint_url=aws.endpoint)


_NAMES = (f"/stage/movies/_test{number}" for number in count())


@pytest.fixture
def name() -> str:
    return next(_NAMES)


def record(overridden: Overridden, looks: ParameterLooks) -> Any:
    return record_of(Override(overridden.name, "/stage/movies", {}), ("key",), overridden, looks)


def test_a_parameter_that_there_was_before_is_told_before_during_and_after_without_a_value(ssm: Any, name: str) -> None:
    ssm.put_parameter(Name=name, Value="secret before", Type="String")
    overridden = override_parameter(ssm, name, "secret during", "run 1")
    looks = ParameterLooks(during=look(ssm, overridden))
    restore_parameter(ssm, overridden)
    looks.after = look(ssm, overridden)
    told = record(overridden, looks)
    assert [state.version for state in (told.before, told.during, told.after)] == [1, 2, 3]
    assert (told.existed_before, told.restored) == (True, True)
    assert "secret" not in told.model_dump_json()


def test_a_parameter_that_there_was_not_is_gone_afterwards(ssm: Any, name: str) -> None:
    overridden = override_parameter(ssm, name, "{}", "run 1")
    looks = ParameterLooks(during=look(ssm, overridden))
    restore_parameter(ssm, overridden)
    looks.after = look(ssm, overridden)
    told = record(overridden, looks)
    assert (told.before, told.after, told.restored) == (None, None, True)
    assert told.during is not None


@pytest.mark.parametrize("existed", [True, False])
def test_a_parameter_that_somebody_changed_meanwhile_is_not_called_restored(ssm: Any, name: str, existed: bool) -> None:
    if existed:
        ssm.put_parameter(Name=name, Value="before", Type="String")
    overridden = override_parameter(ssm, name, "{}", "run 1")
    restore_parameter(ssm, overridden)
    ssm.put_parameter(Name=name, Value="somebody's", Type="String", Overwrite=True)
    assert not record(overridden, ParameterLooks(after=look(ssm, overridden))).restored
    if existed:
        ssm.delete_parameter(Name=name)
        assert not record(overridden, ParameterLooks(after=look(ssm, overridden))).restored


def test_a_parameter_that_could_not_be_looked_at_is_not_called_restored(ssm: Any, name: str) -> None:
    overridden = override_parameter(ssm, name, "{}", "run 1")
    assert not record(overridden, ParameterLooks()).restored
