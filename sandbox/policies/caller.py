"""The caller of the request that is being answered, if a policy restricts what it may do."""

from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass

from moto.core import DEFAULT_ACCOUNT_ID

from sandbox.aws_requests import REGION
from sandbox.policies.policy import Policy, RequiredPermission


class Denied(Exception):
    """The policy does not allow the action; the message is IAM's own."""


@dataclass(frozen=True, slots=True)
class RestrictedCaller:
    """The access key that signed the request, and the policy that restricts it."""

    access_key: str
    account: str
    policy: Policy

    def denial(self, required: RequiredPermission) -> str:
        """Return IAM's error message, or an empty text if the action is allowed."""
        reason = self.policy.refusal(required)
        if not reason:
            return ""
        user = f"User: arn:aws:iam::{self.account}:user/{self.access_key}"
        return f"{user} is not authorized to perform: {required.action} on resource: {required.resource} {reason}"


CALLER: ContextVar[RestrictedCaller | None] = ContextVar("caller", default=None)
"""None for a caller without a policy. Start a thread that works for a request in a copy of the request's context."""


def denial(action: str, resource: str, **context: str) -> str:
    """Return IAM's error message if the current caller may not do this, else an empty text.

    Names of context keys have an underscore in place of the colon: s3_prefix.
    """
    caller = CALLER.get()
    keys = tuple((key.replace("_", ":", 1), value) for key, value in context.items())
    return caller.denial(RequiredPermission(action, resource, keys)) if caller else ""


def require_glue(action: str, database: str = "", table: str = "", catalog_id: str = "") -> None:
    """Raise Denied unless the current caller may do the action on catalog, database and table."""
    for resource in catalog_resources(database, table, catalog_id):
        if message := denial(f"glue:{action}", resource):
            raise Denied(f"Insufficient permissions to execute the query. {message}")


def catalog_resources(database: str, table: str = "", catalog_id: str = "") -> Iterator[str]:
    """Yield the ARNs that Glue checks for a call: of the catalog, the database and the table.

    `catalog_id` is an account, by default the sandbox's, with the catalog below that of the account: 123:folder/name.
    """
    account, _, nested = catalog_id.partition(":")
    arn = f"arn:aws:glue:{REGION}:{account or DEFAULT_ACCOUNT_ID}:"
    yield f"{arn}catalog"
    if nested:
        yield f"{arn}catalog/{nested}"
    below = f"{nested}/" if nested else ""
    if database:
        yield f"{arn}database/{below}{database}"
    if table:
        yield f"{arn}table/{below}{database}/{table}"
