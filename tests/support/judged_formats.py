"""Contracts of one dataset each, and what the whole flow makes of a file that lands: pipeline, table, verdict."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import contract_text

from acceptance.contract.contract import Contract
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.object_keys import evidence_prefix
from blocks.build import save_blocks
from blocks.settings import read_settings
from cli.serving.installation import SANDBOX_SETTINGS
from cli.verbs.landing_files import FAULT_METADATA, landed_delivery
from flows.installation.clients import load_clients
from flows.installation.contracts import contracts_of
from flows.installation.installed import installed_contracts
from flows.validate_delivery import validate_delivery
from sandbox.pipeline.provision import provision
from sandbox.server import REGION, LocalAws

DAY = date(2026, 1, 2)


@dataclass(frozen=True)
class Dataset:
    """What its contract says. `columns` are ODCS properties, options are custom properties of Aceite.

    `by_job`: a Glue job fills the table, else a Lambda function does. `table` are lines of the schema object.
    `awaits`: the last step awaits the partition's objects, where a table of Hive has them.
    """

    id: str
    columns: Sequence[Mapping[str, Any]]
    ending: str = "csv"
    format: str = "csv"
    encoding: str = "UTF-8"
    options: Mapping[str, Any] = field(default_factory=dict)
    partition_holds: Any = "this delivery"
    by_job: bool = True
    table: str = ""
    catalog: str = "awsdatacatalog"
    awaits: bool = True

    @property
    def contract(self) -> str:
        options = {name: f"raw.{self.id}" if name == "landedTable" else said for name, said in self.options.items()}
        return contract_text(
            self.id,
            listed(self.columns),
            day="day",
            location=f"s3://landing/{self.id}/{{business_date:%Y%m%d}}/{{file}}.{self.ending}",
            landing=f"format: {self.format}, encoding: {self.encoding}, customProperties: {json.dumps(ours(options))}",
            database="formats",
            table=self.table,
            catalog=self.catalog,
            steps=json.dumps(self._steps),
            delivery=json.dumps({"partition_holds": self.partition_holds}),
        )

    @property
    def _steps(self) -> list[Mapping[str, Any]]:
        filled = {"await_object": f"s3://sor/{self.id}/day={{business_date:%Y%m%d}}/", "within": "1m"}
        if not self.by_job:
            ingest = {"invoke": "ingestformats", "payload": {"key": "{key}"}, "within": "2m"}
            return [ingest, filled] if self.awaits else [ingest]
        return [
            {"invoke": "copyformats", "payload": {"key": "{key}"}, "within": "2m"},
            {"await_object": "s3://stage/{key}", "within": "1m"},
            {"invoke": "startformats", "payload": {"key": "{key}"}, "within": "2m"},
            {"await_glue_job": "convertformats", "within": "2m"},
            filled,
        ]


def listed(items: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(f"- {json.dumps(item)}" for item in items)


def ours(values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [{"property": name, "vendor": "aceite", "value": value} for name, value in values.items()]


def column(name: str, type_: str, *, key: bool = False, format_: str = "", **said: Any) -> Mapping[str, Any]:
    """An ODCS property of a Hive type; what else is said of it are custom properties of Aceite."""
    kind = type_.partition("(")[0]
    logical = {
        "varchar": "string",
        "char": "string",
        "decimal": "number",
        "double": "number",
        "float": "number",
        "int": "integer",
        "bigint": "integer",
    }
    described = {"name": name, "logicalType": logical.get(kind, kind), "physicalType": type_, "primaryKey": key}
    options = {"logicalTypeOptions": {"format": format_}} if format_ else {}
    return {**described, **options, "customProperties": ours(said)}


def parquet(**columns: Any) -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table(columns), content)
    return content.getvalue()


@dataclass
class Installation:
    """Blocks on a real Prefect server, and an AWS that is made from the contracts. The flow runs in this process."""

    s3: Any
    contracts: Sequence[Contract]

    def judge(self, dataset: str, content: bytes, fault: str = "", file: str = "f", day: date = DAY) -> Evidence:
        """What is put as evidence of a file that lands."""
        contract = next(each for each in self.contracts if each.dataset == dataset)
        key = contract.template.write(day, {"file": file})
        metadata = {FAULT_METADATA: fault} if fault else {}
        self.s3.put_object(Bucket="landing", Key=key, Body=content, Metadata=metadata)
        delivery = landed_delivery(self.s3, "landing", key, self.contracts)
        validate_delivery(DeliveryPointer.to(delivery), return_state=True)
        place = evidence_prefix(dataset, day, delivery.id) + "evidence.json"
        return Evidence.model_validate_json(self.s3.get_object(Bucket="evidence", Key=place)["Body"].read())


@contextmanager
def installed(
    folder: Path, datasets: Sequence[Dataset], prefect_server: str, engine: str = "duckdb"
) -> Iterator[Installation]:
    """`prefect_server` is this process's own. `engine` answers the queries to Athena."""
    for dataset in datasets:
        (folder / f"{dataset.id}.odcs.yaml").write_text(dataset.contract, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, LocalAws(engine=engine) as aws:
        settings = {**SANDBOX_SETTINGS, "ACEITE_CONTRACTS": str(folder), "ACEITE_HOME": str(folder)}
        for name, value in {**settings, "ACEITE_AWS_ENDPOINT_URL": aws.endpoint}.items():
            patch.setenv(name, value)
        _forget()
        contracts = contracts_of(read_settings())
        session = boto3.Session("test", "test", region_name=REGION)
        provision(session, aws.endpoint, contracts)
        save_blocks(read_settings())
        try:
            yield Installation(session.client("s3", endpoint_url=aws.endpoint), contracts)
        finally:
            _forget()


def _forget() -> None:
    """What this process knows of another installation."""
    load_clients.cache_clear()
    installed_contracts.cache_clear()
