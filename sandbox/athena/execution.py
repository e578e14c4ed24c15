"""One query execution: its request, its state and its result."""

import re
import threading
import time
import uuid
from typing import Any

import duckdb
from moto.athena.models import WorkGroup
from sqlglot import exp

from sandbox.athena.files import ObjectFiles
from sandbox.athena.values import AthenaError

CREATE_TABLE_AS = re.compile(
    r'CREATE\s+TABLE\s+(?P<table>[\w."`-]+)\s*(?:WITH\s*\((?P<options>.*?)\)\s*)?AS\s+(?P<query>.*)$', re.I | re.S
)
UNLOAD = re.compile(
    r"UNLOAD\s*\((?P<query>.*)\)\s*TO\s+'(?P<target>[^']+)'\s*(?:WITH\s*\((?P<options>.*)\))?$", re.I | re.S
)
_UTILITY = ("SHOW", "DESCRIBE", "DESC", "EXPLAIN")
_DDL = ("ALTER", "CREATE", "DROP", "MSCK")


class Execution:
    """One query. `rows` are texts, and those of a SELECT begin with the header.

    `exports`: the rows go to objects. `inserts`: they go into a table.
    """

    def __init__(self, query: str, context: dict[str, Any], output: str, workgroup: WorkGroup, parameters: Any) -> None:
        self.id, self.query, self.context, self.workgroup = str(uuid.uuid4()), query.strip(), context, workgroup
        self.parameters, self.database = parameters, (context.get("Database") or "default").strip('`"').lower()
        first = self.query.split(None, 1)[0].upper() if self.query else ""
        self.substatement = "CREATE_TABLE_AS_SELECT" if CREATE_TABLE_AS.match(self.query) else first
        self.kind = "DDL" if first in _DDL else "UTILITY" if first in _UTILITY else "DML"
        self.exports = self.substatement in ("CREATE_TABLE_AS_SELECT", "UNLOAD")
        self.inserts = first == "INSERT"
        suffix = "" if self.exports else ".csv" if self.kind == "DML" else ".txt"
        self.output = f"{output.rstrip('/')}/{self.id}{suffix}"
        self.status, self.reason, self.manifest = "QUEUED", "", ""
        self.columns, self.rows, self.update_count = list[dict[str, Any]](), list[list[str | None]](), 0
        self.started, self.ended, self.files = time.time(), 0.0, ObjectFiles()
        self.connection: duckdb.DuckDBPyConnection | None = None
        self.snapshots = dict[tuple[str, str], int | None]()
        self._deciding = threading.Lock()

    def one_snapshot(self, table: tuple[str, str], version: exp.Expression | None) -> int | None:
        """Return the snapshot of Iceberg that the query names, None for the current one.

        Raises:
            AthenaError: it names a time, or two snapshots of the table, also by way of a view.
        """
        named = version.expression.name if version else ""
        if version and (str(version.this).upper() != "VERSION" or not named.isdecimal()):
            raise AthenaError("NOT_SUPPORTED: the sandbox reads Iceberg FOR VERSION AS OF the number of a snapshot")
        snapshot = int(named) if named else None
        if self.snapshots.setdefault(table, snapshot) != snapshot:
            raise AthenaError("NOT_SUPPORTED: the sandbox reads one snapshot of a table in a query")
        return snapshot

    def begin(self) -> bool:
        """Change the state to RUNNING; return False if the query was cancelled before."""
        with self._deciding:
            self.status = self.status if self.ended else "RUNNING"
            return not self.ended

    def finish(self, status: str, reason: str = "") -> None:
        """End the query. Only the first end counts, so a cancelled query does not succeed."""
        with self._deciding:
            if not self.ended:
                self.status, self.reason, self.ended = status, reason, time.time()

    def cancel(self) -> None:
        self.finish("CANCELLED", "Query cancelled by user")
        self.files.cancelled = True
        if self.connection:
            self.connection.interrupt()

    def milliseconds(self) -> int:
        return int(((self.ended or time.time()) - self.started) * 1000)

    def advance(self) -> None:
        """Do nothing; moto would change the state at each request."""
