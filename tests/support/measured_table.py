"""A contract's table in the sandbox: rows are put into a partition of their own, measured by its Athena, and judged."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path

import boto3
import duckdb
from builders import a_delivery

from acceptance.contract.contract import Contract
from acceptance.deliveries.placeholders import partition_values
from acceptance.evidence.evidence import Sample
from acceptance.judging.findings import CatalogFacts, Findings, LandedFacts, judge_findings, usable_columns
from acceptance.judging.judge import CheckResult, Judgement
from acceptance.queries.sample_query import examples
from aws.athena import QueryAnswer, connect, run_query
from flows.judging.measuring import measure, rows_of_broken_rules
from sandbox.pipeline.provision import provision
from sandbox.server import LocalAws

SESSION = boto3.Session("test", "test", region_name="us-east-1")
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Judged:
    """What came of the rows: the judgement, the rows of broken rules, and every query, in order."""

    judgement: Judgement
    sample: Sample
    queries: tuple[QueryAnswer, ...]

    @property
    def shown(self) -> list[tuple[str | None, ...]]:
        """The rows of broken rules: the rule, then the columns."""
        return list(self.sample.rows)

    def __getitem__(self, check: str) -> CheckResult:
        return next(result for result in self.judgement.results if result.check.id == check)


@dataclass
class MeasuredTable:
    aws: LocalAws
    contract: Contract
    folder: Path
    _days: Iterator[date] = field(default_factory=lambda: (date(2026, 1, 1) + timedelta(n) for n in count()))

    def __post_init__(self) -> None:
        provision(SESSION, self.aws.endpoint, [self.contract])

    def judge(self, rows: Sequence[str], before: Callable[[str], object] = lambda step: None) -> Judged:
        """Rows are texts of SQL's VALUES, such as "1, NULL, 'a'", in the order of the landed columns.

        `before` is called with the name of each step that asks, by its thread.
        """
        day = next(self._days)
        delivery = a_delivery(day=day)
        partition = partition_values(self.contract, delivery)
        location = self._put(partition, rows)
        types = {column.name: column.type for column in self.contract.columns}
        catalog = CatalogFacts(types, partition_found=True, has_objects=True, location=location)
        usable = usable_columns(self.contract, catalog)
        answers: list[QueryAnswer] = []

        def ask(step: str, purpose: str, sql: str) -> QueryAnswer:
            before(step)
            answers.append(answer := self.ask(sql))
            return answer

        measured = measure(self.contract, partition, usable, (), ask)
        landed = LandedFacts(measured.table.rows, measured.table.fingerprint)
        findings = Findings(
            landed, catalog, measured.table, measured.checks, measured.query_id, available_after=timedelta(seconds=1)
        )
        judgement = judge_findings(self.contract, findings)
        sample = rows_of_broken_rules(self.contract, partition, usable, (), judgement, ask)
        findings = replace(findings, examples=examples(self.contract, sample.columns, sample.rows))
        return Judged(judge_findings(self.contract, findings), sample, tuple(answers))

    def ask(self, sql: str) -> QueryAnswer:
        table = self.contract.table
        athena = connect(
            SESSION,
            endpoint_url=self.aws.endpoint,
            region="us-east-1",
            workgroup=table.workgroup,
            database=table.database,
        )
        return run_query(athena, sql, within=MINUTE)

    def _put(self, partition: dict[str, str], rows: Sequence[str]) -> str:
        s3, glue = (SESSION.client(name, endpoint_url=self.aws.endpoint) for name in ("s3", "glue"))
        database, name = self.contract.table.database, self.contract.table.name
        table = glue.get_table(DatabaseName=database, Name=name)["Table"]
        below = "/".join(f"{key}={value}" for key, value in partition.items())
        location = f"{table['StorageDescriptor']['Location'].rstrip('/')}/{below}/"
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        s3.put_object(Bucket=bucket, Key=prefix + "part.parquet", Body=self._parquet(rows))
        entry = {
            "Values": list(partition.values()),
            "StorageDescriptor": {**table["StorageDescriptor"], "Location": location},
        }
        glue.create_partition(DatabaseName=database, TableName=name, PartitionInput=entry)
        return location

    def _parquet(self, rows: Sequence[str]) -> bytes:
        columns = self.contract.landed_columns
        names = ['"' + column.name.replace('"', '""') + '"' for column in columns]
        typed = ", ".join(
            f"CAST({name} AS {column.type.replace('string', 'varchar')}) AS {name}"
            for name, column in zip(names, columns, strict=True)
        )
        nulls = ", ".join(["NULL"] * len(names))
        values = ", ".join(f"({row})" for row in rows or [nulls])
        only = "" if rows else "WHERE false"
        path = self.folder / "part.parquet"
        source = f"SELECT {typed} FROM (VALUES {values}) AS t ({', '.join(names)}) {only}"
        duckdb.execute(f"COPY ({source}) TO '{path.as_posix()}' (FORMAT parquet)")
        return path.read_bytes()
