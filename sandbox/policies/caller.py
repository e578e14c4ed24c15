"""The caller of the request that is being answered, if a policy restricts what it may do."""

from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass

from sandbox.aws_requests import REGION
from sandbox.policies.policy import Policy, RequiredPermission


class Denied(Exception):
    """The caller may not do it; in IAM's own words."""


@dataclass(frozen=True, slots=True)
class RestrictedCaller:
    """Who signed the request that is being answered, and is bound to a policy."""

    access_key: str
    account: str
    policy: Policy

    def denial(self, need: RequiredPermission) -> str:
        """IAM's sentence, or nothing."""
        why = self.policy.refusal(need)
        who = f"User: arn:aws:iam::{self.account}:user/{self.access_key}"
        return f"{who} is not authorized to perform: {need.action} on resource: {need.resource} {why}" if why else ""


CALLER: ContextVar[RestrictedCaller | None] = ContextVar("caller", default=None)
"""None for one that may do everything. A thread that works for a request is started in a copy of its context."""


def denial(action: str, resource: str, **context: str) -> str:
    """Why whoever asked may not do this; empty if they may. Names of context keys have _ in the place of the colon."""
    caller = CALLER.get()
    keys = tuple((key.replace("_", ":", 1), value) for key, value in context.items())
    return caller.denial(RequiredPermission(action, resource, keys)) if caller else ""


def require_glue(action: str, database: str = "", table: str = "") -> None:
    """Raises Denied unless whoever asked has the right on catalog, database and table."""
    caller = CALLER.get()
    for resource in catalog_resources(database, table) if caller else ():
        arn = f"arn:aws:glue:{REGION}:{caller.account}:{resource}" if caller else ""
        if said := denial(f"glue:{action}", arn):
            raise Denied(f"Insufficient permissions to execute the query. {said}")


def catalog_resources(database: str, table: str = "") -> Iterator[str]:
    yield "catalog"
    if database:
        yield f"database/{database}"
    if table:
        yield f"table/{database}/{table}"
