"""The routes of Prefect's server that write, by its own OpenAPI document."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_METHODS = {"post", "put", "patch", "delete"}
_READS = re.compile(r"^/ui/|/(filter|paginate|count|count-by/\{\w+\}|history|read|validate|lateness)$")
"""Routes that are posted to and only read."""


def writing_routes(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield each as `patch /flows/{id}`."""
    for path, methods in document["paths"].items():
        yield from (f"{method} {path}" for method in methods if method in _METHODS and not _READS.search(path))
