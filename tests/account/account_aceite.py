"""`aceite up` on an account, as an operator starts it: by environment variables, as a role that has printed rights."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from account_aws import own_environment
from account_deletion import Undo
from account_pipeline import BOOKS, LOANS, TABLES, TYPES, Pipeline, told_of_loans
from account_roles import make_role, once_in_force
from polling import eventually
from repository import ROOT

DATASETS = {BOOKS: "account-books", TYPES: "account-types", LOANS: "account-loans"}
"""The id of the dataset, by its table."""
UP_WITHIN_S, ENDED_WITHIN_S = 300, 120
SURE_AFTER = 5
"""Answers in a row after which a new role is taken for known: each may come from another of AWS's hosts."""
JUDGED_WITHIN_S = 900
"""Glue takes a minute or two to start a run, and the deliveries of a contract with an override wait for each other."""


def write_contracts(pipeline: Pipeline, folder: Path) -> None:
    """JSON is YAML as well. Two datasets share a pipeline, whose parameter says which table it fills."""
    schemas: dict[str, dict[str, Any]] = {
        BOOKS: {"properties": [*_PROPERTIES_OF_BOOKS, _DAY]},
        TYPES: {"properties": _properties_of_types(), "quality": [SHARE_OF_HIGH_SCORES]},
        LOANS: {"properties": [*_PROPERTIES_OF_BOOKS, _LENT, _DAY]},
    }
    for table, schema in schemas.items():
        ran = _inserted(pipeline) if table == LOANS else _by_a_job(pipeline, table)
        document = _contract(pipeline, table, {"name": table, **schema}, ran)
        (folder / f"{table}.odcs.yaml").write_text(json.dumps(document, indent=1), encoding="utf-8")


def _inserted(pipeline: Pipeline) -> dict[str, Any]:
    """What fills the table of Iceberg: a function runs an INSERT of Athena, and waits for it."""
    told = {"bucket": "{bucket}", "key": "{key}", **told_of_loans(pipeline)}
    return {"steps": [{"invoke": pipeline.function("insert"), "payload": told, "within": "3m"}]}


def _by_a_job(pipeline: Pipeline, table: str) -> dict[str, Any]:
    day, sor = _BUSINESS_DATE, f"s3://{pipeline.bucket('sor')}/{table}"
    told = {"parameter": pipeline.overridden, "key": "{key}"}
    steps = [
        {"invoke": pipeline.function("stage"), "payload": told, "within": "2m"},
        {"await_object": f"s3://{pipeline.bucket('stage')}/{{key}}", "within": "2m"},
        {"invoke": pipeline.function("start"), "payload": told, "asynchronous": True},
        {"await_glue_job": pipeline.job, "within": "10m"},
        {"await_object": f"{sor}/day={day}/", "within": "2m"},
    ]
    told_of = {"source_bucket": "{bucket}", "table": table}
    override = [{"parameter": pipeline.overridden, "copy_of": pipeline.parameter, "set": told_of}]
    return {"override": override, "steps": steps}


def _contract(pipeline: Pipeline, table: str, schema: Mapping[str, Any], ran: Mapping[str, Any]) -> dict[str, Any]:
    location = f"s3://{pipeline.bucket('landing')}/{table}/{_BUSINESS_DATE}/{{file}}.csv"
    return {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": DATASETS[table],
        "version": "1.0.0",
        "status": "active",
        "servers": [
            {"server": "landing", "type": "s3", "location": location, "format": "csv", "encoding": "UTF-8"},
            {"server": "sor", "type": "athena", "schema": pipeline.database, "workgroup": pipeline.workgroup},
        ],
        "schema": [schema],
        "customProperties": [
            {
                "property": "pipeline",
                "vendor": "aceite",
                "value": {**ran, "partition": {"day": _BUSINESS_DATE}},
            }
        ],
    }


_BUSINESS_DATE = "{business_date:%Y%m%d}"
_DAY = {"name": "day", "logicalType": "integer", "physicalType": "int", "partitioned": True}
_PROPERTIES_OF_BOOKS = [
    {"name": "id", "logicalType": "integer", "physicalType": "bigint", "required": True, "primaryKey": True},
    {"name": "title", "logicalType": "string", "required": True, "logicalTypeOptions": {"minLength": 1}},
    {
        "name": "price",
        "logicalType": "number",
        "physicalType": "decimal(9,2)",
        "logicalTypeOptions": {"minimum": 0},
    },
    {"name": "released", "logicalType": "date"},
]
_LENT = {
    "name": "lent",
    "logicalType": "timestamp",
    "customProperties": [{"property": "digits", "vendor": "aceite", "value": 6}],
}
"""To the microsecond, which only a table of Iceberg keeps."""
SHARE_OF_HIGH_SCORES = {
    "type": "sql",
    "name": "share of high scores",
    "query": "SELECT 100.0 * count_if(score > 0) / count(*) FROM {object}",
    "mustBe": 33.3,
}
"""A division of decimals: its quotient has one digit behind the point, which no double has."""
_LOGICAL = {"boolean": "boolean", "date": "date", "timestamp": "timestamp"}


def _properties_of_types() -> list[dict[str, Any]]:
    properties = []
    for name, kind in TABLES[TYPES].items():
        plain = kind.partition("(")[0]
        text = "string" if plain in ("string", "varchar", "char") else None
        number = "number" if plain in ("decimal", "double", "float") else "integer"
        properties.append({"name": name, "physicalType": kind, "logicalType": _LOGICAL.get(kind) or text or number})
    properties[0] |= {"required": True, "primaryKey": True}
    return [*properties, _DAY]


@dataclass(frozen=True)
class Aceite:
    """A running `aceite up`, seen from outside."""

    pipeline: Pipeline
    home: Path
    environment: Mapping[str, str]
    process: "subprocess.Popen[bytes]"

    def drop(self, key: str, body: bytes) -> str:
        bucket = self.pipeline.bucket("landing")
        self.pipeline.account.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        return key

    def keys(self, prefix: str) -> list[str]:
        s3, bucket = self.pipeline.account.client("s3"), self.pipeline.bucket("evidence")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def evidence(self, key: str) -> dict[str, Any] | None:
        """Of the delivery of this key, if it was judged; with the prefix that it is below."""
        s3, bucket = self.pipeline.account.client("s3"), self.pipeline.bucket("evidence")
        for place in self.keys("deliveries/"):
            if place.endswith("/evidence.json"):
                found = json.loads(s3.get_object(Bucket=bucket, Key=place)["Body"].read())
                if found["delivery"]["members"][0]["key"] == key:
                    return {**found, "prefix": place.removesuffix("evidence.json")}
        return None

    def verdict(self, key: str) -> dict[str, Any]:
        def judged() -> dict[str, Any] | None:
            assert self.process.poll() is None, _end_of(self.home)
            return self.evidence(key)

        return eventually(judged, lambda: f"a verdict on {key}; {_end_of(self.home)}", JUDGED_WITHIN_S, every_s=1)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return run_aceite(self.environment, self.home, *arguments)


def run_aceite(environment: Mapping[str, str], home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "cli.main", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", cwd=home, check=False, env=environment
    )


def settings_of(pipeline: Pipeline, home: Path, contracts: Path) -> dict[str, str]:
    """Credentials are those of the environment; the address of AWS too, where it is another one."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return own_environment() | {
        "PYTHONPATH": path,
        "PYTHONUTF8": "1",
        "ACEITE_HOME": str(home),
        "ACEITE_CONTRACTS": str(contracts),
        "ACEITE_AWS_REGION": pipeline.account.region,
        "ACEITE_AWS_ACCOUNT_ID": pipeline.account.id,
        "ACEITE_LANDING_BUCKET": pipeline.bucket("landing"),
        "ACEITE_EVIDENCE_BUCKET": pipeline.bucket("evidence"),
        "ACEITE_POLL_S": "2",
        "ACEITE_WORKERS": "1",  # the contract has an override: one delivery after the other
    }


def own_role(pipeline: Pipeline, undo: Undo, environment: Mapping[str, str], home: Path) -> str:
    """A role with what `aceite policy all` prints of the contracts, and nothing else; once it can be assumed."""
    printed = run_aceite(environment, home, "policy", "all")
    assert printed.returncode == 0, printed.stderr
    assert "UNKNOWN" not in printed.stdout, printed.stderr
    account, rights = pipeline.account, json.loads(printed.stdout)["Statement"]
    anybody = {"AWS": f"arn:{account.partition}:iam::{account.id}:root"}  # of the account whom its policies let
    role = make_role(account, undo, "aceite", anybody, rights)
    sts, evidence = account.client("sts"), pipeline.bucket("evidence")

    def look() -> None:
        keys = sts.assume_role(RoleArn=role, RoleSessionName=account.name)["Credentials"]
        told = (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        session: Any = boto3.Session(*told, region_name=account.region)
        session.client("s3").list_objects_v2(Bucket=evidence)

    for _ in range(SURE_AFTER):
        once_in_force(look, f"{role} as a role that may look at {evidence}")
    return role


@contextmanager
def served(pipeline: Pipeline, home: Path, environment: Mapping[str, str]) -> Iterator[Aceite]:
    """`aceite up` runs inside, with a Prefect server of its own."""
    with (home / "up.log").open("wb") as log:
        command = [sys.executable, "-m", "cli.main", "up", "--prefect-port", "0"]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=home, env=environment)

    def running() -> bool:
        assert process.poll() is None, _end_of(home)
        return (home / "running.json").exists()

    try:
        eventually(running, lambda: f"aceite up; {_end_of(home)}", UP_WITHIN_S)
        yield Aceite(pipeline, home, environment, process)
    finally:
        process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGINT)  # what Ctrl-C sends
        process.wait(ENDED_WITHIN_S)


def _end_of(home: Path) -> str:
    logs = (home / "up.log", *sorted((home / "logs").glob("*.log")))
    told = (f"{log.name}:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}" for log in logs if log.exists())
    return "\n".join(told)
