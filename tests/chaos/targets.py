"""On what a button is pressed: on Aceite's own objects wherever it has some, else on one that is made for it.

Each target is a function that looks at Prefect's page. None means that there is no such object at the moment.
"""

from collections.abc import Callable
from typing import Any

from prefect_page import Found, PrefectPage

from automations.deployments import VALIDATION, VALIDATION_TOGETHER, WARM_POOL, WATCHER

Target = Callable[[PrefectPage], Found | None]

VALIDATIONS = ("validate-delivery", "validate-deliveries")
FLOWS = (*VALIDATIONS, "watch-landing")
BEGUN = ("PENDING", "RUNNING", "CANCELLING", "PAUSED")
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
EVENT = {"event": "pressed", "resource": {"prefect.resource.id": "button"}}
BLOCK_SCHEMA = {"fields": {"title": "one", "type": "object", "properties": {}}, "capabilities": []}


def nothing(page: PrefectPage) -> Found:
    name = page.some_name("pressed")
    return {"name": name, "tag": name, "resource_id": name}


def _by_id(row: dict[str, Any] | None) -> Found | None:
    return row and {"id": row["id"], "name": row.get("name", "")}


def a_flow(page: PrefectPage) -> Found | None:
    return _by_id(page.any_of(page.rows("flows", flows={"name": {"any_": list(FLOWS)}})))


def flow(name: str) -> Target:
    return lambda page: _by_id(page.any_of(page.rows("flows", flows={"name": {"any_": [name]}})))


def a_deployment(page: PrefectPage) -> Found | None:
    return deployment(page.chance.choice((WATCHER, VALIDATION, VALIDATION_TOGETHER)))(page)


def deployment(name: str) -> Target:
    return lambda page: _by_id(page.any_of(page.rows("deployments", deployments={"name": {"any_": [name]}})))


the_watchers_deployment, a_validations_deployment = deployment(WATCHER), deployment(VALIDATION)


def _runs(page: PrefectPage, flows: tuple[str, ...], states: tuple[str, ...]) -> list[dict[str, Any]]:
    """Those of deployments: a run that a person made without one is nobody's work."""
    of = {"name": {"any_": list(flows)}}
    wanted = {"state": {"type": {"any_": list(states)}}, "deployment_id": {"is_null_": False}}
    return page.rows("flow_runs", flows=of, flow_runs=wanted, limit=50, sort="START_TIME_DESC")


def a_run(*states: str) -> Target:
    """A validation in one of these states."""
    return lambda page: _by_id(page.any_of(_runs(page, VALIDATIONS, states)))


def a_watcher(page: PrefectPage) -> Found | None:
    """The one that runs; the last one, if somebody set its state by hand while it went on."""
    flow = ("watch-landing",)
    runs = _runs(page, flow, ("RUNNING",)) or _runs(page, flow, ENDED)[:1]
    return _by_id(page.any_of(runs))


def a_task_run(page: PrefectPage) -> Found | None:
    """A step of a validation, of one that goes on if the page has its steps already."""
    for states in (BEGUN, ENDED):
        runs = [run["id"] for run in _runs(page, VALIDATIONS, states)]
        if runs and (steps := page.rows("task_runs", flow_runs={"id": {"any_": runs}})):
            return _by_id(page.any_of(steps))
    return None


def a_verdict_s_run(page: PrefectPage) -> Found | None:
    """A run that judged one delivery: who starts it once more makes a second run of that."""
    judged = [run for run in _runs(page, VALIDATIONS, ENDED) if run["state_name"] in ("Accepted", "Inconclusive")]
    run = page.any_of([run for run in judged if "delivery" in run["parameters"]])
    made_by = run and a_validations_deployment(page)
    return {**made_by, "parameters": run["parameters"]} if run and made_by else None


def an_artifact(page: PrefectPage) -> Found | None:
    return _by_id(page.any_of([each for each in page.rows("artifacts") if each["flow_run_id"]]))


def _automations(page: PrefectPage) -> list[dict[str, Any]]:
    return [each for each in page.rows("automations", limit=200) if each["name"].startswith("Aceite: ")]


def an_automation(page: PrefectPage) -> Found | None:
    return _by_id(page.any_of(_automations(page)))


def automation(name: str) -> Target:
    return lambda page: _by_id(page.any_of([each for each in _automations(page) if each["name"] == name]))


def an_automation_as_it_is(page: PrefectPage) -> Found | None:
    """With its whole content, which its form on the page sends."""
    found = page.any_of(_automations(page))
    fields = ("name", "enabled", "tags", "trigger", "actions", "actions_on_trigger", "actions_on_resolve")
    return found and {"id": found["id"], **{field: found[field] for field in fields}}


def an_announcement(page: PrefectPage) -> Found | None:
    page_of = page.make("/events/filter", {"filter": {"event": {"name": ["delivery.arrived"]}}, "limit": 50})
    event = page.any_of(page_of["events"])
    return event and {"event": event}


def a_block(page: PrefectPage) -> Found | None:
    documents = page.rows("block_documents", block_documents={"is_anonymous": {"eq_": False}})
    found = page.any_of([each for each in documents if each["name"].startswith("aceite-")])
    types = {"block_type_id": found["block_type_id"], "block_schema_id": found["block_schema_id"]} if found else {}
    return found and {"id": found["id"], "name": found["name"], **types}


def block(name: str) -> Target:
    return lambda page: _by_id(page.any_of(page.rows("block_documents", block_documents={"name": {"any_": [name]}})))


def a_blocks_type(page: PrefectPage) -> Found | None:
    block = a_block(page)
    return block and {"id": block["block_type_id"]}


def a_blocks_schema(page: PrefectPage) -> Found | None:
    block = a_block(page)
    return block and {"id": block["block_schema_id"]}


def the_pool(page: PrefectPage) -> Found | None:
    pools = [each for each in page.rows("work_pools") if each["name"] == WARM_POOL]
    return {"name": WARM_POOL, "work_pool_name": WARM_POOL} if pools else None


def the_queue(page: PrefectPage) -> Found | None:
    found = the_pool(page) and page.any_of(page.rows(f"work_pools/{WARM_POOL}/queues"))
    return found and {"id": found["id"], "name": found["name"], "work_pool_name": WARM_POOL}


def the_default_queue(page: PrefectPage) -> Found | None:
    return the_pool(page) and {"name": "default", "work_pool_name": WARM_POOL}


def the_worker(page: PrefectPage) -> Found | None:
    found = the_pool(page) and page.any_of(page.rows(f"work_pools/{WARM_POOL}/workers"))
    return found and {"name": found["name"], "work_pool_name": WARM_POOL}


def a_new(kind: str, path: str, body: Any, method: str = "post") -> Target:
    """An object that nobody needs, made for this one press. `{name}` in its body is its name."""

    def made(page: PrefectPage) -> Found:
        name = page.some_name(kind)
        found = page.make(path, {key: name if value == "{name}" else value for key, value in body.items()}, method)
        return {"id": found["id"], **dict.fromkeys(("name", "tag", "id_or_name"), name)}

    return made


a_variable = a_new("variable", "/variables/", {"name": "{name}", "value": 1})
a_block_type = a_new("type", "/block_types/", {"name": "{name}", "slug": "{name}"})
a_work_queue = a_new("queue", "/work_queues/", {"name": "{name}"})
a_search = a_new("search", "/saved_searches/", {"name": "{name}", "filters": []}, "put")
a_tag_limit = a_new("tag", "/concurrency_limits/", {"tag": "{name}", "concurrency_limit": 1})
a_limit = a_new("limit", "/v2/concurrency_limits/", {"name": "{name}", "limit": 1})


def a_new_queue(page: PrefectPage) -> Found | None:
    """One more queue in the pool."""
    if the_pool(page) is None:
        return None
    made = page.make(f"/work_pools/{WARM_POOL}/queues", {"name": page.some_name("queue")})
    return {"name": made["name"], "work_pool_name": WARM_POOL}


def a_lease(page: PrefectPage) -> Found:
    limit = a_limit(page)
    assert limit is not None
    wanted = {"names": [limit["name"]], "slots": 1, "mode": "concurrency"}
    return {"lease_id": page.make("/v2/concurrency_limits/increment-with-lease", wanted)["lease_id"]}


def a_tag_limit_and_a_task_run(page: PrefectPage) -> Found | None:
    task_run, limit = a_task_run(page), a_tag_limit(page)
    return task_run and limit and {**limit, "task_run_id": task_run["id"]}


def a_schedule(page: PrefectPage) -> Found | None:
    """One of a validation, which nobody needs."""
    of = a_validations_deployment(page)
    if of is None:
        return None
    (made,) = page.make(f"/deployments/{of['id']}/schedules", [{"schedule": {"interval": 86400}, "active": False}])
    return {"id": of["id"], "schedule_id": made["id"]}


def an_input(page: PrefectPage) -> Found | None:
    run = a_run(*BEGUN)(page)
    if run is None:
        return None
    key = page.some_name("input")
    page.ask("post", f"/flow_runs/{run['id']}/input", {"key": key, "value": "1"})
    return {"id": run["id"], "key": key}


def a_flow_and_a_pool(page: PrefectPage) -> Found | None:
    found, pool = a_flow(page), the_pool(page)
    return found and pool and {"name": page.some_name("deployment"), "flow_id": found["id"], "pool": WARM_POOL}
