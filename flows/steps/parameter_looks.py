"""What SSM says of a parameter while a run changes it: read back, not assumed. Values stay where they are."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from prefect import task

from acceptance.contract.contract import Override
from acceptance.evidence.parameters import ParameterRecord, ParameterState
from aws import parameters as ssm
from flows.installation.clients import load_clients
from flows.steps.tasks import REPEATABLE
from flows.steps.timeline import Done


@dataclass(frozen=True, slots=True)
class Seen:
    """`as_before`: the parameter has the value and type that the run found, or is gone if the run found none."""

    state: ParameterState | None
    as_before: bool


@dataclass
class Looks:
    """What was seen of one parameter; None when it was not looked at, or could not be."""

    during: Seen | None = None
    after: Seen | None = None


def record_of(override: Override, keys_set: Iterable[str], overridden: ssm.Overridden, looks: Looks) -> ParameterRecord:
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


def look(client: Any, overridden: ssm.Overridden) -> Seen:
    now, before = ssm.read_parameter(client, overridden.name), overridden.earlier
    as_before = (now.value, now.type) == (before.value, before.type) if now and before else now is before
    return Seen(_state(now), as_before)


@task(name="look at parameter", **REPEATABLE)
def look_at_parameter(overridden: ssm.Overridden) -> Done:
    seen = look(load_clients().of("ssm"), overridden)
    return Done(seen, detail=f"version {seen.state.version}" if seen.state else "there is none")


def _state(parameter: ssm.Parameter | None) -> ParameterState | None:
    if parameter is None:
        return None
    return ParameterState(version=parameter.version, type=parameter.type, last_modified=parameter.last_modified)
