"""Derives the IAM actions and resources that a request requires from its operation and parameters."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

from moto.athena.models import athena_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from sandbox.aws_requests import REGION, AwsRequest, read_body
from sandbox.moto_ssm import ssm_backends
from sandbox.policies.caller import catalog_resources
from sandbox.policies.policy import RequiredPermission

_S3_ACTIONS = {
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "HeadObject": "GetObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "ListBuckets": "ListAllMyBuckets",
}
_ACTION_OF_HEADER = {
    "HTTP_X_AMZ_OBJECT_LOCK_MODE": "PutObjectRetention",
    "HTTP_X_AMZ_OBJECT_LOCK_LEGAL_HOLD": "PutObjectLegalHold",
    "HTTP_X_AMZ_TAGGING": "PutObjectTagging",
    "HTTP_X_AMZ_ACL": "PutObjectAcl",
    "HTTP_IF_MATCH": "GetObject",
}
"""Further actions that PutObject requires when the request has this header."""
_BYPASS = "HTTP_X_AMZ_BYPASS_GOVERNANCE_RETENTION"
_OTHER_ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:InvokeAsync": "lambda:InvokeFunction",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}


def required_permissions(request: AwsRequest, environ: dict[str, Any]) -> Iterator[RequiredPermission]:
    """Yield every permission that the request requires.

    An operation that is not known here requires the action of its own name on all resources.
    """
    action = f"{request.service}:{request.operation}"
    resources: Sequence[str]
    match request.service:
        case "s3":
            yield from _s3_permissions(request.operation, environ)
            return
        case "sts" if request.operation == "GetCallerIdentity":
            return  # AWS requires no permission for it
        case "iam" if request.operation == "SimulatePrincipalPolicy":
            resources = [_members(environ).get("PolicySourceArn", "*")]
        case "lambda":
            resources = _lambda_resources(environ)
        case "sqs":
            resources = [_queue(_members(environ))]
        case "ssm" | "glue" | "athena" | "kms" | "states" | "events":
            members = _members(environ)
            resources = _RESOURCES[request.service](request.operation, members)
            yield from _parameter_key_permissions(request.operation, members) if request.service == "ssm" else ()
            yield from _further_athena_permissions(request.operation, members) if request.service == "athena" else ()
        case _:
            resources = ["*"]
    for resource in resources or ["*"]:
        yield RequiredPermission(_OTHER_ACTIONS.get(action, action), resource)


def _s3_permissions(operation: str, environ: dict[str, Any]) -> Iterator[RequiredPermission]:
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace").lstrip("/")
    bucket, _, key = path.partition("/")
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    action = f"s3:{_S3_ACTIONS.get(operation, operation)}"
    if "versionId" in query and action in ("s3:GetObject", "s3:DeleteObject"):
        action += "Version"
    prefix = tuple(("s3:prefix", value) for value in query.get("prefix", [])[:1])
    listing = action in ("s3:ListBucket", "s3:ListBucketVersions")
    if operation == "DeleteObjects":
        for name in ElementTree.fromstring(read_body(environ)).iterfind(".//{*}Key"):
            yield RequiredPermission("s3:DeleteObject", f"arn:aws:s3:::{bucket}/{name.text}")
        return
    resource = f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}" if bucket else "*"
    yield RequiredPermission(action, resource, prefix if listing else ())
    if action == "s3:PutObject":
        extra = (action for header, action in _ACTION_OF_HEADER.items() if header in environ)
        yield from (RequiredPermission(f"s3:{action}", resource) for action in extra)
    if environ.get(_BYPASS, "").lower() == "true":
        yield RequiredPermission("s3:BypassGovernanceRetention", resource)
    if source := environ.get("HTTP_X_AMZ_COPY_SOURCE"):
        yield RequiredPermission("s3:GetObject", f"arn:aws:s3:::{unquote(source).lstrip('/').partition('?')[0]}")
    if action == "s3:GetObject" and key and not _exists(bucket, key):
        # S3 answers 403 in place of 404 to a caller who may not list the bucket. The request has no s3:prefix.
        yield RequiredPermission("s3:ListBucket", f"arn:aws:s3:::{bucket}")


def _exists(bucket: str, key: str) -> bool:
    held = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.get(bucket)
    return held is not None and key in held.keys


def _lambda_resources(environ: dict[str, Any]) -> Sequence[str]:
    match = re.search(r"/functions/([^/]+)", environ["PATH_INFO"])
    if match is None:
        return []
    name = unquote(match[1])
    qualifier = parse_qs(environ.get("QUERY_STRING", "")).get("Qualifier", [""])[0]
    name = name if name.startswith("arn:") else _arn("lambda", f"function:{name.rpartition(':function:')[2]}")
    return [f"{name}:{qualifier}" if qualifier else name]


def _ssm_resources(operation: str, members: dict[str, Any]) -> Sequence[str]:
    names = members.get("Names") or [members[name] for name in ("Name", "Path") if name in members]
    # A version or a label of a parameter is not a resource of its own.
    return [_arn("ssm", f"parameter/{name.partition(':')[0].removeprefix('/')}") for name in names]


def _parameter_key_permissions(operation: str, members: dict[str, Any]) -> Iterator[RequiredPermission]:
    """Yield what SSM does with KMS on behalf of the caller. The account's own key, alias/aws/ssm, requires nothing."""
    key = members.get("KeyId") if members.get("Type") == "SecureString" else None
    if members.get("WithDecryption"):
        parameter = ssm_backends[DEFAULT_ACCOUNT_ID][REGION].get_parameter(members.get("Name"))
        key = parameter.keyid if parameter is not None and parameter.parameter_type == "SecureString" else None
    if key and key != "alias/aws/ssm":
        arn = key if key.startswith("arn:") else _arn("kms", f"key/{key}")
        via_ssm = (("kms:ViaService", f"ssm.{REGION}.amazonaws.com"),)
        yield RequiredPermission("kms:Encrypt" if operation == "PutParameter" else "kms:Decrypt", arn, via_ssm)


def _glue_resources(operation: str, members: dict[str, Any]) -> Sequence[str]:
    if job := members.get("JobName") or ("Job" in operation and members.get("Name")):
        return [_arn("glue", f"job/{job}")]
    if "Workflow" in operation and members.get("Name"):
        return [_arn("glue", f"workflow/{members['Name']}")]
    if "Crawler" in operation and members.get("Name"):
        return [_arn("glue", f"crawler/{members['Name']}")]
    catalog_id = members.get("CatalogId", "")
    database, table = members.get("DatabaseName", ""), members.get("TableName", "")
    if operation in ("GetDatabase", "DeleteDatabase", "UpdateDatabase"):
        database = members.get("Name", "")
    elif operation == "CreateDatabase":
        database = members.get("DatabaseInput", {}).get("Name", "")
    elif operation in ("CreateTable", "UpdateTable"):
        table = members.get("TableInput", {}).get("Name", "")
    elif operation in ("GetTables", "SearchTables"):
        table = "*"
    elif database and not table:
        table = members.get("Name", "")
    return list(catalog_resources(database, table, catalog_id))


def _athena_resources(operation: str, members: dict[str, Any]) -> Sequence[str]:
    execution = _execution(members)
    if execution is not None:
        return [_arn("athena", f"workgroup/{execution.workgroup.name}")]
    if operation == "StartQueryExecution" or "WorkGroup" in members:
        return [_arn("athena", f"workgroup/{members.get('WorkGroup') or 'primary'}")]
    catalog = members.get("CatalogName") or (operation == "GetDataCatalog" and members.get("Name"))
    return [_arn("athena", f"datacatalog/{catalog}")] if catalog else []


def _further_athena_permissions(operation: str, members: dict[str, Any]) -> Iterator[RequiredPermission]:
    """Yield s3:GetObject on a result that is fetched, and the use of a data catalog that is not the default."""
    catalog = (members.get("QueryExecutionContext") or {}).get("Catalog") or "awsdatacatalog"
    if operation == "StartQueryExecution" and catalog.lower() != "awsdatacatalog":
        yield RequiredPermission("athena:GetDataCatalog", _arn("athena", f"datacatalog/{catalog}"))
    execution = _execution(members)
    if operation == "GetQueryResults" and execution is not None:
        yield RequiredPermission("s3:GetObject", f"arn:aws:s3:::{execution.output.removeprefix('s3://')}")


def _execution(members: dict[str, Any]) -> Any:
    return athena_backends[DEFAULT_ACCOUNT_ID][REGION].executions.get(members.get("QueryExecutionId"))


def _queue(members: dict[str, Any]) -> str:
    name = str(members.get("QueueUrl") or members.get("QueueName") or "").rstrip("/").rpartition("/")[2]
    return _arn("sqs", name) if name else "*"


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{DEFAULT_ACCOUNT_ID}:{resource}"


def _members(environ: dict[str, Any]) -> dict[str, Any]:
    """Return the members of the request's body, which is JSON or a form."""
    body = read_body(environ).decode("utf-8", "replace")
    try:
        members = json.loads(body or "{}")
    except ValueError:
        return {name: values[0] for name, values in parse_qs(body).items()}
    return members if isinstance(members, dict) else {}


def _kms_resources(operation: str, members: dict[str, Any]) -> Sequence[str]:
    key = members.get("KeyId")
    return [] if key is None else [key if key.startswith("arn:") else _arn("kms", f"key/{key}")]


def _states_resources(operation: str, members: dict[str, Any]) -> Sequence[str]:
    return [members[name] for name in ("stateMachineArn", "executionArn") if name in members]


def _events_resources(operation: str, members: dict[str, Any]) -> Sequence[str]:
    if operation == "PutEvents":
        buses = [entry.get("EventBusName") or "default" for entry in members.get("Entries", ())]
    else:
        buses = [members.get("EventBusName") or members.get("Name") or "default"]
    return [bus if bus.startswith("arn:") else _arn("events", f"event-bus/{bus}") for bus in buses]


_RESOURCES = {
    "ssm": _ssm_resources,
    "glue": _glue_resources,
    "athena": _athena_resources,
    "kms": _kms_resources,
    "states": _states_resources,
    "events": _events_resources,
}
"""By service: the ARNs that a request is about, from its operation and members."""
