"""Makes in an AWS everything that the contracts' pipelines name, and a pipeline that does what the contracts await."""

import contextlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from acceptance.contract import AwaitGlueJob, AwaitObject, Contract, Invoke, RunGlueJob, Step
from sandbox.athena.ddl import FORMATS
from sandbox.athena.values import RESULTS_BUCKET

PIPELINE = Path(__file__).parent / "pipeline"
CODE_BUCKET = "pipeline-code"
ROLE = "sandbox-pipeline"
MAX_CONCURRENT_RUNS = 10
_THERE_ALREADY = (
    "BucketAlreadyOwnedByYou", "BucketAlreadyExists", "AlreadyExistsException", "ParameterAlreadyExists",
    "EntityAlreadyExists", "InvalidRequestException",
)  # fmt: skip


def provision(
    session: boto3.Session, endpoint_url: str, contracts: Iterable[Contract], evidence_bucket: str = "evidence"
) -> None:
    """Can be repeated: what is there stays, and the pipeline's code becomes that of these contracts."""
    contracts = tuple(contracts)
    clients = {
        service: session.client(service, endpoint_url=endpoint_url)
        for service in ("s3", "ssm", "lambda", "glue", "athena", "iam")
    }
    for bucket in sorted({evidence_bucket, CODE_BUCKET, RESULTS_BUCKET}.union(*map(_buckets, contracts))):
        with _once():
            clients["s3"].create_bucket(Bucket=bucket)
    _open_to_browsers(clients["s3"], evidence_bucket)
    _pipeline(clients, contracts)
    for contract in contracts:
        _parameters(clients["ssm"], contract)
        _table(clients["glue"], contract)
        location = contract.table.output_location or f"s3://{RESULTS_BUCKET}/"
        configuration = {"ResultConfiguration": {"OutputLocation": location}, "EnforceWorkGroupConfiguration": False}
        with _once():
            clients["athena"].create_work_group(Name=contract.table.workgroup, Configuration=configuration)


def _open_to_browsers(s3: Any, bucket: str) -> None:
    """A browser signs nothing: without this policy S3 answers 403 to the links to the evidence."""
    read = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [read]}))


def table_location(contract: Contract) -> str:
    """What the steps await in the table, without the partition; the SOR bucket if they await nothing there."""
    for step in _of(contract, AwaitObject):
        if _in_table(contract, step):
            kept = step.uri.split("/")
            first = next((place for place, part in enumerate(kept) if "=" in part), len(kept))
            return "/".join(kept[:first]).rstrip("/") + "/"
    return f"s3://sor/{contract.table.name}/"


def actions(contract: Contract) -> dict[str, list[tuple[str, str]]]:
    """What each function has to do, (action, target), from what is awaited between its call and the next one.

    An object outside the table: copy the landed one there. A Glue job: start it. If no step names a job, the function
    that is called last fills the table itself.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    function = ""
    for step in contract.steps:
        if isinstance(step, Invoke):
            function = step.function
            found.setdefault(function, [])
        elif function and isinstance(step, AwaitGlueJob):
            found[function].append(("start", step.job))
        elif function and isinstance(step, AwaitObject) and not _in_table(contract, step):
            found[function].append(("copy", step.uri))
    if function and not _of(contract, AwaitGlueJob, RunGlueJob):
        found[function].append(("ingest", ""))
    return found


def _pipeline(clients: Mapping[str, Any], contracts: Sequence[Contract]) -> None:
    package = _package([_plan(contract) for contract in contracts])
    clients["s3"].put_object(Bucket=CODE_BUCKET, Key="pipeline.zip", Body=package)
    clients["s3"].put_object(Bucket=CODE_BUCKET, Key="job.py", Body=(PIPELINE / "job.py").read_bytes())
    with _once():
        clients["iam"].create_role(RoleName=ROLE, AssumeRolePolicyDocument="{}")
    role = clients["iam"].get_role(RoleName=ROLE)["Role"]["Arn"]
    for function in sorted({step.function for contract in contracts for step in _of(contract, Invoke)}):
        _function(clients["lambda"], function, role, package)
    for job in sorted({step.job for contract in contracts for step in _of(contract, AwaitGlueJob, RunGlueJob)}):
        _job(clients["glue"], job, role)


def _plan(contract: Contract) -> dict[str, Any]:
    staged = _targets(contract, "copy")
    return {
        "dataset": contract.dataset,
        "location": f"s3://{contract.template.bucket}/{contract.template.pattern}",
        "landing": asdict(contract.landing),
        "columns": [asdict(column) for column in contract.landed_columns],
        "partition": dict(contract.partition),
        "database": contract.table.database,
        "table": contract.table.name,
        "staged": staged[-1] if staged else None,
        "actions": actions(contract),
        "jobs": [step.job for step in _of(contract, AwaitGlueJob, RunGlueJob)],
    }


def _package(plan: list[dict[str, Any]]) -> bytes:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as file:
        for module in sorted(PIPELINE.glob("*.py")):
            file.write(module, module.name)
        file.writestr("plan.json", json.dumps(plan, indent=1))
    return package.getvalue()


def _function(client: Any, name: str, role: str, package: bytes) -> None:
    try:
        client.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=role,
            Handler="handler.handler",
            Code={"ZipFile": package},
            Timeout=300,
        )
    except client.exceptions.ResourceConflictException:
        client.update_function_code(FunctionName=name, ZipFile=package)


def _job(client: Any, name: str, role: str) -> None:
    with _once():
        client.create_job(
            Name=name,
            Role=role,
            Command={"Name": "pythonshell", "ScriptLocation": f"s3://{CODE_BUCKET}/job.py", "PythonVersion": "3.9"},
            DefaultArguments={"--extra-py-files": f"s3://{CODE_BUCKET}/pipeline.zip"},
            ExecutionProperty={"MaxConcurrentRuns": MAX_CONCURRENT_RUNS},
        )


def _parameters(client: Any, contract: Contract) -> None:
    facts = {
        "source_bucket": contract.template.bucket,
        "database": contract.table.database,
        "table": contract.table.name,
    }
    for uri in _targets(contract, "copy"):
        facts["stage_bucket"] = _bucket(contract, uri)
    for job in _targets(contract, "start"):
        facts["job"] = job
    for name in {override.copy_of for override in contract.override if override.copy_of}:
        with _once():
            client.put_parameter(Name=name, Type="String", Value=json.dumps(facts))


def _table(client: Any, contract: Contract) -> None:
    with _once():
        client.create_database(DatabaseInput={"Name": contract.table.database})
    types = {column.name: column.type for column in contract.columns}
    input_format, output_format, serde = FORMATS["PARQUET"]
    columns = [column for column in contract.columns if column.name not in contract.partition]
    storage = {
        "Columns": [{"Name": column.name, "Type": column.type} for column in columns],
        "Location": table_location(contract),
        "InputFormat": input_format,
        "OutputFormat": output_format,
        "SerdeInfo": {"SerializationLibrary": serde},
    }
    keys = [{"Name": name, "Type": types[name]} for name in contract.partition]
    table = {"Name": contract.table.name, "TableType": "EXTERNAL_TABLE", "Parameters": {"EXTERNAL": "TRUE"}}
    with _once():
        described = {**table, "StorageDescriptor": storage, "PartitionKeys": keys}
        client.create_table(DatabaseName=contract.table.database, TableInput=described)


def _targets(contract: Contract, action: str) -> list[str]:
    return [target for done in actions(contract).values() for each, target in done if each == action]


def _buckets(contract: Contract) -> Iterator[str]:
    yield contract.template.bucket
    for uri in (
        table_location(contract),
        contract.table.output_location,
        *(step.uri for step in _of(contract, AwaitObject)),
    ):
        if uri and "{" not in (bucket := _bucket(contract, uri)):
            yield bucket


def _bucket(contract: Contract, uri: str) -> str:
    return uri.removeprefix("s3://").partition("/")[0].replace("{bucket}", contract.template.bucket)


def _in_table(contract: Contract, step: AwaitObject) -> bool:
    """A prefix is the table's if it names a partition; of a table without partitions, if it is awaited last."""
    if contract.partition:
        return any(f"/{name}=" in step.uri for name in contract.partition)
    return step.uri.endswith("/") and step is _of(contract, AwaitObject)[-1]


def _of(contract: Contract, *kinds: type[Step]) -> list[Any]:
    return [step for step in contract.steps if isinstance(step, kinds)]


@contextlib.contextmanager
def _once() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in _THERE_ALREADY:
            raise
