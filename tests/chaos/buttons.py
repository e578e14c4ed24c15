"""Every button that a person has: each route of Prefect's server that writes, on Aceite's own objects.

Some are pressed in several ways. `undone_by` is what a person presses some seconds later, on the same object; `then`
is what the documentation says to do, because what the button took away is gone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import targets as on
from targets import Target

from automations.deployments import VALIDATION_TOGETHER, WATCHER
from automations.restart_the_watcher import NAME as RESTART
from automations.validate import TOGETHER


class Act(Enum):
    """What people do after something is gone for good: docs/operating/when-a-delivery-is-stuck.md."""

    APPLY = "`aceite apply`"
    START_WATCHER = "a watcher that a person cancelled is started by hand"


@dataclass(frozen=True)
class Button:
    route: str
    on: Target = on.nothing
    body: Any = None
    undone_by: tuple[str, Any] | None = None
    then: Act | None = None
    cancels: bool = False
    """Whether `cancelled by a person` is then a right verdict on the deliveries of the run."""
    may_answer: int | None = None
    """A failure that is Prefect's own, and is known."""


NOT_PRESSED: Mapping[str, str] = {}
"""Routes that write and are no button for anybody, each with the reason. There is none in Prefect 3.8.8."""

BY_HAND = "pressed by hand"
OF_THE_TAG = {"names": ["{tag}"], "task_run_id": "{task_run_id}"}
SLOTS = {"names": ["{name}"], "slots": 1, "mode": "concurrency"}
TRIGGER = {"type": "event", "expect": ["never"], "posture": "Reactive", "threshold": 1, "within": 0}
CANCELS = "chaos cancels runs"
CANCELS_RUNS = {
    "name": CANCELS,
    "trigger": TRIGGER
    | {
        "expect": ["prefect.flow-run.Running"],
        "match": {"prefect.resource.name": "copied *"},
        "for_each": ["prefect.resource.id"],
    },
    "actions": [{"type": "cancel-flow-run"}],
}
EDITED = {
    field: f"{{{field}}}"
    for field in ("name", "enabled", "tags", "trigger", "actions", "actions_on_trigger", "actions_on_resolve")
}
CANCEL_NEW = {"concurrency_limit": 1, "concurrency_options": {"collision_strategy": "CANCEL_NEW"}}
ENQUEUE = {"concurrency_limit": 1, "concurrency_options": {"collision_strategy": "ENQUEUE"}}
NO_LIMIT = {"concurrency_limit": None}
THAT_RUN = {"flow_runs": {"id": {"any_": ["{id}"]}}}


def state(type_: str, name: str | None = None) -> dict[str, Any]:
    return {"type": type_, "message": BY_HAND, **({"name": name} if name else {})}


def set_state(type_: str, target: Target, name: str | None = None, **more: Any) -> Button:
    body = {"state": state(type_, name), "force": True}
    return Button("post /flow_runs/{id}/set_state", target, body, cancels=type_.startswith("CANCEL"), **more)


_RUNNING, _QUEUED, _ENDED = on.a_run("RUNNING"), on.a_run("SCHEDULED", "PENDING"), on.a_run(*on.ENDED)

# Not among them is PENDING for a run that waits: it looks as if a worker had it, which may take five minutes to begin.
FLOW_RUNS = (
    Button("post /flow_runs/", on.a_flow, {"flow_id": "{id}", "state": {"type": "RUNNING"}, "tags": ["aceite"]}),
    Button("post /flow_runs/", on.flow("validate-delivery"), {"flow_id": "{id}", "state": {"type": "SCHEDULED"}}),
    Button("patch /flow_runs/{id}", _RUNNING, {"name": "renamed", "tags": []}),
    Button("patch /flow_runs/{id}/labels", _RUNNING, {"a": "b"}),
    Button("post /flow_runs/{id}/input", _RUNNING, {"key": "key", "value": "1"}),
    Button("delete /flow_runs/{id}/input/{key}", on.an_input),
    Button("post /flow_runs/{id}/set_state", _RUNNING, {"state": {"type": "CANCELLING"}}, cancels=True),
    set_state("CANCELLING", _QUEUED),
    set_state("CANCELLED", _RUNNING),
    set_state("CANCELLED", _QUEUED),
    *(set_state(type_, _RUNNING) for type_ in ("PENDING", "RUNNING", "FAILED", "CRASHED", "COMPLETED")),
    *(set_state(type_, _QUEUED) for type_ in ("RUNNING", "FAILED", "CRASHED", "COMPLETED")),
    *(set_state(type_, on.a_watcher) for type_ in ("FAILED", "CRASHED", "COMPLETED")),
    set_state("CANCELLING", on.a_watcher, then=Act.START_WATCHER),
    Button("post /flow_runs/{id}/set_state", _RUNNING, {"state": state("PAUSED", "Suspended"), "force": True}),
    Button("post /flow_runs/{id}/resume", on.a_run("PAUSED", "RUNNING"), {}),
    set_state("SCHEDULED", _ENDED, "AwaitingRetry"),
    set_state("SCHEDULED", _RUNNING, "AwaitingRetry"),
    set_state("SCHEDULED", on.a_run("FAILED", "CRASHED", "CANCELLED"), "AwaitingRetry"),
    Button("post /flow_runs/bulk_set_state", _RUNNING, THAT_RUN | {"state": state("CANCELLING")}, cancels=True),
    Button("post /flow_runs/bulk_set_state", _QUEUED, THAT_RUN | {"state": state("CRASHED"), "force": True}),
    Button("delete /flow_runs/{id}", _RUNNING),
    Button("delete /flow_runs/{id}", _QUEUED),
    Button("delete /flow_runs/{id}", _ENDED),
    Button("delete /flow_runs/{id}", on.a_watcher),
    Button("post /flow_runs/bulk_delete", _RUNNING, THAT_RUN),
    Button("post /flow_runs/bulk_delete", _QUEUED, THAT_RUN),
)

TASK_RUNS = (
    Button("post /task_runs/", _RUNNING, {"flow_run_id": "{id}", "task_key": "task", "dynamic_key": "{new}"}),
    Button("patch /task_runs/{id}", on.a_task_run, {"name": "renamed"}),
    *(
        Button("post /task_runs/{id}/set_state", on.a_task_run, {"state": state(type_), "force": True})
        for type_ in ("PAUSED", "CANCELLED", "FAILED", "COMPLETED", "SCHEDULED")
    ),
    Button("delete /task_runs/{id}", on.a_task_run),
)

FLOWS_AND_DEPLOYMENTS = (
    Button("post /flows/", body={"name": "{name}"}),
    Button("patch /flows/{id}", on.a_flow, {"tags": ["pressed"]}),
    Button("delete /flows/{id}", on.flow("validate-delivery"), then=Act.APPLY),
    Button("delete /flows/{id}", on.flow("watch-landing"), then=Act.APPLY),
    Button("post /flows/bulk_delete", body={"flows": {"name": {"any_": ["validate-deliveries"]}}}, then=Act.APPLY),
    Button(
        "post /deployments/",
        on.a_flow_and_a_pool,
        {"name": "{name}", "flow_id": "{flow_id}", "work_pool_name": "{pool}"},
    ),
    Button("patch /deployments/{id}", on.a_deployment, {"description": BY_HAND, "tags": ["pressed"]}, then=Act.APPLY),
    Button("patch /deployments/{id}", on.a_deployment, CANCEL_NEW, ("patch /deployments/{id}", NO_LIMIT)),
    Button("patch /deployments/{id}", on.a_deployment, ENQUEUE, ("patch /deployments/{id}", NO_LIMIT)),
    Button("delete /deployments/{id}", on.a_deployment, then=Act.APPLY),
    Button("delete /deployments/{id}", on.the_watchers_deployment, then=Act.APPLY),
    Button(
        "post /deployments/bulk_delete",
        body={"deployments": {"name": {"any_": [VALIDATION_TOGETHER, WATCHER]}}},
        then=Act.APPLY,
    ),
    Button(
        "post /deployments/{id}/pause_deployment",
        on.a_validations_deployment,
        undone_by=("post /deployments/{id}/resume_deployment", None),
    ),
    Button(
        "post /deployments/{id}/pause_deployment",
        on.the_watchers_deployment,
        undone_by=("post /deployments/{id}/resume_deployment", None),
    ),
    Button("post /deployments/{id}/resume_deployment", on.a_deployment),
    Button("post /deployments/{id}/create_flow_run", on.the_watchers_deployment, {}),
    Button("post /deployments/{id}/create_flow_run", on.a_validations_deployment, {}),
    Button("post /deployments/{id}/create_flow_run", on.a_verdict_s_run, {"parameters": "{parameters}"}),
    Button("post /deployments/{id}/create_flow_run/bulk", on.a_verdict_s_run, [{"parameters": "{parameters}"}, {}]),
    Button("post /deployments/{id}/schedule", on.a_deployment, {}),
    Button("post /deployments/get_scheduled_flow_runs", on.a_deployment, {"deployment_ids": ["{id}"]}),
    Button(
        "post /deployments/{id}/schedules",
        on.a_validations_deployment,
        [{"schedule": {"interval": 3600}, "active": True}],
    ),
    Button("patch /deployments/{id}/schedules/{schedule_id}", on.a_schedule, {"active": False}),
    Button("delete /deployments/{id}/schedules/{schedule_id}", on.a_schedule),
)

_POOL, _QUEUE = "patch /work_pools/{name}", "patch /work_pools/{work_pool_name}/queues/{name}"

WORK_POOLS = (
    Button("post /work_pools/", body={"name": "{name}", "type": "process"}),
    Button(_POOL, on.the_pool, {"is_paused": True}, (_POOL, {"is_paused": False})),
    Button(_POOL, on.the_pool, {"concurrency_limit": 0}, (_POOL, NO_LIMIT)),
    Button(_POOL, on.the_pool, {"description": BY_HAND, "concurrency_limit": 1}, (_POOL, NO_LIMIT)),
    Button("post /work_pools/{name}/concurrency_status", on.the_pool, {}),
    Button("post /work_pools/{name}/get_scheduled_flow_runs", on.the_pool, {}),
    Button("delete /work_pools/{name}", on.the_pool, then=Act.APPLY),
    Button("post /work_pools/{work_pool_name}/queues", on.the_pool, {"name": "{new}"}),
    Button(_QUEUE, on.the_queue, {"is_paused": True}, (_QUEUE, {"is_paused": False})),
    Button(_QUEUE, on.the_queue, {"concurrency_limit": 0}, (_QUEUE, NO_LIMIT)),
    Button("delete /work_pools/{work_pool_name}/queues/{name}", on.a_new_queue),
    Button("delete /work_pools/{work_pool_name}/queues/{name}", on.the_default_queue, may_answer=500),
    Button("post /work_pools/{work_pool_name}/workers/heartbeat", on.the_pool, {"name": "a worker that is none"}),
    Button("delete /work_pools/{work_pool_name}/workers/{name}", on.the_worker),
    Button("post /work_queues/", body={"name": "{name}"}),
    Button(
        "patch /work_queues/{id}",
        on.the_queue,
        {"is_paused": True},
        undone_by=("patch /work_queues/{id}", {"is_paused": False}),
    ),
    Button("delete /work_queues/{id}", on.a_work_queue),
    Button("post /work_queues/{id}/concurrency_status", on.the_queue, {}),
    Button("post /work_queues/{id}/get_runs", on.the_queue, {}),
)

_SWITCH_OFF = {"enabled": False}
_SWITCH_ON = ("patch /automations/{id}", {"enabled": True})

AUTOMATIONS = (
    Button("post /automations/", body={"name": "{name}", "trigger": TRIGGER, "actions": [{"type": "do-nothing"}]}),
    Button("post /automations/", on.nothing, CANCELS_RUNS, undone_by=("delete /automations/{made}", None)),
    Button("put /automations/{id}", on.an_automation_as_it_is, EDITED | {"description": BY_HAND}, then=Act.APPLY),
    Button("put /automations/{id}", on.an_automation_as_it_is, EDITED | {"actions": []}, then=Act.APPLY),
    Button("patch /automations/{id}", on.automation("Aceite: validate kept"), _SWITCH_OFF, _SWITCH_ON),
    Button("patch /automations/{id}", on.automation(TOGETHER), _SWITCH_OFF, _SWITCH_ON),
    Button("patch /automations/{id}", on.automation(RESTART), _SWITCH_OFF, _SWITCH_ON),
    Button("delete /automations/{id}", on.automation("Aceite: validate copied"), then=Act.APPLY),
    Button("delete /automations/{id}", on.automation(RESTART), then=Act.APPLY),
    Button("delete /automations/{id}", on.an_automation, then=Act.APPLY),
    Button("delete /automations/owned-by/{resource_id}"),
    Button("post /events", on.nothing, [on.EVENT | {"id": "{new}", "occurred": "{now}"}]),
    Button("post /events", on.an_announcement, ["{event}"]),
)

_MERGED = {"data": {"region_name": "us-east-1"}, "merge_existing_data": True}

BLOCKS = (
    Button("post /block_types/install_system_block_types"),
    Button("post /block_types/", body={"name": "{name}", "slug": "{name}"}),
    Button("patch /block_types/{id}", on.a_blocks_type, {"description": BY_HAND}),
    Button("delete /block_types/{id}", on.a_blocks_type, then=Act.APPLY),
    Button("post /block_schemas/", on.a_block_type, on.BLOCK_SCHEMA | {"block_type_id": "{id}"}),
    Button("delete /block_schemas/{id}", on.a_blocks_schema, then=Act.APPLY),
    Button(
        "post /block_documents/",
        on.a_block,
        {"name": "{new}", "data": {}, "block_type_id": "{block_type_id}", "block_schema_id": "{block_schema_id}"},
    ),
    Button("patch /block_documents/{id}", on.block("aceite-aws"), _MERGED),
    Button("delete /block_documents/{id}", on.a_block, then=Act.APPLY),
    Button("put /admin/storage", on.block("aceite-evidence"), {"default_result_storage_block_id": "{id}"}),
    Button("delete /admin/storage"),
)

LIMITS = (
    Button("post /concurrency_limits/", body={"tag": "{tag}", "concurrency_limit": 1}),
    Button("post /concurrency_limits/increment", on.a_tag_limit_and_a_task_run, OF_THE_TAG),
    Button("post /concurrency_limits/decrement", on.a_tag_limit_and_a_task_run, OF_THE_TAG),
    Button("post /concurrency_limits/tag/{tag}/reset", on.a_tag_limit, {}),
    Button("delete /concurrency_limits/tag/{tag}", on.a_tag_limit),
    Button("delete /concurrency_limits/{id}", on.a_tag_limit),
    Button("post /v2/concurrency_limits/", body={"name": "{name}", "limit": 1}),
    Button("patch /v2/concurrency_limits/{id_or_name}", on.a_limit, {"limit": 3}),
    Button("post /v2/concurrency_limits/increment", on.a_limit, SLOTS),
    Button("post /v2/concurrency_limits/decrement", on.a_limit, SLOTS),
    Button("post /v2/concurrency_limits/increment-with-lease", on.a_limit, SLOTS),
    Button("post /v2/concurrency_limits/leases/{lease_id}/renew", on.a_lease, {}),
    Button("post /v2/concurrency_limits/decrement-with-lease", on.a_lease, {"lease_id": "{lease_id}"}),
    Button("delete /v2/concurrency_limits/{id_or_name}", on.a_limit),
)

OTHERS = (
    Button("post /variables/", body={"name": "{name}", "value": 1}),
    Button("patch /variables/{id}", on.a_variable, {"value": 2}),
    Button("patch /variables/name/{name}", on.a_variable, {"value": 2}),
    Button("delete /variables/{id}", on.a_variable),
    Button("delete /variables/name/{name}", on.a_variable),
    Button("post /logs/", on.nothing, [{"name": "log", "level": 20, "message": BY_HAND, "timestamp": "{now}"}]),
    Button("post /artifacts/", body={"key": "{name}", "type": "markdown", "data": "a"}),
    Button("patch /artifacts/{id}", on.an_artifact, {"data": "b"}),
    Button("delete /artifacts/{id}", on.an_artifact),
    Button("put /saved_searches/", body={"name": "{name}", "filters": []}),
    Button("delete /saved_searches/{id}", on.a_search),
)

BUTTONS = (
    *FLOW_RUNS,
    *TASK_RUNS,
    *FLOWS_AND_DEPLOYMENTS,
    *WORK_POOLS,
    *AUTOMATIONS,
    *BLOCKS,
    *LIMITS,
    *OTHERS,
)
