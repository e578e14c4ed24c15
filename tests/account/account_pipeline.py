"""A pipeline of its own in an account: buckets, functions, job, table, parameters, workgroup, and the roles they need.

It asks for what real AWS demands, whether the sandbox does or not.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from account_aws import Account
from account_deletion import Undo, delete_bucket, forget_job_runs
from account_roles import Statement, allow, make_role, once_in_force
from polling import eventually

CODE = Path(__file__).parent / "pipeline"
BUCKETS = ("landing", "stage", "sor", "evidence", "results", "code")
BOOKS, TYPES, LOANS = "books", "types", "loans"
TABLES = {
    BOOKS: {"id": "bigint", "title": "string", "price": "decimal(9,2)", "released": "date"},
    TYPES: {
        "id": "bigint", "tiny": "tinyint", "small": "smallint", "whole": "int", "title": "string",
        "code": "varchar(40)", "country": "char(5)", "score": "decimal(4,1)", "share": "decimal(4,4)",
        "total": "decimal(38,0)", "audience": "double", "ratio": "float", "seen": "boolean", "born": "date",
        "moment": "timestamp",
    },
}  # fmt: skip
"""The Hive types of the columns, by table. A table's name is also the folder in which its files land."""
OF_LOANS = {"id": "bigint", "title": "string", "price": "decimal(9,2)", "released": "date", "lent": "timestamp"}
"""The columns of a table of Iceberg. Those of the books are among them, so that one probe goes through all."""
DDL_WITHIN_S = 120
TEXT_FILES = {
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "Parameters": {"field.delim": "\t", "serialization.format": "\t"},
    },
}
SCANNED_AT_MOST_BYTES = 10_000_000  # the least that Athena lets one set
LEFT_BEFORE = '{"left": "by somebody else, and to be left so"}'


@dataclass(frozen=True)
class Pipeline:
    """The names of what was made. Bucket names are the whole world's."""

    account: Account

    def bucket(self, role: str) -> str:
        return f"{self.account.name}-{role}"

    def function(self, role: str) -> str:
        return f"{self.account.name}-{role}"

    @property
    def database(self) -> str:
        return self.account.name.replace("-", "_")

    @property
    def job(self) -> str:
        return f"{self.account.name}-fill"

    @property
    def workgroup(self) -> str:
        return self.account.name

    @property
    def parameter(self) -> str:
        return f"/{self.account.name}/books"

    @property
    def overridden(self) -> str:
        return f"{self.parameter}/_test"

    def values(self) -> dict[str, str]:
        """What the parameters hold, by name."""
        ssm = self.account.client("ssm")
        return {name: ssm.get_parameter(Name=name)["Parameter"]["Value"] for name in (self.parameter, self.overridden)}


@contextmanager
def made_pipeline(account: Account, undo: Undo) -> Iterator[Pipeline]:
    """Ends by deleting all that `undo` has noted. Raises LeftBehind if something is left."""
    pipeline = Pipeline(account)
    try:
        # Roles first: it takes a while until AWS knows them everywhere.
        of_job = make_role(account, undo, "job", _service("glue"), rights_of_job(pipeline))
        of_functions = make_role(account, undo, "functions", _service("lambda"), rights_of_functions(pipeline))
        for role in BUCKETS:
            _bucket(account, undo, pipeline.bucket(role))
        _catalog(pipeline, undo)
        _parameters(pipeline, undo)
        _workgroup(pipeline, undo)
        _table_of_iceberg(pipeline, undo)
        _job(pipeline, undo, of_job)
        for name in ("stage", "start", "insert"):
            _function(pipeline, undo, name, of_functions)
        yield pipeline
    finally:
        undo.run()


def _service(name: str) -> Statement:
    return {"Service": f"{name}.amazonaws.com"}


def rights_of_functions(pipeline: Pipeline) -> Sequence[Statement]:
    account = pipeline.account
    return (
        allow(["s3:GetObject"], account.arn_of_bucket(f"{pipeline.bucket('landing')}/*")),
        allow(["s3:PutObject"], account.arn_of_bucket(f"{pipeline.bucket('stage')}/*")),
        allow(["ssm:GetParameter"], account.arn_of("ssm", f"parameter{pipeline.parameter}*")),
        allow(["glue:StartJobRun"], account.arn_of("glue", f"job/{pipeline.job}")),
        allow(
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            account.arn_of("logs", f"log-group:/aws/lambda/{account.name}-*"),
        ),
        *_rights_to_insert(pipeline),
    )


def _rights_to_insert(pipeline: Pipeline) -> Sequence[Statement]:
    """What Athena does in the name of whoever inserts into the table of Iceberg."""
    account, database = pipeline.account, pipeline.database
    sor, results = (account.arn_of_bucket(pipeline.bucket(role)) for role in ("sor", "results"))
    catalog = ("catalog", "database/default", f"database/{database}", f"table/{database}/{LOANS}")
    return (
        allow(
            ["athena:StartQueryExecution", "athena:GetQueryExecution"],
            account.arn_of("athena", f"workgroup/{pipeline.workgroup}"),
        ),
        allow(
            ["glue:GetDatabase", "glue:GetTable", "glue:UpdateTable"],
            *(account.arn_of("glue", each) for each in catalog),
        ),
        allow(["s3:GetBucketLocation", "s3:ListBucket"], sor, results),
        allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], f"{sor}/{LOANS}/*"),
        allow(["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"], f"{results}/*"),
    )


def rights_of_job(pipeline: Pipeline) -> Sequence[Statement]:
    account = pipeline.account
    code, stage, sor = (account.arn_of_bucket(pipeline.bucket(role)) for role in ("code", "stage", "sor"))
    tables = (f"table/{pipeline.database}/{table}" for table in TABLES)
    catalog = ("catalog", f"database/{pipeline.database}", *tables)
    return (
        allow(["s3:GetObject"], f"{code}/*", f"{stage}/*"),
        allow(["s3:GetBucketLocation", "s3:ListBucket"], code),
        allow(["s3:PutObject"], f"{sor}/*"),
        allow(["glue:GetTable", "glue:CreatePartition"], *(account.arn_of("glue", each) for each in catalog)),
        allow(
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            account.arn_of("logs", "log-group:/aws-glue/*"),
        ),
    )


def _bucket(account: Account, undo: Undo, name: str) -> None:
    s3 = account.client("s3")
    undo.note(f"S3 bucket {name}", lambda: delete_bucket(account, name))
    s3.create_bucket(Bucket=name, **place_of_bucket(account.region))
    s3.get_waiter("bucket_exists").wait(Bucket=name)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": account.tag_list})
    if name.endswith("evidence"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def place_of_bucket(region: str) -> dict[str, Any]:
    """us-east-1 is the one region that must not be named."""
    return {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}


def _catalog(pipeline: Pipeline, undo: Undo) -> None:
    glue, database = pipeline.account.client("glue"), pipeline.database
    undo.note(f"Glue database {database}", lambda: glue.delete_database(Name=database))
    glue.create_database(DatabaseInput={"Name": database}, Tags=pipeline.account.tags)
    for name, columns in TABLES.items():
        undo.note(f"Glue table {database}.{name}", partial(glue.delete_table, DatabaseName=database, Name=name))
        storage = {
            **TEXT_FILES,
            "Columns": [{"Name": column, "Type": kind} for column, kind in columns.items()],
            "Location": f"s3://{pipeline.bucket('sor')}/{name}/",
        }
        table = {"Name": name, "TableType": "EXTERNAL_TABLE", "Parameters": {"EXTERNAL": "TRUE"}}
        keys = [{"Name": "day", "Type": "int"}]
        described = {**table, "PartitionKeys": keys, "StorageDescriptor": storage}
        glue.create_table(DatabaseName=database, TableInput=described)


def _parameters(pipeline: Pipeline, undo: Undo) -> None:
    """What is overridden is there before: AWS wants half a minute between the end of a parameter and its next life."""
    facts = {
        "source_bucket": "to-be-overridden",
        "stage_bucket": pipeline.bucket("stage"),
        "job": pipeline.job,
        "database": pipeline.database,
        "table": BOOKS,
    }
    put_parameter(pipeline, undo, pipeline.parameter, json.dumps(facts))
    put_parameter(pipeline, undo, pipeline.overridden, LEFT_BEFORE)


def put_parameter(pipeline: Pipeline, undo: Undo, name: str, value: str) -> None:
    ssm = pipeline.account.client("ssm")
    undo.note(f"SSM parameter {name}", lambda: ssm.delete_parameter(Name=name))
    ssm.put_parameter(Name=name, Value=value, Type="String", Tags=pipeline.account.tag_list)


def _workgroup(pipeline: Pipeline, undo: Undo) -> None:
    athena, name = pipeline.account.client("athena"), pipeline.workgroup
    delete = {"WorkGroup": name, "RecursiveDeleteOption": True}  # it holds the history of its queries
    undo.note(f"Athena workgroup {name}", lambda: athena.delete_work_group(**delete))
    configuration = {
        "ResultConfiguration": {"OutputLocation": f"s3://{pipeline.bucket('results')}/"},
        "EnforceWorkGroupConfiguration": True,
        "PublishCloudWatchMetricsEnabled": False,
        "BytesScannedCutoffPerQuery": SCANNED_AT_MOST_BYTES,
    }
    athena.create_work_group(Name=name, Configuration=configuration, Tags=pipeline.account.tag_list)


def told_of_loans(pipeline: Pipeline) -> dict[str, str]:
    """What the function that inserts is told besides the file."""
    return {"database": pipeline.database, "table": LOANS, "workgroup": pipeline.workgroup}


def _table_of_iceberg(pipeline: Pipeline, undo: Undo) -> None:
    """Made by Athena's own statement, because of Glue's calls alone no table of Iceberg comes about."""
    athena, glue, database = pipeline.account.client("athena"), pipeline.account.client("glue"), pipeline.database
    undo.note(f"Glue table {database}.{LOANS}", lambda: glue.delete_table(DatabaseName=database, Name=LOANS))
    columns = ", ".join(f"{name} {kind}" for name, kind in {**OF_LOANS, "day": "int"}.items())
    sql = (
        f"CREATE TABLE {database}.{LOANS} ({columns}) PARTITIONED BY (day) "
        f"LOCATION 's3://{pipeline.bucket('sor')}/{LOANS}/' TBLPROPERTIES ('table_type'='ICEBERG')"
    )
    started = athena.start_query_execution(QueryString=sql, WorkGroup=pipeline.workgroup)["QueryExecutionId"]

    def ended() -> dict[str, Any] | None:
        status: dict[str, Any] = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
        return None if status["State"] in ("QUEUED", "RUNNING") else status

    status = eventually(ended, f"the end of {sql}", DDL_WITHIN_S)
    assert status["State"] == "SUCCEEDED", status


def _job(pipeline: Pipeline, undo: Undo, role: str) -> None:
    account, code = pipeline.account, pipeline.bucket("code")
    account.client("s3").put_object(Bucket=code, Key="job.py", Body=(CODE / "job.py").read_bytes())
    glue = account.client("glue")
    undo.note(f"Glue job {pipeline.job}", lambda: glue.delete_job(JobName=pipeline.job))
    once_in_force(
        lambda: glue.create_job(
            Name=pipeline.job,
            Role=role,
            Command={"Name": "pythonshell", "ScriptLocation": f"s3://{code}/job.py", "PythonVersion": "3.9"},
            DefaultArguments={"--aws_region": account.region},
            MaxCapacity=0.0625,  # of a processing unit: the smallest there is
            MaxRetries=0,
            Timeout=10,  # minutes
            ExecutionProperty={"MaxConcurrentRuns": 3},
            Tags=account.tags,
        ),
        f"the job {pipeline.job}",
    )
    undo.note(f"runs of {pipeline.job}, and their logs", lambda: forget_job_runs(account, pipeline.job))


def _function(pipeline: Pipeline, undo: Undo, name: str, role: str) -> None:
    account, function = pipeline.account, pipeline.function(name)
    client, logs, group = account.client("lambda"), account.client("logs"), f"/aws/lambda/{function}"
    undo.note(f"log group {group}", lambda: logs.delete_log_group(logGroupName=group))
    logs.create_log_group(logGroupName=group, tags=account.tags)  # else Lambda would, and it would stay
    logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    undo.note(f"Lambda function {function}", lambda: client.delete_function(FunctionName=function))
    once_in_force(
        lambda: client.create_function(
            FunctionName=function,
            Runtime="python3.12",
            Role=role,
            Handler=f"functions.{name}",
            Code={"ZipFile": _package()},
            Timeout=120,  # seconds
            MemorySize=256,
            Tags=account.tags,
        ),
        f"the function {function}",
    )
    client.get_waiter("function_active_v2").wait(FunctionName=function)


def _package() -> bytes:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(CODE / "functions.py", "functions.py")
    return package.getvalue()
