"""AWS request ids: they find a step's calls in AWS's own logs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_IDS: ContextVar[dict[str, str] | None] = ContextVar("request ids of the step", default=None)


@contextmanager
def recorded_request_ids() -> Iterator[Mapping[str, str]]:
    """Yield a mapping that fills inside the block: the last request id of each operation, such as `ssm:PutParameter`.

    When a step polls, the last request's id is kept.
    """
    ids: dict[str, str] = {}
    token = _IDS.set(ids)
    try:
        yield ids
    finally:
        _IDS.reset(token)


def record_requests(client: Any) -> Any:
    """Record the ids of the boto3 client's requests from now on. Returns the client; idempotent."""
    client.meta.events.register("after-call", _record, unique_id="aceite.requests")
    return client


def _record(parsed: Any, model: Any, **_: Any) -> None:
    ids = _IDS.get()
    if ids is None or not isinstance(parsed, dict):
        return
    request_id = parsed.get("ResponseMetadata", {}).get("RequestId")
    if request_id:
        ids[f"{model.service_model.service_name}:{model.name}"] = request_id
