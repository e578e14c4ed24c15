"""The gate before AWS that refuses requests which the policy of their access key does not allow.

Policies are set from outside, at `/_aceite/policies/ACCESS-KEY-ID` of the sandbox's own port: PUT binds the document of
the body, DELETE unbinds it, GET returns it. An access key without a policy may do everything, and so may the sandbox's
own pipeline. Athena checks the same policy for what it does on behalf of the caller.
"""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from acceptance.errors import SettingsError
from sandbox.aws_requests import AwsError, Wsgi, answer, answer_error, read_body, read_request
from sandbox.policies import identity
from sandbox.policies.caller import CALLER, RestrictedCaller
from sandbox.policies.policy import BadPolicy, Policy, read_policy
from sandbox.policies.required_permissions import required_permissions

POLICIES_PATH = "/_aceite/policies/"
"""A path that no request to S3 can have, because no bucket can have this name."""

_KEY_IN_HEADER = re.compile(r"(?:Credential=|AWS )([^/:,]+)")


class PolicyGate:
    """Holds the policies by access key, refuses what they do not allow, and answers at POLICIES_PATH."""

    def __init__(self, app: Wsgi) -> None:
        self._app = app
        self._policies: dict[str, Policy] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(POLICIES_PATH):
            return self._control(environ, start_response)
        key = _access_key(environ)
        policy = self._policies.get(key) or _policy_of_assumed_role(key)
        if policy is None:
            return self._answer(environ, start_response)
        caller, request = RestrictedCaller(key, DEFAULT_ACCOUNT_ID, policy), read_request(environ)
        if request is None or not request.operation:
            service = request.service if request else "s3"
            message = f"the sandbox does not know the operation that {key} requests"
            return _refused(service, message, environ, start_response)
        for required in required_permissions(request, environ):
            if message := caller.denial(required):
                return _refused(request.service, message, environ, start_response)
        token = CALLER.set(caller)
        try:
            return self._answer(environ, start_response)
        finally:
            CALLER.reset(token)

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        document = identity.answer(environ, self._policy_of)
        if document is None:
            return self._app(environ, start_response)
        return answer(HTTPStatus.OK, "text/xml", document, start_response)

    def _policy_of(self, principal: str) -> Policy | None:
        return self._policies.get(principal) or _policy_of_role(principal)

    def _control(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method, key = environ["REQUEST_METHOD"], unquote(environ["PATH_INFO"].removeprefix(POLICIES_PATH))
        status, text = HTTPStatus.OK, ""
        match method:
            case "PUT" if key:
                try:
                    self._policies[key] = read_policy(read_body(environ).decode("utf-8"))
                except (BadPolicy, UnicodeDecodeError) as error:
                    status, text = HTTPStatus.BAD_REQUEST, json.dumps({"error": str(error)})
            case "GET" if key in self._policies:
                text = self._policies[key].document
            case "DELETE":
                self._policies.pop(key, None)
            case _:
                status = HTTPStatus.NOT_FOUND if method == "GET" else HTTPStatus.METHOD_NOT_ALLOWED
        return answer(status, "application/json", text.encode(), start_response)


def bind_policy(endpoint: str, access_key: str, document: str) -> None:
    """Bind the policy to the access key in the sandbox at `endpoint`. Raise SettingsError if it cannot be evaluated."""
    url = f"{endpoint}{POLICIES_PATH}{quote(access_key, safe='')}"
    request = urllib.request.Request(url, document.encode(), method="PUT")
    try:
        urllib.request.urlopen(request, timeout=10).close()
    except urllib.error.HTTPError as error:
        reason = json.loads(error.read())["error"]
        raise SettingsError(f"the policy of {access_key} cannot be evaluated: {reason}") from error


def _access_key(environ: dict[str, Any]) -> str:
    """Return the access key of the signature, in the header or the query; empty for an unsigned request."""
    if match := _KEY_IN_HEADER.search(environ.get("HTTP_AUTHORIZATION", "")):
        return str(match[1])
    query = parse_qs(environ.get("QUERY_STRING", ""))
    signed = query.get("X-Amz-Credential") or query.get("AWSAccessKeyId") or [""]
    return str(signed[0]).partition("/")[0]


def _policy_of_assumed_role(access_key: str) -> Policy | None:
    """Return the policy of the role whose temporary credentials these are; None if the role has none."""
    session = sts_backends[DEFAULT_ACCOUNT_ID]["aws"].get_assumed_role_from_access_key(access_key)
    return _policy_of_role(session.role_arn) if session is not None else None


def _policy_of_role(arn: str) -> Policy | None:
    """Return the statements of the role's inline policies as one policy; None without a role or a policy."""
    role = next((role for role in iam_backends[DEFAULT_ACCOUNT_ID]["aws"].get_roles() if role.arn == arn), None)
    policies = [read_policy(document) for document in role.policies.values()] if role else []
    statements = tuple(statement for policy in policies for statement in policy.statements)
    return Policy(statements, "") if policies else None


def _refused(
    service: str, message: str, environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    in_xml = service in ("s3", "sts", "iam")
    status, code = (403, "AccessDenied") if in_xml else (403 if service == "lambda" else 400, "AccessDeniedException")
    return answer_error(service, AwsError(status, code, message), environ, start_response)
