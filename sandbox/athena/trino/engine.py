"""Runs Athena's SELECTs on a Trino that reads the sandbox's Glue catalog and S3 by the sandbox's own port."""

import re
import threading
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Self

from aws.athena import OWN_CATALOG
from sandbox.athena.execution import Execution
from sandbox.athena.trino.answers import cell_text, column_info, reason
from sandbox.athena.trino.program import fetched
from sandbox.athena.trino.server import TrinoRefused, TrinoServer
from sandbox.athena.values import AthenaError
from sandbox.aws_requests import ENGINE_ACCESS_KEY, REGION

_QUERY = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?:SELECT|WITH|VALUES|TABLE)\b", re.IGNORECASE | re.DOTALL)
_ICEBERG = "{}_iceberg"
"""Trino reads tables of Iceberg in a catalog of their own, to which that of Hive redirects whoever names one."""


class TrinoEngine:
    """A Trino whose catalogs are those of the sandbox at `endpoint`. It runs while the block runs.

    Raises:
        SettingsError: this machine lacks Java or Maven, or Trino does not start.
    """

    def __init__(self, endpoint: str, account_id: str) -> None:
        self._endpoint, self._account_id = endpoint, account_id
        self._server = TrinoServer(fetched(), self._catalogs(OWN_CATALOG, ""))
        self._added, self._adding = {""}, threading.Lock()

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    def select(self, execution: Execution, sql: str, catalog_id: str) -> None:
        """Run the query on the Glue catalog of this id, by default the account's own.

        Raises:
            AthenaError: Trino refuses the query.
        """
        if not _QUERY.match(sql):
            raise AthenaError(
                "NOT_SUPPORTED: line 1:1: Trino runs one SELECT here; DDL, CREATE TABLE AS, INSERT and UNLOAD the "
                "sandbox runs by itself, and it has no other statements"
            )
        columns, rows, statistics = list[Any](), list[list[Any]](), dict[str, Any]()
        try:
            catalog = self._catalog_of(catalog_id)
            with closing(self._server.pages(sql, catalog, execution.database)) as pages:
                for page in pages:
                    columns, statistics = columns or page.get("columns", []), page.get("stats", {})
                    rows += page.get("data", ())
                    if execution.ended:  # somebody stopped it
                        return
        except TrinoRefused as error:
            raise AthenaError(reason(str(error))) from error
        execution.files.read_bytes = statistics.get("physicalInputBytes", 0)
        execution.columns = [column_info(column) for column in columns]
        cells = ([cell_text(cell, column) for cell, column in zip(row, columns, strict=True)] for row in rows)
        execution.rows = [[column["name"] for column in columns], *cells]

    def _catalog_of(self, catalog_id: str) -> str:
        """Return the name of the Trino catalog that reads this Glue catalog; it is added when it is first named."""
        if not catalog_id:
            return OWN_CATALOG
        name = f"catalog_{re.sub('[^0-9a-z]', '_', catalog_id.lower())}"
        with self._adding:
            if catalog_id not in self._added:
                for each, said in self._catalogs(name, catalog_id).items():
                    properties = ", ".join(
                        f"\"{key}\" = '{value}'" for key, value in said.items() if key != "connector.name"
                    )
                    sql = f"CREATE CATALOG {each} USING {said['connector.name']} WITH ({properties})"
                    list(self._server.pages(sql, OWN_CATALOG, "default"))
                self._added.add(catalog_id)
        return name

    def _catalogs(self, name: str, catalog_id: str) -> dict[str, Mapping[str, str]]:
        """Return the properties of two catalogs of Trino, that for tables of Hive and that for those of Iceberg."""
        shared = {
            "hive.metastore.glue.region": REGION,
            "hive.metastore.glue.endpoint-url": self._endpoint,
            "hive.metastore.glue.aws-access-key": ENGINE_ACCESS_KEY,
            "hive.metastore.glue.aws-secret-key": ENGINE_ACCESS_KEY,
            "hive.metastore.glue.catalogid": catalog_id or self._account_id,
            "fs.native-s3.enabled": "true",
            "s3.region": REGION,
            "s3.endpoint": self._endpoint,
            "s3.path-style-access": "true",
            "s3.aws-access-key": ENGINE_ACCESS_KEY,
            "s3.aws-secret-key": ENGINE_ACCESS_KEY,
        }
        of_hive = {
            "connector.name": "hive",
            "hive.metastore": "glue",
            "hive.recursive-directories": "true",  # Athena reads what is below a location, however deep
            "hive.partition-projection-enabled": "true",
            "hive.iceberg-catalog-name": _ICEBERG.format(name),
            "hive.security": "read-only",
        }
        of_iceberg = {"connector.name": "iceberg", "iceberg.catalog.type": "glue", "iceberg.security": "read_only"}
        return {name: {**of_hive, **shared}, _ICEBERG.format(name): {**of_iceberg, **shared}}
