"""What a request takes of who makes it: IAM's actions and resources, from the operations and their parameters."""

import json
import re
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

from moto.athena.models import athena_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.ssm.models import ssm_backends

from sandbox.aws_requests import REGION, AwsRequest
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
_WITH_HEADER = {
    "HTTP_X_AMZ_OBJECT_LOCK_MODE": "PutObjectRetention",
    "HTTP_X_AMZ_OBJECT_LOCK_LEGAL_HOLD": "PutObjectLegalHold",
    "HTTP_X_AMZ_TAGGING": "PutObjectTagging",
    "HTTP_X_AMZ_ACL": "PutObjectAcl",
    "HTTP_IF_MATCH": "GetObject",
}
"""What putting an object takes besides."""
_BYPASS = "HTTP_X_AMZ_BYPASS_GOVERNANCE_RETENTION"
_OTHER_ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:InvokeAsync": "lambda:InvokeFunction",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}


def required_permissions(asked: AwsRequest, environ: dict[str, Any]) -> Iterator[RequiredPermission]:
    """Every right that the request takes. One that is not known takes the operation's own, on everything."""
    action = f"{asked.service}:{asked.operation}"
    resources: Sequence[str]
    match asked.service:
        case "s3":
            yield from _of_s3(asked.operation, environ)
            return
        case "sts" if asked.operation == "GetCallerIdentity":
            return  # which nobody needs a right for
        case "iam" if asked.operation == "SimulatePrincipalPolicy":
            resources = [_members(environ).get("PolicySourceArn", "*")]
        case "lambda":
            resources = _of_lambda(environ)
        case "sqs":
            resources = [_queue(_members(environ))]
        case "ssm" | "glue" | "athena":
            told = _members(environ)
            resources = {"ssm": _of_ssm, "glue": _of_glue, "athena": _of_athena}[asked.service](asked.operation, told)
            yield from _keys_of_parameter(asked.operation, told) if asked.service == "ssm" else ()
            yield from _besides_athena(asked.operation, told) if asked.service == "athena" else ()
        case _:
            resources = ["*"]
    for resource in resources or ["*"]:
        yield RequiredPermission(_OTHER_ACTIONS.get(action, action), resource)


def _of_s3(operation: str, environ: dict[str, Any]) -> Iterator[RequiredPermission]:
    place = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace").lstrip("/")
    bucket, _, key = place.partition("/")
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    action = f"s3:{_S3_ACTIONS.get(operation, operation)}"
    if "versionId" in query and action in ("s3:GetObject", "s3:DeleteObject"):
        action += "Version"
    prefix = tuple(("s3:prefix", value) for value in query.get("prefix", [])[:1])
    listing = action in ("s3:ListBucket", "s3:ListBucketVersions")
    if operation == "DeleteObjects":
        for name in ElementTree.fromstring(body_of(environ)).iterfind(".//{*}Key"):
            yield RequiredPermission("s3:DeleteObject", f"arn:aws:s3:::{bucket}/{name.text}")
        return
    resource = f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}" if bucket else "*"
    yield RequiredPermission(action, resource, prefix if listing else ())
    if action == "s3:PutObject":
        extra = (action for header, action in _WITH_HEADER.items() if header in environ)
        yield from (RequiredPermission(f"s3:{action}", resource) for action in extra)
    if environ.get(_BYPASS, "").lower() == "true":
        yield RequiredPermission("s3:BypassGovernanceRetention", resource)
    if source := environ.get("HTTP_X_AMZ_COPY_SOURCE"):
        yield RequiredPermission("s3:GetObject", f"arn:aws:s3:::{unquote(source).lstrip('/').partition('?')[0]}")
    if action == "s3:GetObject" and key and not _is_there(bucket, key):
        # Who may not list the bucket is not told that an object is not there. Of a prefix this request knows nothing.
        yield RequiredPermission("s3:ListBucket", f"arn:aws:s3:::{bucket}")


def _is_there(bucket: str, key: str) -> bool:
    found = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.get(bucket)
    return found is not None and key in found.keys


def _of_lambda(environ: dict[str, Any]) -> Sequence[str]:
    found = re.search(r"/functions/([^/]+)", environ["PATH_INFO"])
    if found is None:
        return []
    name = unquote(found[1])
    qualifier = parse_qs(environ.get("QUERY_STRING", "")).get("Qualifier", [""])[0]
    name = name if name.startswith("arn:") else _arn("lambda", f"function:{name.rpartition(':function:')[2]}")
    return [f"{name}:{qualifier}" if qualifier else name]


def _of_ssm(operation: str, told: dict[str, Any]) -> Sequence[str]:
    names = told.get("Names") or [told[name] for name in ("Name", "Path") if name in told]
    # A version or a label of a parameter is no resource of its own.
    return [_arn("ssm", f"parameter/{name.partition(':')[0].removeprefix('/')}") for name in names]


def _keys_of_parameter(operation: str, told: dict[str, Any]) -> Iterator[RequiredPermission]:
    """SSM decrypts and encrypts in the name of who asks; under the account's own key that is not asked for."""
    key = told.get("KeyId") if told.get("Type") == "SecureString" else None
    if told.get("WithDecryption"):
        found = ssm_backends[DEFAULT_ACCOUNT_ID][REGION].get_parameter(told.get("Name"))
        key = found.keyid if found is not None and found.parameter_type == "SecureString" else None
    if key and key != "alias/aws/ssm":
        arn = key if key.startswith("arn:") else _arn("kms", f"key/{key}")
        through = (("kms:ViaService", f"ssm.{REGION}.amazonaws.com"),)
        yield RequiredPermission("kms:Encrypt" if operation == "PutParameter" else "kms:Decrypt", arn, through)


def _of_glue(operation: str, told: dict[str, Any]) -> Sequence[str]:
    if job := told.get("JobName") or ("Job" in operation and told.get("Name")):
        return [_arn("glue", f"job/{job}")]
    database, table = told.get("DatabaseName", ""), told.get("TableName", "")
    if operation in ("GetDatabase", "DeleteDatabase", "UpdateDatabase"):
        database = told.get("Name", "")
    elif operation == "CreateDatabase":
        database = told.get("DatabaseInput", {}).get("Name", "")
    elif operation in ("CreateTable", "UpdateTable"):
        table = told.get("TableInput", {}).get("Name", "")
    elif operation in ("GetTables", "SearchTables"):
        table = "*"
    elif database and not table:
        table = told.get("Name", "")
    return [_arn("glue", resource) for resource in catalog_resources(database, table)]


def _of_athena(operation: str, told: dict[str, Any]) -> Sequence[str]:
    found = _execution(told)
    if found is not None:
        return [_arn("athena", f"workgroup/{found.workgroup.name}")]
    if operation == "StartQueryExecution" or "WorkGroup" in told:
        return [_arn("athena", f"workgroup/{told.get('WorkGroup') or 'primary'}")]
    return [_arn("athena", f"datacatalog/{told['CatalogName']}")] if "CatalogName" in told else []


def _besides_athena(operation: str, told: dict[str, Any]) -> Iterator[RequiredPermission]:
    """Who fetches rows reads the object that they are in; who queries another catalog uses it."""
    catalog = (told.get("QueryExecutionContext") or {}).get("Catalog") or "awsdatacatalog"
    if operation == "StartQueryExecution" and catalog.lower() != "awsdatacatalog":
        yield RequiredPermission("athena:GetDataCatalog", _arn("athena", f"datacatalog/{catalog}"))
    found = _execution(told)
    if operation == "GetQueryResults" and found is not None:
        yield RequiredPermission("s3:GetObject", f"arn:aws:s3:::{found.output.removeprefix('s3://')}")


def _execution(told: dict[str, Any]) -> Any:
    return athena_backends[DEFAULT_ACCOUNT_ID][REGION].executions.get(told.get("QueryExecutionId"))


def _queue(told: dict[str, Any]) -> str:
    name = str(told.get("QueueUrl") or told.get("QueueName") or "").rstrip("/").rpartition("/")[2]
    return _arn("sqs", name) if name else "*"


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{DEFAULT_ACCOUNT_ID}:{resource}"


def _members(environ: dict[str, Any]) -> dict[str, Any]:
    """The members of a request in JSON, or of a form."""
    body = body_of(environ).decode("utf-8", "replace")
    try:
        told = json.loads(body or "{}")
    except ValueError:
        return {name: values[0] for name, values in parse_qs(body).items()}
    return told if isinstance(told, dict) else {}


def body_of(environ: dict[str, Any]) -> bytes:
    """The body, which the next one finds unread."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = BytesIO(body)
    return body
