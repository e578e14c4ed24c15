"""A delivery of a shipped contract in the sandbox's AWS, with a table that a test fills as it likes."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
from builders import a_delivery

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.placeholders import partition_values
from acceptance.judging.findings import CatalogFacts, Findings, LandedFacts, judge_findings, usable_columns
from acceptance.judging.judge import Judgement, Outcome
from acceptance.proof.differences import Differences
from acceptance.queries.difference_query import (
    buckets_for,
    dealt_by_rows,
    difference_query,
    differences,
    read_table_rows,
)
from acceptance.queries.measuring_query import compile_checks, read_answer
from aws.athena import QueryAnswer, connect, run_query
from landed.file import LandedFile, bucket_sums, read_landed, rows_of_buckets

Client = Callable[[str], Any]
"""The client of a service."""


@dataclass
class Proof:
    """What landed, read once, and tables for it, one after the other in the partition of the day."""

    aws: Any
    contract: Contract
    landed: Path
    scratch: Path
    day: date = date(2013, 1, 2)
    queries: int = 0
    duck: Any = field(default_factory=duckdb.connect)
    _clients: dict[str, Any] = field(default_factory=dict)
    _read: dict[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> LandedFile:
        if "file" not in self._read:
            self._read["file"] = read_landed(self.landed, self.contract, self.scratch)
        return self._read["file"]  # type: ignore[no-any-return]

    def load(self) -> None:
        """The landed rows as the table `base`, read by DuckDB with the contract's types."""
        kinds = {column.landed: _duck(column.type) for column in self.contract.landed_columns}
        columns = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in kinds.items()) + "}"
        options = f"header = true, auto_detect = false, quote = '\"', columns = {columns}"
        read = f"read_csv('{self.landed.as_posix()}', {options})"
        self.duck.execute(f"CREATE OR REPLACE TABLE base AS SELECT * FROM {read}")

    def put(self, select: str, into: date | None = None) -> Delivery:
        """A partition with these rows. `into` is another day's: the delivery's own then has none."""
        delivery = a_delivery(dataset=self.contract.dataset, day=self.day)
        partition = partition_values(self.contract, delivery)
        if into:
            partition = {name: f"{into:%Y%m%d}" for name in partition}
        path = self.scratch / "part.parquet"
        names = {c: '"' + c.name.replace('"', '""') + '"' for c in self.contract.landed_columns}
        typed = ", ".join(f"CAST({name} AS {_duck(c.type)}) AS {name}" for c, name in names.items())
        self.duck.execute(f"COPY (SELECT {typed} FROM ({select})) TO '{path.as_posix()}' (FORMAT parquet)")
        add_partition(self.client, self.contract, partition, path.read_bytes())
        return delivery

    def judge_only(self, select: str) -> tuple[Judgement, Differences | None]:
        """The verdict on a table of these rows, which is gone afterwards."""
        delivery = self.put(select)
        try:
            return self.judge(delivery)
        finally:
            drop_partition(self.client, self.contract, partition_values(self.contract, delivery))

    def judge(self, delivery: Delivery) -> tuple[Judgement, Differences | None]:
        partition = partition_values(self.contract, delivery)
        columns = {column.name: column.type for column in self.contract.columns}
        found = has_partition(self.client, self.contract, partition)
        facts = LandedFacts(self.file.rows, self.file.fingerprint, self.file.fault_count)
        catalog = CatalogFacts(columns, partition_found=found, has_objects=found, location="s3://sor/there/")
        findings = Findings(landed=facts, catalog=catalog)
        if not found:
            return judge_findings(self.contract, findings), None
        usable = usable_columns(self.contract, catalog)
        query = compile_checks(self.contract, partition, usable)
        answer = self.ask(query.sql)
        table, measured = read_answer(query, answer.rows[0], answer.query_id)
        findings = Findings(facts, catalog, table, measured, answer.query_id)
        if table.fingerprint == facts.fingerprint:
            return judge_findings(self.contract, findings), None
        where = self.locate(partition, usable)
        return judge_findings(self.contract, replace(findings, differences=where)), where

    def locate(self, partition: Mapping[str, str], usable: frozenset[str]) -> Differences:
        found = self._compare(self.contract, partition, usable)
        by_rows = dealt_by_rows(self.contract)
        return found if found.rows or by_rows is None else self._compare(by_rows, partition, usable)

    def _compare(self, contract: Contract, partition: Mapping[str, str], usable: frozenset[str]) -> Differences:
        rows = self.file.rows
        buckets, named = buckets_for(rows), f"sums by {contract.primary_key}"
        if named not in self._read:
            self._read[named] = bucket_sums(self.landed, contract, self.scratch, buckets)
        sql = difference_query(contract, partition, usable, (), self._read[named], rows)
        table = read_table_rows(self.ask(sql).rows)
        landed = rows_of_buckets(self.landed, contract, self.scratch, buckets, table.looked_into)
        return differences(contract, rows, landed, table, self.contract)

    def ask(self, sql: str) -> QueryAnswer:
        self.queries += 1
        if "athena" not in self._clients:
            options = {"region": None, "workgroup": "primary", "database": self.contract.table.database}
            self._clients["athena"] = connect(self.aws.session, endpoint_url=self.aws.endpoint, **options)
        return run_query(self._clients["athena"], sql, within=timedelta(minutes=1))

    def client(self, service: str) -> Any:
        """Made once: it takes longer to make one than to use it."""
        if service not in self._clients:
            self._clients[service] = self.aws.client(service)
        return self._clients[service]


def ask(aws: Any, sql: str, database: str) -> QueryAnswer:
    options = {"region": None, "workgroup": "primary", "database": database}
    with connect(aws.session, endpoint_url=aws.endpoint, **options) as connection:
        return run_query(connection, sql, within=timedelta(minutes=1))


def add_partition(client: Client, contract: Contract, partition: Mapping[str, str], content: bytes) -> None:
    glue, table = client("glue"), contract.table
    storage = glue.get_table(DatabaseName=table.database, Name=table.name)["Table"]["StorageDescriptor"]
    folder = "/".join([storage["Location"].rstrip("/"), *(f"{name}={value}" for name, value in partition.items())])
    bucket, _, prefix = folder.removeprefix("s3://").partition("/")
    client("s3").put_object(Bucket=bucket, Key=f"{prefix}/part-0.parquet", Body=content)
    entry = {"Values": list(partition.values()), "StorageDescriptor": {**storage, "Location": f"{folder}/"}}
    glue.create_partition(DatabaseName=table.database, TableName=table.name, PartitionInput=entry)


def drop_partition(client: Client, contract: Contract, partition: Mapping[str, str]) -> None:
    table = contract.table
    values = list(partition.values())
    client("glue").delete_partition(DatabaseName=table.database, TableName=table.name, PartitionValues=values)


def has_partition(client: Client, contract: Contract, partition: Mapping[str, str]) -> bool:
    glue, table = client("glue"), contract.table
    found = glue.get_partitions(DatabaseName=table.database, TableName=table.name)["Partitions"]
    return list(partition.values()) in [each["Values"] for each in found]


def failed(judgement: Judgement) -> Counter[str]:
    return Counter(result.check.id for result in judgement.results if result.outcome is Outcome.FAILED)


def _duck(type_: str) -> str:
    return {"string": "VARCHAR"}.get(type_, type_.upper())
