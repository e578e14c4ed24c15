"""Looks at permissions, by IAM's simulation of the caller's policies. It does not include bucket policies."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from aws.calls import Client
from aws.error_codes import error_code
from cli.doctor.looks.findings import Look, met, unchecked, unmet

_SHOWN = 3
_AT_ONCE = 50
_ASSUMED = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.+")
_ROOT = re.compile(r"arn:[^:]+:iam::\d+:root")
_SIMULATED = re.compile(r"arn:[^:]+:iam::\d+:(user|role)/.+")


@dataclass(frozen=True, slots=True)
class NeededPermissions:
    """Each of the actions on each of the resources."""

    actions: Sequence[str]
    resources: Sequence[str]


def permissions(iam: Client, caller: str, needed: Sequence[NeededPermissions]) -> Look:
    """Check that the caller's policies allow what is needed; unchecked if the caller may not use the simulation."""
    if _ROOT.fullmatch(caller):
        return met(f"{caller} may do everything")
    try:
        principal = _principal(iam, caller)
        if principal is None:
            return unchecked(
                f"IAM simulates no policies of {caller}; {_untried(needed)}", "sign in as a user or by a role"
            )
        refused = [pair for permission in needed for pair in _refused(iam, principal, permission)]
    except ClientError as error:
        return _unchecked(
            f"iam:SimulatePrincipalPolicy or iam:GetRole is refused ({error_code(error)})", caller, needed
        )
    except BotoCoreError as error:
        return _unchecked(f"IAM does not answer ({type(error).__name__})", caller, needed)
    count = sum(len(permission.actions) * len(permission.resources) for permission in needed)
    if not refused:
        return met(f"IAM's simulation allows {principal} all {count} that are needed")
    shown = ", ".join(f"{action} on {resource}" for action, resource in refused[:_SHOWN])
    more = f" and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
    return unmet(
        f"IAM's simulation denies {len(refused)} of {count}: {shown}{more}",
        f"attach the policy that `aceite policy all` prints to {principal}, and check for a Deny, a boundary or an SCP",
    )


def _refused(iam: Client, principal: str, needed: NeededPermissions) -> Iterator[tuple[str, str]]:
    pages = iam.get_paginator("simulate_principal_policy")
    for start in range(0, len(needed.resources), _AT_ONCE):
        resources = list(needed.resources[start : start + _AT_ONCE])
        asked = {"PolicySourceArn": principal, "ActionNames": list(needed.actions), "ResourceArns": resources}
        for page in pages.paginate(**asked):
            for result in page["EvaluationResults"]:
                if result["EvalDecision"] != "allowed" and not result.get("MissingContextValues"):
                    yield result["EvalActionName"], result.get("EvalResourceName", "*")


def _principal(iam: Client, caller: str) -> str | None:
    """Return the user or role whose policies apply. The ARN of a session lacks the path of its role."""
    session = _ASSUMED.fullmatch(caller)
    if session is not None:
        return str(iam.get_role(RoleName=session["role"])["Role"]["Arn"])
    return caller if _SIMULATED.fullmatch(caller) else None


def _unchecked(why: str, caller: str, needed: Sequence[NeededPermissions]) -> Look:
    """Return an unchecked look: these actions can only be tested by doing them."""
    return unchecked(
        f"{why}; {_untried(needed)}",
        f"allow {caller} iam:SimulatePrincipalPolicy, and for a role iam:GetRole: `aceite policy doctor` prints it",
    )


def _untried(needed: Sequence[NeededPermissions]) -> str:
    """Return the actions that no other look tries, because trying them would do them."""
    counts = Counter(
        action.split(":")[0] for action in {action for permission in needed for action in permission.actions} - _TRIED
    )
    untried = ", ".join(f"{count} of {service}" for service, count in sorted(counts.items()))
    return f"other findings show denials, but try none of these actions: {untried or 'all are tried'}"


_TRIED = frozenset({
    "s3:ListBucket", "s3:GetObject", "s3:PutObject", "lambda:InvokeFunction", "glue:GetJobRuns", "glue:GetTable",
    "ssm:GetParameter",
})  # fmt: skip
