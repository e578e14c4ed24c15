"""The table that judgement.py has every system judge, and the file that it came from, in the sandbox's AWS."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from shutil import copy
from typing import Any

import boto3
import duckdb

ROOT = Path(__file__).parent.parent
CONTRACT = ROOT / "benchmarks" / "judges" / "movies.odcs.yaml"
BUSINESS_DATE = date(2026, 11, 22)

_PARTITION = f"{BUSINESS_DATE:%Y%m%d}"
_LANDED = f"business/imdb/{_PARTITION}/movies/movies.csv"
_FOLDER = f"movies_table/anomesdia={_PARTITION}/"
_ROWS = """
SELECT
  CAST(n AS BIGINT) AS movieid,
  'The ' || md5(CAST(n AS VARCHAR))[1 : 6 + n % 20] || ' of number ' || n AS movietitle,
  CAST(1920 + n % 107 AS INTEGER) AS movieyear,
  'https://www.imdb.com/title/tt' || lpad(CAST(n AS VARCHAR), 7, '0') || '/' AS movieurl,
  CAST(1 + n % 250 AS INTEGER) AS movierank,
  CASE WHEN n % 50 > 0 THEN CAST(n * 31 % 101 / 10.0 AS DECIMAL(4, 1)) END AS critic_score,
  CASE WHEN n % 9 > 0 THEN CAST(n * 7919 % 100001 / 1000.0 AS DOUBLE) END AS audience_score
FROM range(1, {rows} + 1) AS numbers (n)
"""


@dataclass(frozen=True)
class Asked:
    """What Athena was asked within a time, metadata included."""

    queries: int
    bytes_scanned: int


class JudgedTable:
    """An AWS of its own, in a process of its own, from `with` to the end of it: 8 columns, one of them the partition's.

    `parquet` is the table's one file, for a system that cannot talk to this Athena.
    """

    def __init__(self, rows: int, scratch: Path) -> None:
        self._rows, self._scratch = rows, scratch
        self.parquet = scratch / "movies.parquet"
        self._seen: set[str] = set()

    def __enter__(self) -> "JudgedTable":
        contracts = self._scratch / "contracts"
        contracts.mkdir()
        copy(CONTRACT, contracts)
        command = [sys.executable, "-m", "sandbox", "--port", "0", "--contracts", str(contracts)]
        pipe = subprocess.PIPE
        self._sandbox = subprocess.Popen(
            [*command, "--until-stdin-closes"], stdin=pipe, stdout=pipe, text=True, cwd=ROOT, encoding="utf-8"
        )
        assert self._sandbox.stdout is not None
        self.endpoint = self._sandbox.stdout.readline().removeprefix("ready ").strip()
        if not self.endpoint:
            raise RuntimeError("the sandbox did not start")
        self._put()
        return self

    def __exit__(self, *_: object) -> None:
        self._sandbox.communicate()

    @property
    def environ(self) -> Mapping[str, str]:
        """Environment variables with which every AWS client finds it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "thing",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def asked(self) -> Asked:
        """Since it was called last."""
        athena = self._client("athena")
        pages = athena.get_paginator("list_query_executions").paginate()
        new = [id_ for page in pages for id_ in page["QueryExecutionIds"] if id_ not in self._seen]
        self._seen.update(new)
        executions = (athena.get_query_execution(QueryExecutionId=id_)["QueryExecution"] for id_ in new)
        return Asked(len(new), sum(each["Statistics"]["DataScannedInBytes"] for each in executions))

    def _put(self) -> None:
        landed = self._scratch / "movies.csv"
        with duckdb.connect() as duck:
            duck.execute(f"CREATE TABLE movies AS {_ROWS.format(rows=self._rows)}")
            duck.execute(f"COPY movies TO '{landed.as_posix()}' (FORMAT csv, HEADER true)")
            duck.execute(f"COPY movies TO '{self.parquet.as_posix()}' (FORMAT parquet, COMPRESSION snappy)")
        s3, glue = self._client("s3"), self._client("glue")
        s3.put_object(Bucket="landing", Key=_LANDED, Body=landed.read_bytes())
        s3.put_object(Bucket="sor", Key=f"{_FOLDER}part-0.parquet", Body=self.parquet.read_bytes())
        place = {"DatabaseName": "database_sor", "TableName": "movies_table"}
        table = glue.get_table(DatabaseName="database_sor", Name="movies_table")["Table"]
        storage = {**table["StorageDescriptor"], "Location": f"s3://sor/{_FOLDER}"}
        glue.create_partition(**place, PartitionInput={"Values": [_PARTITION], "StorageDescriptor": storage})

    def _client(self, service: str) -> Any:
        session = boto3.Session("any", "thing", region_name="us-east-1")
        return session.client(service, endpoint_url=self.endpoint)
