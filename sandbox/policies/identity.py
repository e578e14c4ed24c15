"""Who somebody is and what they may do, as STS and IAM tell it: moto knows no policies of access keys."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from moto.core import DEFAULT_ACCOUNT_ID
from moto.sts.models import sts_backends

from sandbox.aws_requests import read_request
from sandbox.policies.policy import Policy, RequiredPermission
from sandbox.policies.required_permissions import body_of

_USER = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:user/"
_OURS = re.compile("/(iam|sts)/")
_STS, _IAM = "https://sts.amazonaws.com/doc/2011-06-15/", "https://iam.amazonaws.com/doc/2010-05-08/"

PolicyOf = Callable[[str], Policy | None]
"""By access key or ARN of a role; None of who may do everything."""


def answer(environ: dict[str, Any], policy_of: PolicyOf) -> bytes | None:
    """None of what the sandbox's AWS answers by itself."""
    if not _OURS.search(environ.get("HTTP_AUTHORIZATION", "")) or (asked := read_request(environ)) is None:
        return None
    if (asked.service, asked.operation) == ("iam", "SimulatePrincipalPolicy"):
        told = parse_qs(body_of(environ).decode("utf-8"))
        return _document("SimulatePrincipalPolicy", _IAM, _simulation(told, policy_of))
    if (asked.service, asked.operation) == ("sts", "GetCallerIdentity") and not _is_session(asked.access_key):
        told_of = f"<UserId>{escape(asked.access_key)}</UserId><Account>{DEFAULT_ACCOUNT_ID}</Account>"
        return _document("GetCallerIdentity", _STS, f"<Arn>{_USER}{escape(asked.access_key)}</Arn>{told_of}")
    return None


def _simulation(told: Mapping[str, Sequence[str]], policy_of: PolicyOf) -> str:
    """Of each action on each resource, without a word about conditions: those of a request are not known here."""
    policy = policy_of(told.get("PolicySourceArn", [""])[0].removeprefix(_USER))
    members = "".join(
        f"<member><EvalActionName>{escape(action)}</EvalActionName>"
        f"<EvalResourceName>{escape(resource)}</EvalResourceName>"
        f"<EvalDecision>{_decision(policy, RequiredPermission(action, resource))}</EvalDecision></member>"
        for action in _list(told, "ActionNames")
        for resource in list(_list(told, "ResourceArns")) or ["*"]
    )
    return f"<IsTruncated>false</IsTruncated><EvaluationResults>{members}</EvaluationResults>"


def _decision(policy: Policy | None, need: RequiredPermission) -> str:
    why = policy.refusal(need) if policy is not None else ""
    return "allowed" if not why else "explicitDeny" if "explicit deny" in why else "implicitDeny"


def _list(told: Mapping[str, Sequence[str]], name: str) -> Iterator[str]:
    number = 1
    while found := told.get(f"{name}.member.{number}"):
        yield found[0]
        number += 1


def _is_session(access_key: str) -> bool:
    """Of an assumed role, which moto knows."""
    return sts_backends[DEFAULT_ACCOUNT_ID]["aws"].get_assumed_role_from_access_key(access_key) is not None


def _document(operation: str, namespace: str, result: str) -> bytes:
    return (
        f'<{operation}Response xmlns="{namespace}"><{operation}Result>{result}</{operation}Result>'
        f"<ResponseMetadata><RequestId>sandbox</RequestId></ResponseMetadata></{operation}Response>"
    ).encode()
