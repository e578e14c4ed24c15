"""Answers sts:GetCallerIdentity and iam:SimulatePrincipalPolicy for access keys, whose policies moto does not know."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from moto.core import DEFAULT_ACCOUNT_ID
from moto.sts.models import sts_backends

from sandbox.aws_requests import read_body, read_request
from sandbox.policies.policy import Policy, RequiredPermission

_USER = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:user/"
_SERVICE = re.compile("/(iam|sts)/")
_STS, _IAM = "https://sts.amazonaws.com/doc/2011-06-15/", "https://iam.amazonaws.com/doc/2010-05-08/"

PolicyOf = Callable[[str], Policy | None]
"""Returns the policy of an access key or of a role's ARN; None if nothing restricts it."""


def answer(environ: dict[str, Any], policy_of: PolicyOf) -> bytes | None:
    """Return the XML answer, or None if moto answers the request."""
    if not _SERVICE.search(environ.get("HTTP_AUTHORIZATION", "")) or (request := read_request(environ)) is None:
        return None
    if (request.service, request.operation) == ("iam", "SimulatePrincipalPolicy"):
        form = parse_qs(read_body(environ).decode("utf-8"))
        return _document("SimulatePrincipalPolicy", _IAM, _simulation(form, policy_of))
    if (request.service, request.operation) == ("sts", "GetCallerIdentity") and not _is_session(request.access_key):
        rest = f"<UserId>{escape(request.access_key)}</UserId><Account>{DEFAULT_ACCOUNT_ID}</Account>"
        return _document("GetCallerIdentity", _STS, f"<Arn>{_USER}{escape(request.access_key)}</Arn>{rest}")
    return None


def _simulation(form: Mapping[str, Sequence[str]], policy_of: PolicyOf) -> str:
    """Decide each action on each resource. Statements with conditions do not apply: a simulation has no request."""
    policy = policy_of(form.get("PolicySourceArn", [""])[0].removeprefix(_USER))
    members = "".join(
        f"<member><EvalActionName>{escape(action)}</EvalActionName>"
        f"<EvalResourceName>{escape(resource)}</EvalResourceName>"
        f"<EvalDecision>{_decision(policy, RequiredPermission(action, resource))}</EvalDecision></member>"
        for action in _list(form, "ActionNames")
        for resource in list(_list(form, "ResourceArns")) or ["*"]
    )
    return f"<IsTruncated>false</IsTruncated><EvaluationResults>{members}</EvaluationResults>"


def _decision(policy: Policy | None, required: RequiredPermission) -> str:
    reason = policy.refusal(required) if policy is not None else ""
    return "allowed" if not reason else "explicitDeny" if "explicit deny" in reason else "implicitDeny"


def _list(form: Mapping[str, Sequence[str]], name: str) -> Iterator[str]:
    number = 1
    while values := form.get(f"{name}.member.{number}"):
        yield values[0]
        number += 1


def _is_session(access_key: str) -> bool:
    """Return True if the key belongs to an assumed role, whose identity moto answers."""
    return sts_backends[DEFAULT_ACCOUNT_ID]["aws"].get_assumed_role_from_access_key(access_key) is not None


def _document(operation: str, namespace: str, result: str) -> bytes:
    return (
        f'<{operation}Response xmlns="{namespace}"><{operation}Result>{result}</{operation}Result>'
        f"<ResponseMetadata><RequestId>sandbox</RequestId></ResponseMetadata></{operation}Response>"
    ).encode()
