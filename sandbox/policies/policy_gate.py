"""The gate before AWS that asks the policies: what a request takes, and how its service says no."""

import json
import re
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from acceptance.errors import SettingsError
from sandbox.aws_requests import SERVICES, Refusal, read_request, refusal_body
from sandbox.policies import identity
from sandbox.policies.caller import CALLER, RestrictedCaller
from sandbox.policies.policy import BadPolicy, Policy, read_policy
from sandbox.policies.required_permissions import body_of, required_permissions

POLICIES_PATH = "/_aceite/policies/"
"""No bucket can have this name."""

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_KEY_IN_HEADER = re.compile(r"(?:Credential=|AWS )([^/:,]+)")


class PolicyGate:
    """The policies by access key, a gate before AWS that asks them, and their control."""

    def __init__(self, app: Wsgi) -> None:
        self._app = app
        self._policies: dict[str, Policy] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(POLICIES_PATH):
            return self._control(environ, start_response)
        key = _access_key(environ)
        policy = self._policies.get(key) or _of_assumed_role(key)
        if policy is None:
            return self._answer(environ, start_response)
        caller, asked = RestrictedCaller(key, DEFAULT_ACCOUNT_ID, policy), read_request(environ)
        if asked is None or not asked.operation:
            service = asked.service if asked else "s3"
            return _refused(service, f"the sandbox cannot tell what {key} asks for here", environ, start_response)
        for need in required_permissions(asked, environ):
            if said := caller.denial(need):
                return _refused(asked.service, said, environ, start_response)
        token = CALLER.set(caller)
        try:
            return self._answer(environ, start_response)
        finally:
            CALLER.reset(token)

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        document = identity.answer(environ, self._policy_of)
        if document is None:
            return self._app(environ, start_response)
        start_response("200 OK", [("Content-Type", "text/xml"), ("Content-Length", str(len(document)))])
        return [document]

    def _policy_of(self, who: str) -> Policy | None:
        return self._policies.get(who) or _of_role(who)

    def _control(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method, key = environ["REQUEST_METHOD"], unquote(environ["PATH_INFO"].removeprefix(POLICIES_PATH))
        status, said = HTTPStatus.OK, ""
        match method:
            case "PUT" if key:
                try:
                    self._policies[key] = read_policy(body_of(environ).decode("utf-8"))
                except (BadPolicy, UnicodeDecodeError) as error:
                    status, said = HTTPStatus.BAD_REQUEST, json.dumps({"error": str(error)})
            case "GET" if key in self._policies:
                said = self._policies[key].document
            case "DELETE":
                self._policies.pop(key, None)
            case _:
                status = HTTPStatus.NOT_FOUND if method == "GET" else HTTPStatus.METHOD_NOT_ALLOWED
        content = said.encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [content]


def bind_policy(endpoint: str, access_key: str, document: str) -> None:
    """Binds it in the sandbox at this address. Raises SettingsError if the document cannot be evaluated."""
    place = f"{endpoint}{POLICIES_PATH}{quote(access_key, safe='')}"
    request = urllib.request.Request(place, document.encode(), method="PUT")
    try:
        urllib.request.urlopen(request, timeout=10).close()
    except urllib.error.HTTPError as error:
        said = json.loads(error.read())["error"]
        raise SettingsError(f"the policy of {access_key} cannot be evaluated: {said}") from error


def _access_key(environ: dict[str, Any]) -> str:
    """Of the signature, wherever it is; empty for a request that nobody signed."""
    if found := _KEY_IN_HEADER.search(environ.get("HTTP_AUTHORIZATION", "")):
        return str(found[1])
    query = parse_qs(environ.get("QUERY_STRING", ""))
    signed = query.get("X-Amz-Credential") or query.get("AWSAccessKeyId") or [""]
    return str(signed[0]).partition("/")[0]


def _of_assumed_role(access_key: str) -> Policy | None:
    """What the policies in the role say whose temporary credentials these are; None of a role that has none."""
    session = sts_backends[DEFAULT_ACCOUNT_ID]["aws"].get_assumed_role_from_access_key(access_key)
    return _of_role(session.role_arn) if session is not None else None


def _of_role(arn: str) -> Policy | None:
    """None as well of one that is not there."""
    role = next((each for each in iam_backends[DEFAULT_ACCOUNT_ID]["aws"].get_roles() if each.arn == arn), None)
    read = [read_policy(document) for document in role.policies.values()] if role else []
    statements = tuple(statement for policy in read for statement in policy.statements)
    return Policy(statements, "") if read else None


def _refused(service: str, said: str, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    in_xml = service in ("s3", "sts", "iam")
    status, code = (403, "AccessDenied") if in_xml else (403 if service == "lambda" else 400, "AccessDeniedException")
    refusal = Refusal(status, code, said)
    headers, body = refusal_body(service if service in SERVICES else "s3", refusal, str(uuid.uuid4()))
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else body
    start_response(f"{status} {HTTPStatus(status).phrase}", [*headers, ("Content-Length", str(len(body)))])
    return [body]
