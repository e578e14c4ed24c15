"""The tasks that change a parameter for a while, restore it, and read it back: what SSM says is not assumed.

No value leaves SSM for the evidence.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from prefect import get_run_logger, task
from prefect.runtime import flow_run

from acceptance.contract.contract import Override
from acceptance.deliveries.delivery import Delivery
from acceptance.evidence.provenance import ParameterRecord, ParameterState
from aws.parameters.overrides import Overridden, UndoResult
from aws.parameters.versions import Parameter, read_parameter
from flows.installation.clients import load_clients
from flows.locks.holder import this_holder
from flows.locks.overrides import Overrides
from flows.steps.retries import REPEATABLE
from flows.steps.timeline import StepResult


@dataclass(frozen=True, slots=True)
class ParameterLook:
    """One reading. `as_before`: value and type are those that the run found, or there is none, as before the run."""

    state: ParameterState | None
    as_before: bool


@dataclass
class ParameterLooks:
    """The readings of one parameter; None where it was not read, or could not be."""

    during: ParameterLook | None = None
    after: ParameterLook | None = None


@task(name="override parameter", **REPEATABLE)
def override_parameter(
    delivery: Delivery, parameter: str, copy_of: str | None, changes: Mapping[str, Any], within: timedelta
) -> StepResult:
    """Lock the parameter in the evidence bucket, so that another run can restore it, then change it for `within`."""
    overrides = _overrides()
    overridden = overrides.override(overrides.lock(delivery, parameter, copy_of, within), changes)
    detail = f"copy of {copy_of}, {', '.join(changes)} set" if copy_of else f"{', '.join(changes)} set"
    return StepResult(overridden, detail="; ".join((*overrides.told, detail)))


@task(name="restore parameter", **REPEATABLE)
def restore(overridden: Overridden) -> StepResult:
    if restore_now(overridden) is UndoResult.CHANGED_SINCE:
        return StepResult(detail=UndoResult.CHANGED_SINCE.value)
    return StepResult(detail="as before" if overridden.earlier is not None else "deleted, as there was none before")


def restore_now(overridden: Overridden) -> UndoResult:
    """Restore without a task, for a run that Prefect lets run no more tasks."""
    return _overrides().give_back(overridden)


def _overrides() -> Overrides:
    return Overrides(load_clients(), this_holder(flow_run.id), get_run_logger())


def record_of(
    override: Override, keys_set: Iterable[str], overridden: Overridden, looks: ParameterLooks
) -> ParameterRecord:
    return ParameterRecord(
        name=override.parameter,
        copy_of=override.copy_of,
        keys_set=tuple(keys_set),
        existed_before=overridden.earlier is not None,
        restored=looks.after is not None and looks.after.as_before,
        before=_state(overridden.earlier),
        during=looks.during.state if looks.during else None,
        after=looks.after.state if looks.after else None,
    )


def look(client: Any, overridden: Overridden) -> ParameterLook:
    now, before = read_parameter(client, overridden.name), overridden.earlier
    as_before = (now.value, now.type) == (before.value, before.type) if now and before else now is before
    return ParameterLook(_state(now), as_before)


@task(name="look at parameter", **REPEATABLE)
def look_at_parameter(overridden: Overridden) -> StepResult:
    seen = look(load_clients().of("ssm"), overridden)
    return StepResult(seen, detail=f"version {seen.state.version}" if seen.state else "there is none")


def _state(parameter: Parameter | None) -> ParameterState | None:
    if parameter is None:
        return None
    return ParameterState(version=parameter.version, type=parameter.type, last_modified=parameter.last_modified)
