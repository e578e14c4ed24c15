"""Reads the AWS operation of an HTTP request and writes error answers, by botocore's models of the services."""

import io
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import botocore.session

SERVICES = ("s3", "ssm", "lambda", "glue", "athena", "sts", "sqs", "logs", "iam", "kms", "states", "events")
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""A WSGI application. Each gate is one, and passes requests to the next one."""
REGION = "us-east-1"
"""The sandbox serves every region as this one."""
ENGINE_ACCESS_KEY = "athena-engine"
"""Athena's own engine signs by it what it reads on behalf of a caller."""
_SIGNED = re.compile(r"Credential=([^/,]+)/\d+/[^/]+/([^/]+)/")


@dataclass(frozen=True, slots=True)
class AwsRequest:
    """Service and operation by boto3's names, and the access key that signed."""

    service: str
    operation: str
    access_key: str


@dataclass(frozen=True, slots=True)
class AwsError:
    """An error as AWS answers it: HTTP status, error code and message."""

    status: int
    code: str
    message: str


def read_request(environ: dict[str, Any]) -> AwsRequest | None:
    """Return None if the request is unsigned, such as a browser's, or names a service outside SERVICES."""
    signed = _SIGNED.search(environ.get("HTTP_AUTHORIZATION", ""))
    if signed is None or signed[2] not in SERVICES:
        return None
    access_key, service = signed.groups()
    return AwsRequest(service, _operation(service, environ), access_key)


def operations(service: str) -> tuple[str, ...]:
    """Return the names of the service's operations, such as PutObject."""
    return tuple(_model(service).operation_names)


def answer(
    status: int, content_type: str, body: bytes, start_response: Callable[..., Any], *headers: tuple[str, str]
) -> list[bytes]:
    """Begin a WSGI response, and return its body."""
    length = ("Content-Length", str(len(body)))
    start_response(f"{status} {HTTPStatus(status).phrase}", [("Content-Type", content_type), length, *headers])
    return [body]


def answer_error(
    service: str, error: AwsError, environ: dict[str, Any], start_response: Callable[..., Any]
) -> list[bytes]:
    """Answer with the error in the service's protocol."""
    protocol, request_id = _model(service).protocol, str(uuid.uuid4())
    code, message = escape(error.code), escape(error.message)
    headers = [("x-amzn-RequestId", request_id)]
    if protocol == "rest-xml":
        content_type, headers = "application/xml", [("x-amz-request-id", request_id)]
        text = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
    elif protocol == "query":
        content_type = "text/xml"
        element = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        text = f"<ErrorResponse>{element}<RequestId>{request_id}</RequestId></ErrorResponse>"
    else:
        content_type = "application/json"
        text = json.dumps({"__type": error.code, "message": error.message})
        headers.append(("x-amzn-errortype", error.code))
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else text.encode()
    return answer(error.status, content_type, body, start_response, *headers)


def _operation(service: str, environ: dict[str, Any]) -> str:
    protocol = _model(service).protocol
    if protocol == "json":
        return str(environ.get("HTTP_X_AMZ_TARGET", "")).rpartition(".")[2]
    if protocol == "query":
        return parse_qs(read_body(environ).decode("utf-8", "replace")).get("Action", [""])[0]
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    matching = (route for route in _routes(service) if route.matches(environ, query))
    best = max(matching, key=lambda route: route.specificity, default=None)
    return best.operation if best else ""


def read_body(environ: dict[str, Any]) -> bytes:
    """Return the body, and put it back for the application that reads it next."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


@dataclass(frozen=True, slots=True)
class _Route:
    """Method and path of a REST operation, and what else a request must have to mean this operation."""

    operation: str
    method: str
    path: re.Pattern[str]
    fixed: Mapping[str, str]
    in_query: frozenset[str]
    in_headers: frozenset[str]

    @property
    def specificity(self) -> tuple[int, int]:
        """The most conditions win; among equals, the shortest name."""
        return len(self.fixed) + len(self.in_query) + len(self.in_headers), -len(self.operation)

    def matches(self, environ: Mapping[str, Any], query: Mapping[str, list[str]]) -> bool:
        return (
            environ["REQUEST_METHOD"] == self.method
            and self.path.fullmatch(environ["PATH_INFO"]) is not None
            and all(query.get(name, [None])[0] == value for name, value in self.fixed.items())
            and self.in_query <= query.keys()
            and all(f"HTTP_{name.upper().replace('-', '_')}" in environ for name in self.in_headers)
        )


@cache
def _routes(service: str) -> tuple[_Route, ...]:
    return tuple(_read_routes(_model(service)))


def _read_routes(model: Any) -> Iterator[_Route]:
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        members = operation.input_shape.members if operation.input_shape else {}
        required = operation.input_shape.required_members if operation.input_shape else ()
        located = [members[name].serialization for name in required]
        fixed = {key: values[0] for key, values in parse_qs(query, keep_blank_values=True).items()}
        yield _Route(
            operation=name,
            method=operation.http["method"],
            path=re.compile(_pattern(path.rstrip("/")) + "/?"),
            fixed=fixed,
            in_query=frozenset(member["name"] for member in located if member.get("location") == "querystring"),
            in_headers=frozenset(member["name"] for member in located if member.get("location") == "header"),
        )


def _pattern(path: str) -> str:
    """Return a regular expression for a path of botocore's models, such as /{Bucket}/{Key+}."""
    parts = re.split(r"(\{\w+\+?\})", path)
    return "".join(
        ".+" if part.endswith("+}") else "[^/]+" if part.startswith("{") else re.escape(part) for part in parts
    )


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model({"states": "stepfunctions"}.get(service, service))
