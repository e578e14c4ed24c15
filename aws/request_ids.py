"""The ids by which AWS's own logs know what a step asked for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_MADE: ContextVar[dict[str, str] | None] = ContextVar("requests that the step made", default=None)


@contextmanager
def requests_noted() -> Iterator[Mapping[str, str]]:
    """Inside, the mapping fills: of each operation, such as `ssm:PutParameter`, the id of the last request.

    Of an operation that is repeated until something has happened, that is the request which saw it.
    """
    made: dict[str, str] = {}
    token = _MADE.set(made)
    try:
        yield made
    finally:
        _MADE.reset(token)


def observed(client: Any) -> Any:
    """The boto3 client, whose requests are noted from now on; asking again changes nothing."""
    client.meta.events.register("after-call", _note, unique_id="aceite.requests")
    return client


def _note(parsed: Any, model: Any, **_: Any) -> None:
    made = _MADE.get()
    if made is None or not isinstance(parsed, dict):
        return
    request_id = parsed.get("ResponseMetadata", {}).get("RequestId")
    if request_id:
        made[f"{model.service_model.service_name}:{model.name}"] = request_id
