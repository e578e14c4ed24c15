"""IAM roles, and the while until what IAM was told is in force everywhere."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from account_aws import Account
from account_deletion import Undo
from botocore.exceptions import ClientError
from polling import eventually

IN_FORCE_WITHIN_S = 180
"""IAM's changes are known everywhere within seconds, now and then within a minute or more."""
NOT_YET = ("assume", "not authorized", "Access Denied", "AccessDenied", "Access denied", "Permission denied")
"""How services say that they do not know a role or a right: Lambda `cannot be assumed by Lambda`, Glue and Athena of
their own."""
T = TypeVar("T")
Statement = Mapping[str, Any]


def allow(actions: Sequence[str], *resources: str) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def make_role(account: Account, undo: Undo, name: str, principal: Statement, rights: Sequence[Statement]) -> str:
    """The role's ARN. `principal`, who may assume it, and `rights` are as policies have them."""
    iam, role = account.client("iam"), f"{account.name}-{name}"
    undo.note(f"IAM role {role}", lambda: iam.delete_role(RoleName=role))
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    made = iam.create_role(RoleName=role, AssumeRolePolicyDocument=_document([trust]), Tags=account.tag_list)
    iam.get_waiter("role_exists").wait(RoleName=role)
    undo.note(f"policy of {role}", lambda: iam.delete_role_policy(RoleName=role, PolicyName="rights"))
    iam.put_role_policy(RoleName=role, PolicyName="rights", PolicyDocument=_document(rights))
    return str(made["Role"]["Arn"])


def _document(statements: Sequence[Statement]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def once_in_force(do: Callable[[], T], what: str) -> T:
    """What `do` returns, once AWS no longer refuses it for want of a role or a right."""
    refused = ""

    def tried() -> tuple[T] | None:
        nonlocal refused
        try:
            return (do(),)
        except ClientError as error:
            refused = str(error)
            if is_not_yet(refused):
                return None
            raise

    return eventually(tried, lambda: f"{what} (AWS says: {refused})", IN_FORCE_WITHIN_S, every_s=2)[0]


def is_not_yet(said: str) -> bool:
    return any(sign in said for sign in NOT_YET)
