"""Creates the AWS resources that the contracts name, and a pipeline that does what the contracts await."""

import base64
import contextlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import boto3
from botocore.exceptions import ClientError

from acceptance.contract.contract import Contract, Table
from acceptance.errors import SettingsError
from aws.glue.catalog import in_catalog
from sandbox.athena.ddl import FORMATS
from sandbox.athena.readers import identifier
from sandbox.athena.values import RESULTS_BUCKET, trino_type
from sandbox.pipeline.deployed import iceberg
from sandbox.pipeline.pipeline_plan import (
    EventRule,
    catalog_id,
    definition,
    filled_table,
    fired_function,
    fires_by_itself,
    job_of_workflow,
    name_of_machine,
    plan,
    resources_of,
    table_location,
    targets,
)

DEPLOYED = Path(__file__).parent / "deployed"
CODE_BUCKET = "pipeline-code"
ROLE = "sandbox-pipeline"
MAX_CONCURRENT_RUNS = 10
_EXISTS_ALREADY = (
    "BucketAlreadyOwnedByYou", "BucketAlreadyExists", "AlreadyExistsException", "ParameterAlreadyExists",
    "EntityAlreadyExists", "InvalidRequestException", "StateMachineAlreadyExists",
    "ResourceAlreadyExistsException",
)  # fmt: skip


def provision(
    session: boto3.Session, endpoint_url: str, contracts: Iterable[Contract], evidence_bucket: str = "evidence"
) -> None:
    """Create what does not exist yet, and replace the pipeline's code by that for these contracts."""
    contracts = tuple(contracts)
    clients = {
        service: session.client(service, endpoint_url=endpoint_url)
        for service in ("s3", "ssm", "lambda", "glue", "athena", "iam", "stepfunctions", "events")
    }
    for bucket in sorted({evidence_bucket, CODE_BUCKET, RESULTS_BUCKET}.union(*map(_buckets, contracts))):
        with _unless_it_exists():
            clients["s3"].create_bucket(Bucket=bucket)
    _open_to_browsers(clients["s3"], evidence_bucket)
    _create_pipeline(clients, contracts)
    for contract in contracts:
        _put_parameters(clients["ssm"], contract)
        _create_catalog(clients["athena"], contract.table)
        if iceberg.is_iceberg({"Parameters": dict(contract.table.properties)}):
            _create_iceberg_table(session, endpoint_url, clients["glue"], contract)
        else:
            _create_sor_table(clients["glue"], contract)
        _create_crawlers(clients["glue"], contract)
        if contract.landed_table:
            _create_landed_table(clients["glue"], contract)
        location = contract.table.output_location or f"s3://{RESULTS_BUCKET}/"
        configuration = {"ResultConfiguration": {"OutputLocation": location}, "EnforceWorkGroupConfiguration": False}
        with _unless_it_exists():
            clients["athena"].create_work_group(Name=contract.table.workgroup, Configuration=configuration)


def _open_to_browsers(s3: Any, bucket: str) -> None:
    """Allow unsigned reads, because a browser that follows a link to evidence signs nothing."""
    read = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [read]}))


def _create_pipeline(clients: Mapping[str, Any], contracts: Sequence[Contract]) -> None:
    package = _zip_code([plan(contract) for contract in contracts])
    clients["s3"].put_object(Bucket=CODE_BUCKET, Key="pipeline.zip", Body=package)
    clients["s3"].put_object(Bucket=CODE_BUCKET, Key="job.py", Body=(DEPLOYED / "job.py").read_bytes())
    with _unless_it_exists():
        clients["iam"].create_role(RoleName=ROLE, AssumeRolePolicyDocument="{}")
    role = clients["iam"].get_role(RoleName=ROLE)["Role"]["Arn"]
    resources = [resources_of(contract) for contract in contracts]
    for function in sorted(set[str]().union(*(named.functions for named in resources))):
        _deploy_function(clients["lambda"], function, role, package)
    for job in sorted(set[str]().union(*(named.jobs for named in resources))):
        _create_job(clients["glue"], job, role)
    for machine in sorted(set[str]().union(*(named.state_machines for named in resources))):
        with _unless_it_exists():
            clients["stepfunctions"].create_state_machine(
                name=name_of_machine(machine), definition=definition(machine), roleArn=role
            )
    for workflow in sorted(set[str]().union(*(named.workflows for named in resources))):
        _create_workflow(clients["glue"], workflow)
    for rule in (rule for named in resources for rule in named.rules):
        _call_when_put(clients, rule)
    _fire_when_files_land(clients, [contract for contract in contracts if fires_by_itself(contract)])


def _create_workflow(client: Any, name: str) -> None:
    """Create a workflow of one job, which a trigger starts."""
    try:
        client.get_workflow(Name=name)
    except client.exceptions.EntityNotFoundException:
        client.create_workflow(Name=name)
    actions = [{"JobName": job_of_workflow(name)}]
    with _unless_it_exists():
        client.create_trigger(Name=f"start of {name}"[:255], WorkflowName=name, Type="ON_DEMAND", Actions=actions)


def _call_when_put(clients: Mapping[str, Any], rule: EventRule) -> None:
    """Let a rule of the bus call the function that hears of such events."""
    bus, function = rule.bus.rpartition("/")[2], rule.function
    with _unless_it_exists():
        clients["events"].create_event_bus(Name=bus)
    pattern = {"source": [rule.source], "detail-type": [rule.detail_type]}
    clients["events"].put_rule(Name=function, EventBusName=bus, EventPattern=json.dumps(pattern))
    arn = clients["lambda"].get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    clients["events"].put_targets(Rule=function, EventBusName=bus, Targets=[{"Id": function, "Arn": arn}])


def _fire_when_files_land(clients: Mapping[str, Any], contracts: Sequence[Contract]) -> None:
    """Let S3 call the functions of these contracts. What else a bucket notifies stays."""
    for bucket in {contract.template.bucket for contract in contracts}:
        notified = clients["s3"].get_bucket_notification_configuration(Bucket=bucket)
        notified.pop("ResponseMetadata")
        ours = [_notification(clients["lambda"], each) for each in contracts if each.template.bucket == bucket]
        names = {each["Id"] for each in ours}
        others = [each for each in notified.get("LambdaFunctionConfigurations", ()) if each["Id"] not in names]
        notified["LambdaFunctionConfigurations"] = [*others, *ours]
        clients["s3"].put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=notified)


def _notification(client: Any, contract: Contract) -> dict[str, Any]:
    function = fired_function(contract)
    return {
        "Id": function,
        "LambdaFunctionArn": client.get_function(FunctionName=function)["Configuration"]["FunctionArn"],
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": contract.template.prefix}]}},
    }


def _zip_code(plan: list[dict[str, Any]]) -> bytes:
    """Return the zip file that Lambda and Glue run: the modules of deployed/, and the plan."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as file:
        for module in sorted(DEPLOYED.glob("*.py")):
            file.write(module, module.name)
        file.writestr("plan.json", json.dumps(plan, indent=1))
    return package.getvalue()


def _deploy_function(client: Any, name: str, role: str, package: bytes) -> None:
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


def _create_job(client: Any, name: str, role: str) -> None:
    with _unless_it_exists():
        client.create_job(
            Name=name,
            Role=role,
            Command={"Name": "pythonshell", "ScriptLocation": f"s3://{CODE_BUCKET}/job.py", "PythonVersion": "3.9"},
            DefaultArguments={"--extra-py-files": f"s3://{CODE_BUCKET}/pipeline.zip"},
            ExecutionProperty={"MaxConcurrentRuns": MAX_CONCURRENT_RUNS},
        )


def _put_parameters(client: Any, contract: Contract) -> None:
    facts = {
        "source_bucket": contract.template.bucket,
        "database": contract.table.database,
        "table": filled_table(contract),
    }
    for uri in targets(contract, "copy"):
        facts["stage_bucket"] = _bucket(contract, uri)
    for job in targets(contract, "start"):
        facts["job"] = job
    for name in {override.copy_of for override in contract.override if override.copy_of}:
        with _unless_it_exists():
            client.put_parameter(Name=name, Type="String", Value=json.dumps(facts))


def _create_catalog(client: Any, table: Table) -> None:
    """Register a data catalog of another account. Those below another catalog are not registered."""
    if catalog_id(table) and "/" not in table.catalog:
        parameters = {"catalog-id": catalog_id(table)}
        with _unless_it_exists():
            client.create_data_catalog(Name=table.catalog, Type="GLUE", Parameters=parameters)


def _create_iceberg_table(session: boto3.Session, endpoint_url: str, client: Any, contract: Contract) -> None:
    if find_spec("pyiceberg") is None or find_spec("pyarrow") is None:
        raise SettingsError(
            f"the sandbox makes the Iceberg table {contract.table.name} by pyiceberg, which is not installed; "
            "`pip install 'aceite[iceberg]'`, or leave table_type out of the tableProperties"
        )
    table, types = contract.table, {column.name: column.type for column in contract.columns}
    in_ = in_catalog(catalog_id(table))
    with _unless_it_exists():
        client.create_database(DatabaseInput={"Name": table.database}, **in_)
    if client.get_tables(DatabaseName=table.database, Expression=f"^{table.name}$", **in_)["TableList"]:
        return
    keys, location = list(contract.partition), table_location(contract)
    name = (table.database, table.name)
    iceberg.create(session, endpoint_url, name, types, keys, location, catalog_id(table))


def _create_sor_table(client: Any, contract: Contract) -> None:
    types = {column.name: column.type for column in contract.columns}
    columns = {name: type_ for name, type_ in types.items() if name not in contract.partition}
    keys = {name: types[name] for name in contract.partition}
    database, name, properties = contract.table.database, filled_table(contract), dict(contract.table.properties)
    location = table_location(contract)
    _create_table(
        client,
        (database, name),
        "PARQUET",
        columns,
        location,
        catalog_id(contract.table),
        keys=keys,
        parameters=properties,
    )
    if contract.table.view:
        select = f"SELECT {', '.join(map(identifier, types))} FROM {identifier(database)}.{identifier(name)}"
        _create_view(client, contract.table, types, select)


def _create_view(client: Any, table: Table, columns: Mapping[str, str], select: str) -> None:
    """Create the view as Athena keeps one in the catalog."""
    # Source: https://docs.aws.amazon.com/athena/latest/ug/views-glue.html
    typed = [{"name": name, "type": trino_type(type_)} for name, type_ in columns.items()]
    kept = {
        "originalSql": select,
        "catalog": table.catalog,
        "schema": table.database,
        "columns": typed,
        "runAsInvoker": True,
    }
    nowhere = {"Location": "", "SerdeInfo": {}}
    described = {
        "Name": table.name,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "StorageDescriptor": {"Columns": [{"Name": name, "Type": type_} for name, type_ in columns.items()], **nowhere},
        "ViewOriginalText": f"/* Presto View: {base64.b64encode(json.dumps(kept).encode()).decode()} */",
        "ViewExpandedText": "/* Presto View */",
    }
    with _unless_it_exists():
        client.create_table(DatabaseName=table.database, TableInput=described, **in_catalog(catalog_id(table)))


def _create_crawlers(client: Any, contract: Contract) -> None:
    """Create the crawlers that add the partitions of the contract's table."""
    for name in resources_of(contract).crawlers:
        targets_ = {"S3Targets": [{"Path": table_location(contract)}]}
        with _unless_it_exists():
            client.create_crawler(Name=name, Role=ROLE, DatabaseName=contract.table.database, Targets=targets_)


def _create_landed_table(client: Any, contract: Contract) -> None:
    """Create the table over the landing location, with the file's columns; those of a CSV are texts."""
    database, _, name = contract.landed_table.partition(".")
    location = f"s3://{contract.template.bucket}/{contract.template.prefix}"
    id_ = catalog_id(contract.table)
    landing, columns = contract.landing, {column.landed.lower(): column.type for column in contract.landed_columns}
    if not landing.format.is_delimited:
        _create_table(client, (database, name), "PARQUET", columns, location, id_)
        return
    texts = dict.fromkeys([*columns, *map(str.lower, landing.ignored)], "string")
    characters = {"separatorChar": landing.delimiter, "quoteChar": landing.quote, "escapeChar": landing.quote}
    header = {"skip.header.line.count": str(int(landing.header))}
    _create_table(client, (database, name), "CSV", texts, location, id_, serde_parameters=characters, parameters=header)


def _create_table(
    client: Any,
    name: tuple[str, str],
    kind: str,
    columns: Mapping[str, str],
    location: str,
    in_: str,
    *,
    keys: Mapping[str, str] = MappingProxyType({}),
    serde_parameters: Mapping[str, str] = MappingProxyType({}),
    parameters: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Create a table unless it exists.

    `name` is database and table, `in_` the CatalogId. Columns and partition keys are name -> Hive type.
    `serde_parameters` are those of a CSV's serde, `parameters` those of the table.
    """
    input_format, output_format, serde = FORMATS[kind]
    storage = {
        "Columns": [{"Name": column, "Type": type_} for column, type_ in columns.items()],
        "Location": location,
        "InputFormat": input_format,
        "OutputFormat": output_format,
        "SerdeInfo": {"SerializationLibrary": serde, "Parameters": dict(serde_parameters)},
    }
    described = {
        "Name": name[1],
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", **parameters},
        "PartitionKeys": [{"Name": key, "Type": type_} for key, type_ in keys.items()],
        "StorageDescriptor": storage,
    }
    with _unless_it_exists():
        client.create_database(DatabaseInput={"Name": name[0]}, **in_catalog(in_))
    with _unless_it_exists():
        client.create_table(DatabaseName=name[0], TableInput=described, **in_catalog(in_))


def _buckets(contract: Contract) -> Iterator[str]:
    yield contract.template.bucket
    for uri in (
        table_location(contract),
        contract.table.output_location,
        *resources_of(contract).objects,
    ):
        if uri and "{" not in (bucket := _bucket(contract, uri)):
            yield bucket


def _bucket(contract: Contract, uri: str) -> str:
    return uri.removeprefix("s3://").partition("/")[0].replace("{bucket}", contract.template.bucket)


@contextlib.contextmanager
def _unless_it_exists() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in _EXISTS_ALREADY:
            raise
