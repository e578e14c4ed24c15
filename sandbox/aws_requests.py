"""What a request asks of AWS, and how each service says no, read from botocore's own models of the services."""

import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import botocore.session

SERVICES = ("s3", "ssm", "lambda", "glue", "athena", "sts", "sqs", "logs", "iam")
REGION = "us-east-1"
"""The sandbox serves every region as this one."""
_SIGNED = re.compile(r"Credential=([^/,]+)/\d+/[^/]+/([^/]+)/")


@dataclass(frozen=True, slots=True)
class AwsRequest:
    """By the names that boto3 has for service and operation. `access_key` is that of the signature."""

    service: str
    operation: str
    access_key: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as AWS answers it."""

    status: int
    code: str
    message: str


def read_request(environ: dict[str, Any]) -> AwsRequest | None:
    """None for one that nobody signed, such as a browser's, or of a service that the sandbox does not know."""
    signed = _SIGNED.search(environ.get("HTTP_AUTHORIZATION", ""))
    if signed is None or signed[2] not in SERVICES:
        return None
    access_key, service = signed.groups()
    return AwsRequest(service, _operation(service, environ), access_key)


def operations(service: str) -> tuple[str, ...]:
    return tuple(_model(service).operation_names)


def refusal_body(service: str, refusal: Refusal, request_id: str) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of the answer, as the service's protocol has them."""
    protocol, id_header = _model(service).protocol, ("x-amzn-RequestId", request_id)
    code, message = escape(refusal.code), escape(refusal.message)
    if protocol == "rest-xml":
        told = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
        return [("Content-Type", "application/xml"), ("x-amz-request-id", request_id)], told.encode()
    if protocol == "query":
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        told = f"<ErrorResponse>{error}<RequestId>{request_id}</RequestId></ErrorResponse>"
        return [("Content-Type", "text/xml"), id_header], told.encode()
    body = json.dumps({"__type": refusal.code, "message": refusal.message}).encode()
    return [("Content-Type", "application/json"), ("x-amzn-errortype", refusal.code), id_header], body


def _operation(service: str, environ: dict[str, Any]) -> str:
    protocol = _model(service).protocol
    if protocol == "json":
        return str(environ.get("HTTP_X_AMZ_TARGET", "")).rpartition(".")[2]
    if protocol == "query":
        return parse_qs(_body(environ).decode("utf-8", "replace")).get("Action", [""])[0]
    asked = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    found = (place for place in _places(service) if place.is_asked(environ, asked))
    best = max(found, key=lambda place: place.conditions, default=None)
    return best.operation if best else ""


def _body(environ: dict[str, Any]) -> bytes:
    """The body, which the next one finds unread."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an operation of a REST service is, and what else must be in a request for it to be meant."""

    operation: str
    method: str
    path: re.Pattern[str]
    fixed: Mapping[str, str]
    in_query: frozenset[str]
    in_headers: frozenset[str]

    @property
    def conditions(self) -> tuple[int, int]:
        return len(self.fixed) + len(self.in_query) + len(self.in_headers), -len(self.operation)

    def is_asked(self, environ: Mapping[str, Any], asked: Mapping[str, list[str]]) -> bool:
        return (
            environ["REQUEST_METHOD"] == self.method
            and self.path.fullmatch(environ["PATH_INFO"]) is not None
            and all(asked.get(name, [None])[0] == value for name, value in self.fixed.items())
            and self.in_query <= asked.keys()
            and all(f"HTTP_{name.upper().replace('-', '_')}" in environ for name in self.in_headers)
        )


@cache
def _places(service: str) -> tuple[_Place, ...]:
    return tuple(_read_places(_model(service)))


def _read_places(model: Any) -> Iterator[_Place]:
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        members = operation.input_shape.members if operation.input_shape else {}
        required = operation.input_shape.required_members if operation.input_shape else ()
        located = [members[each].serialization for each in required]
        fixed = {key: values[0] for key, values in parse_qs(query, keep_blank_values=True).items()}
        yield _Place(
            operation=name,
            method=operation.http["method"],
            path=re.compile(_pattern(path.rstrip("/")) + "/?"),
            fixed=fixed,
            in_query=frozenset(at["name"] for at in located if at.get("location") == "querystring"),
            in_headers=frozenset(at["name"] for at in located if at.get("location") == "header"),
        )


def _pattern(path: str) -> str:
    parts = re.split(r"(\{\w+\+?\})", path)
    return "".join(
        ".+" if part.endswith("+}") else "[^/]+" if part.startswith("{") else re.escape(part) for part in parts
    )


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)
