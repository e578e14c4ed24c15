"""Each button of Prefect's pages: the embedded server and Prefect's own, side by side, on every route that writes."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest
from polling import eventually
from prefect_database import with_tables
from prefect_processes import PrefectServer
from prefect_routes import writing_routes

SLOWER_BY_AT_MOST_S = 10
"""A lock that is waited for in vain costs SQLite's 60 seconds; a busy machine costs less."""

SCHEDULED = {"type": "SCHEDULED"}
EVENT = {"event": "pressed", "resource": {"prefect.resource.id": "button"}}
TRIGGER = {"type": "event", "expect": ["never"], "posture": "Reactive", "threshold": 1, "within": 0}
AUTOMATION = {"name": "one", "trigger": TRIGGER, "actions": [{"type": "do-nothing"}]}
NAMED = {"name": "one"}
SLOTS = {"names": ["limit"], "slots": 1, "mode": "concurrency"}
BLOCK_SCHEMA = {"fields": {"title": "one", "type": "object", "properties": {}}, "capabilities": []}

PRESSED: tuple[tuple[str, str, Any], ...] = (
    ("post", "/block_types/install_system_block_types", None),
    ("post", "/flows/", NAMED),
    ("patch", "/flows/{flows}", {"tags": ["a"]}),
    ("post", "/work_pools/", {"name": "pool", "type": "process"}),
    ("patch", "/work_pools/{pool}", {"is_paused": True, "concurrency_limit": 0}),
    ("patch", "/work_pools/{pool}", {"is_paused": False}),
    ("post", "/work_pools/{pool}/queues", {"name": "queue"}),
    ("patch", "/work_pools/{pool}/queues/{queue}", {"is_paused": True}),
    ("patch", "/work_pools/{pool}/queues/{queue}", {"is_paused": False, "concurrency_limit": 1}),
    ("post", "/work_pools/{pool}/workers/heartbeat", {"name": "worker"}),
    ("post", "/work_pools/{pool}/concurrency_status", {}),
    ("post", "/work_pools/{pool}/get_scheduled_flow_runs", {}),
    ("post", "/deployments/", {"name": "one", "flow_id": "{flows}", "work_pool_name": "pool"}),
    ("patch", "/deployments/{deployments}", {"concurrency_limit": 1}),
    ("post", "/deployments/{deployments}/pause_deployment", None),
    ("post", "/deployments/{deployments}/resume_deployment", None),
    ("post", "/deployments/{deployments}/schedules", [{"schedule": {"interval": 3600}, "active": True}]),
    ("patch", "/deployments/{deployments}/schedules/{schedules}", {"active": False}),
    ("post", "/deployments/{deployments}/schedule", {}),
    ("post", "/deployments/get_scheduled_flow_runs", {"deployment_ids": ["{deployments}"]}),
    ("delete", "/deployments/{deployments}/schedules/{schedules}", None),
    ("post", "/deployments/{deployments}/create_flow_run", {}),
    ("post", "/deployments/{deployments}/create_flow_run/bulk", [{}, {}]),
    ("post", "/flow_runs/", {"flow_id": "{flows}", "deployment_id": "{deployments}", "state": SCHEDULED}),
    ("patch", "/flow_runs/{flow_runs}", {"name": "renamed"}),
    ("patch", "/flow_runs/{flow_runs}/labels", {"a": "b"}),
    ("post", "/flow_runs/{flow_runs}/input", {"key": "key", "value": "1"}),
    ("delete", "/flow_runs/{flow_runs}/input/key", None),
    *(
        ("post", "/flow_runs/{flow_runs}/set_state", {"state": {"type": state}, "force": True})
        for state in ("PENDING", "RUNNING", "PAUSED", "CANCELLING", "CANCELLED", "FAILED", "CRASHED", "COMPLETED")
    ),
    ("post", "/flow_runs/bulk_set_state", {"flow_runs": {"id": {"any_": ["{flow_runs}"]}}, "state": SCHEDULED}),
    ("post", "/flow_runs/{flow_runs}/set_state", {"state": {"type": "PAUSED"}, "force": True}),
    ("post", "/flow_runs/{flow_runs}/resume", {}),
    ("post", "/task_runs/", {"flow_run_id": "{flow_runs}", "task_key": "task", "dynamic_key": "0"}),
    ("patch", "/task_runs/{task_runs}", {"name": "renamed"}),
    ("post", "/task_runs/{task_runs}/set_state", {"state": {"type": "RUNNING"}, "force": True}),
    ("post", "/logs/", [{"name": "log", "level": 20, "message": "a line", "timestamp": "{now}"}]),
    ("post", "/artifacts/", {"key": "artifact", "type": "markdown", "data": "a"}),
    ("patch", "/artifacts/{artifacts}", {"data": "b"}),
    ("delete", "/artifacts/{artifacts}", None),
    ("post", "/work_queues/", {"name": "queue-two"}),
    ("patch", "/work_queues/{work_queues}", {"is_paused": True}),
    ("post", "/work_queues/{work_queues}/get_runs", {}),
    ("post", "/work_queues/{work_queues}/concurrency_status", {}),
    ("delete", "/work_queues/{work_queues}", None),
    ("put", "/saved_searches/", {"name": "one", "filters": []}),
    ("delete", "/saved_searches/{saved_searches}", None),
    ("post", "/concurrency_limits/", {"tag": "tag", "concurrency_limit": 1}),
    ("post", "/concurrency_limits/increment", {"names": ["tag"], "task_run_id": "{task_runs}"}),
    ("post", "/concurrency_limits/decrement", {"names": ["tag"], "task_run_id": "{task_runs}"}),
    ("post", "/concurrency_limits/tag/tag/reset", {}),
    ("delete", "/concurrency_limits/tag/tag", None),
    ("post", "/concurrency_limits/", {"tag": "another", "concurrency_limit": 1}),
    ("delete", "/concurrency_limits/{concurrency_limits}", None),
    ("post", "/v2/concurrency_limits/", {"name": "limit", "limit": 1}),
    ("patch", "/v2/concurrency_limits/limit", {"limit": 3}),
    ("post", "/v2/concurrency_limits/increment", SLOTS),
    ("post", "/v2/concurrency_limits/decrement", SLOTS),
    ("post", "/v2/concurrency_limits/increment-with-lease", SLOTS),
    ("post", "/v2/concurrency_limits/leases/{lease}/renew", {}),
    ("post", "/v2/concurrency_limits/decrement-with-lease", {"lease_id": "{lease}"}),
    ("delete", "/v2/concurrency_limits/limit", None),
    ("post", "/block_types/", {"name": "One", "slug": "one"}),
    ("patch", "/block_types/{block_types}", {"description": "a"}),
    ("post", "/block_schemas/", {**BLOCK_SCHEMA, "block_type_id": "{block_types}"}),
    (
        "post",
        "/block_documents/",
        {"name": "one", "data": {}, "block_schema_id": "{block_schemas}", "block_type_id": "{block_types}"},
    ),
    ("patch", "/block_documents/{block_documents}", {"data": {"a": 1}}),
    ("delete", "/block_documents/{block_documents}", None),
    ("delete", "/block_schemas/{block_schemas}", None),
    ("delete", "/block_types/{block_types}", None),
    ("post", "/variables/", {"name": "one", "value": 1}),
    ("patch", "/variables/{variables}", {"value": 2}),
    ("delete", "/variables/{variables}", None),
    ("post", "/variables/", {"name": "two", "value": 1}),
    ("patch", "/variables/name/two", {"value": 2}),
    ("delete", "/variables/name/two", None),
    ("post", "/events", [EVENT | {"id": "{new}", "occurred": "{now}"}]),
    ("post", "/automations/", AUTOMATION),
    ("put", "/automations/{automations}", AUTOMATION | {"enabled": False}),
    ("patch", "/automations/{automations}", {"enabled": True}),
    ("delete", "/automations/{automations}", None),
    ("delete", "/automations/owned-by/nobody", None),
    ("put", "/admin/storage", {"default_result_storage_block_id": "{new}"}),
    ("delete", "/admin/storage", None),
    ("delete", "/task_runs/{task_runs}", None),
    ("delete", "/flow_runs/{flow_runs}", None),
    ("post", "/flow_runs/bulk_delete", {"flow_runs": {"deployment_id": {"any_": ["{deployments}"]}}}),
    ("post", "/deployments/bulk_delete", {"deployments": {"name": {"any_": ["none"]}}}),
    ("delete", "/deployments/{deployments}", None),
    ("delete", "/work_pools/{pool}/workers/worker", None),
    ("delete", "/work_pools/{pool}/queues/{queue}", None),
    ("delete", "/work_pools/{pool}", None),
    ("post", "/flows/bulk_delete", {"flows": {"name": {"any_": ["none"]}}}),
    ("delete", "/flows/{flows}", None),
)


class Answer(NamedTuple):
    """What a server answered to a call of `PRESSED`, and how long it took."""

    call: str
    status: int
    took_s: float


def pressed(api: str, tries: int) -> list[Answer]:
    """Make all calls, one after the other. `{flows}` stands for the id of what the last post to /flows/ made.

    Prefect's own server on SQLite says "try again" at times (see docs/decisions/0011): it needs more than one try.
    """
    made = {"pool": "pool", "queue": "queue", "new": str(uuid4()), "now": datetime.now(UTC).isoformat()}

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [filled(each) for each in value]
        return re.sub(r"\{(\w+)\}", lambda name: made[name[1]], value) if isinstance(value, str) else value

    def answered(client: httpx.Client, method: str, path: str, body: Any) -> Answer:
        for _ in range(tries):
            began = time.monotonic()
            answer = client.request(method, filled(path), json=filled(body))
            took_s = time.monotonic() - began
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
        content = answer.json() if answer.content and answer.is_success else None
        for item in content if isinstance(content, list) else [content]:
            if isinstance(item, dict) and "id" in item and method in {"post", "put"}:
                made[path.strip("/").split("/")[-1]] = item["id"]
            if isinstance(item, dict) and "lease_id" in item:
                made["lease"] = item["lease_id"]
        return Answer(f"{method} {path}", answer.status_code, took_s)

    unpooled = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=api, timeout=90, limits=unpooled) as client:
        return [answered(client, *call) for call in PRESSED]


@contextmanager
def stock_server(home: Path) -> Iterator[str]:
    """Prefect's own server, as `prefect server start` runs it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {"PREFECT_HOME": str(with_tables(home)), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    app = ("--factory", "prefect.server.api.server:create_app", "--host", "127.0.0.1", "--port", str(port))
    with (home / "stock.log").open("wb") as log:
        server = subprocess.Popen([sys.executable, "-m", "uvicorn", *app], env=environment, stdout=log, stderr=log)
    api = f"http://127.0.0.1:{port}/api"

    def healthy() -> bool:
        try:
            return httpx.get(f"{api}/health", timeout=5).is_success
        except httpx.TransportError:
            return False

    try:
        eventually(healthy, "Prefect's own server answers", 180)
        yield api
    finally:
        server.terminate()
        server.wait()


@pytest.mark.proof
def test_each_route_that_writes_answers_as_prefects_own_server_does_and_as_soon(tmp_path):
    with PrefectServer(tmp_path) as ours, stock_server(tmp_path) as stock, ThreadPoolExecutor(2) as both:
        document = httpx.get(f"{ours.api.removesuffix('/api')}/openapi.json", timeout=60).json()
        answers, of_stock = both.map(pressed, (ours.api, stock), (1, 20))
    assert not [route for route in writing_routes(document) if not is_pressed(*route.split(" "))]
    assert [answer[:2] for answer in answers] == [answer[:2] for answer in of_stock]
    pairs = zip(answers, of_stock, strict=True)
    assert not [pair for pair in pairs if pair[0].took_s > pair[1].took_s + SLOWER_BY_AT_MOST_S]
    assert not [answer for answer in answers if answer.status >= 400 and "/admin/storage" not in answer.call]


def is_pressed(method: str, route: str) -> bool:
    path = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route)))
    return any(called == method and path.fullmatch(place) for called, place, _ in PRESSED)
