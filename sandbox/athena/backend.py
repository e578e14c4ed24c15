"""Runs query executions, and keeps their states, results and statistics."""

import contextlib
import os
import re
import threading
from contextvars import copy_context
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import duckdb
from moto.athena import urls
from moto.athena.models import AthenaBackend, Database
from moto.core.exceptions import JsonRESTError
from moto.glue.models import glue_backends
from moto.s3.models import s3_backends
from sqlglot import exp

from aws.athena import OWN_CATALOG
from blocks.temporary_folders import temporary_folder
from sandbox.athena import ddl
from sandbox.athena.catalog import Catalog, create_view, split_uri
from sandbox.athena.execution import CREATE_TABLE_AS, UNLOAD, Execution
from sandbox.athena.files import ObjectFiles
from sandbox.athena.inserting import insert
from sandbox.athena.open_formats import iceberg
from sandbox.athena.pruning import conditions
from sandbox.athena.readers import literal
from sandbox.athena.responses import RunningAthenaResponse
from sandbox.athena.sql import dialect
from sandbox.athena.sql.errors import reason
from sandbox.athena.sql.types import note_types
from sandbox.athena.trino.engine import TrinoEngine
from sandbox.athena.values import RESULTS_BUCKET, AthenaError, column_info, hive_type, render
from sandbox.policies.caller import Denied, denial, require_glue

_COPY_FORMATS = {"PARQUET": "PARQUET", "JSON": "JSON", "TEXTFILE": "CSV, HEADER false, DELIMITER '\x01'"}


class RunningAthena(AthenaBackend):
    trino: ClassVar[TrinoEngine | None] = None
    """The engine of SELECTs. Without it DuckDB is, which runs CREATE TABLE AS, UNLOAD and INSERT in any case."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        location = {"OutputLocation": f"s3://{RESULTS_BUCKET}/"}
        self.work_groups["primary"].configuration["ResultConfiguration"] = location
        self._requests: dict[str, tuple[str, str]] = {}  # by client request token: the request, the execution's id
        self._requests_lock = threading.Lock()

    @property
    def catalog(self) -> Catalog:
        return self.catalog_named("")

    def catalog_named(self, name: str) -> Catalog:
        """Return the Glue catalog that a query names. Raise AthenaError if nobody registered it."""
        id_ = "" if name.lower() in ("", OWN_CATALOG) else f"{self.account_id}:{name}" if "/" in name else None
        if id_ is None:
            registered = self.data_catalogs.get(name)
            id_ = registered.parameters.get("catalog-id") if registered else None
        if id_ is None:
            raise AthenaError(f"CATALOG_NOT_FOUND: Catalog '{name}' not found")
        s3 = s3_backends[self.account_id][self.partition]
        return Catalog(glue_backends[id_ or self.account_id][self.region_name], s3, id_)

    def start(
        self,
        query: str,
        context: dict[str, Any],
        output: str | None,
        workgroup: str,
        parameters: Any,
        token: str | None = None,
    ) -> str:
        """Start an execution and return its id; the same client request token returns the id of the earlier execution.

        Raises:
            ValueError: no output location is given, or the token belongs to another query.
        """
        group = self.work_groups[workgroup]
        own = (group.configuration.get("ResultConfiguration") or {}).get("OutputLocation")
        output = own if own and (group.configuration["EnforceWorkGroupConfiguration"] or not output) else output
        if not output:
            raise ValueError("No output location provided, neither by the workgroup nor as an API input.")
        execution = Execution(query, context, output, group, parameters)
        request = f"{query} {context} {output} {workgroup} {parameters}"
        with self._requests_lock:
            earlier, id_ = self._requests.setdefault(token or execution.id, (request, execution.id))
        if earlier != request:
            raise ValueError("Idempotent parameters do not match")
        if id_ != execution.id:
            return id_
        self.executions[execution.id] = execution
        threading.Thread(target=copy_context().run, args=(self._run, execution), daemon=True).start()
        return execution.id

    def stop_query_execution(self, exec_id: str) -> None:
        self.executions[exec_id].cancel()

    def get_database(self, catalog_name: str, database_name: str) -> dict[str, Any]:
        return {"Name": self.catalog.glue.get_database(database_name.lower()).name}

    def list_databases(self, catalog_name: str, **_: Any) -> tuple[list[Database], None]:
        return [Database(catalog_name, name) for name in sorted(self.catalog.glue.databases)], None

    def reset(self) -> None:
        for execution in self.executions.values():
            execution.cancel()
        super().reset()

    @property
    def _url_module(self) -> Any:
        return SimpleNamespace(url_bases=urls.url_bases, url_paths={"{0}/$": RunningAthenaResponse.dispatch})

    def _run(self, execution: Execution) -> None:
        try:
            if execution.begin():
                self._execute(execution, execution.query.rstrip("; \n\t"))
            if not execution.ended:
                self._write_result(execution)
            execution.finish("SUCCEEDED")
        except (AthenaError, Denied) as error:
            execution.finish("FAILED", str(error))
        except duckdb.Error as error:
            execution.finish("FAILED", reason(error, execution.query))
        except JsonRESTError as error:  # an error of Glue
            execution.finish("FAILED", f"FAILED: {error.error_type}: {error.message}")
        except Exception as error:  # noqa: BLE001 - a query always ends in a state
            execution.finish("FAILED", f"GENERIC_INTERNAL_ERROR: {type(error).__name__}: {error}")

    def _execute(self, execution: Execution, sql: str) -> None:
        bucket, _ = split_uri(execution.output)
        if bucket not in self.catalog.s3.buckets or denial("s3:GetBucketLocation", f"arn:aws:s3:::{bucket}"):
            raise AthenaError(f"Unable to verify/create output bucket {bucket}")
        require_glue("GetDatabase", "default")
        if execution.kind != "DML" and not execution.exports:
            column, lines = ddl.run(self.catalog, execution.database, sql)
            execution.columns = [column_info(column, "VARCHAR")]
            execution.rows = [[line] for line in lines]
            return
        sql = dialect.with_parameters(sql, execution.parameters)
        if self.trino and not (execution.exports or execution.inserts):
            catalog = self._catalog_of(execution)
            catalog.require_access(execution.database, sql)
            self.trino.select(execution, sql, catalog.id)
            return
        with duckdb.connect(config={"threads": 2}) as connection:
            execution.connection = connection
            try:
                self._prepare(connection, execution.files)
                if execution.exports:
                    self._export(execution, sql)
                else:
                    connection.execute("SET disabled_filesystems = 'LocalFileSystem'")  # a query reads only S3
                    self._insert_or_select(execution, sql)
            finally:
                execution.connection = None
                connection.unregister_filesystem(execution.files.protocol)

    @staticmethod
    def _prepare(connection: duckdb.DuckDBPyConnection, files: ObjectFiles) -> None:
        connection.register_filesystem(files)
        connection.execute("SET parquet_metadata_cache=true")
        # Without this DuckDB turns isnan() into false, because the Parquet minimum and maximum leave NaN out.
        connection.execute("SET disabled_optimizers='statistics_propagation'")
        with contextlib.suppress(duckdb.Error):  # in DuckDB 2.0 this optimizer loses the filter on a partition
            connection.execute("SET disabled_optimizers='statistics_propagation,window_self_join'")
        for statement in dialect.PREPARATION:
            connection.execute(statement)

    def _translate(self, execution: Execution, sql: str) -> str:
        """Create a view for every table that the query names, and return the query for DuckDB."""
        tree, schema = dialect.parse(sql), dict[str, dict[str, dict[str, str]]]()
        with_path = dialect.expose_path(tree)
        assert execution.connection
        for table in dialect.tables(tree):
            database, name = (table.db or execution.database).lower(), table.name.lower()
            version = table.args.get("version")
            table.set("catalog", None)
            table.set("version", None)
            table.set("db", exp.to_identifier(database, quoted=True))
            if name.endswith(iceberg.REFS):
                entry = self._catalog_of(execution).table(database, name.removesuffix(iceberg.REFS), sql)
                create_view(execution.connection, database, name, iceberg.refs(entry))
                continue
            if (database, name) in execution.snapshots:
                execution.one_snapshot((database, name), version)
            if name not in schema.get(database, {}):
                catalog = self._catalog_of(execution)
                entry = catalog.table(database, name, sql)
                schema.setdefault(database, {})[name] = dict((*entry.columns, *entry.keys, ("$path", "string")))
                if entry.view_sql:
                    create_view(execution.connection, database, name, self._translate(execution, entry.view_sql))
                    continue
                if iceberg.is_iceberg(entry):
                    snapshot = execution.one_snapshot((database, name), version)
                    catalog.create_iceberg_view(execution.connection, execution.files, database, entry, snapshot)
                    continue
                filters = conditions(tree, table, [key for key, _ in entry.keys])
                catalog.create_view(execution.connection, execution.files, database, entry, with_path, filters)
        note_types(tree, schema, sql)
        execution.files.read_bytes = 0  # reading footers is part of planning, which Athena does not bill
        return dialect.to_duckdb(tree)

    def _catalog_of(self, execution: Execution) -> Catalog:
        return self.catalog_named(execution.context.get("Catalog") or "")

    def _insert_or_select(self, execution: Execution, sql: str) -> None:
        if execution.inserts:
            insert(execution, self._catalog_of(execution), sql, partial(self._translate, execution))
            return
        assert execution.connection
        cursor = execution.connection.execute(self._translate(execution, sql))
        execution.columns = [column_info(name, str(kind)) for name, kind, *_ in cursor.description]
        rows = ([render(cell) for cell in row] for row in cursor.fetchall())
        execution.rows = [[column["Name"] for column in execution.columns], *rows]

    def _export(self, execution: Execution, sql: str) -> None:
        """Run CREATE TABLE AS or UNLOAD: write the rows to objects, and a manifest with their names."""
        match = CREATE_TABLE_AS.match(sql) or UNLOAD.match(sql)
        if not match:
            raise AthenaError("SYNTAX_ERROR: line 1:1: The sandbox cannot read this UNLOAD")
        parts, options = match.groupdict(), _options(match["options"])
        query = self._translate(execution, match["query"])
        default = f"{execution.output.rsplit('/', 1)[0]}/tables/{execution.id}"
        target = (parts.get("target") or options.get("external_location") or default).rstrip("/") + "/"
        if next(self.catalog.objects(target), None):
            raise AthenaError(f"HIVE_PATH_ALREADY_EXISTS: Target directory for table already exists: {target}")
        if options.get("table_type", "").upper() == "ICEBERG":
            raise AthenaError(
                "NOT_SUPPORTED: the sandbox makes tables of Iceberg by CREATE TABLE and INSERT, not AS SELECT"
            )
        keys = re.findall(r"'(\w+)'", options.get("partitioned_by", ""))
        kind = options.get("format", "PARQUET").upper()
        written = self._copy(execution, query, kind, keys, target)
        execution.manifest = f"{execution.output}-manifest.csv"
        self._put(execution.manifest, "".join(f"{uri}\n" for uri in written).encode())
        execution.columns = [column_info("rows", "BIGINT")]
        if parts.get("table"):
            assert execution.connection
            described = execution.connection.execute(f"DESCRIBE {query}").fetchall()
            columns = [{"Name": name.lower(), "Type": hive_type(duck)} for name, duck, *_ in described]
            database, name = ddl.qualified(parts["table"], execution.database)
            ddl.create_table(self.catalog, database, name, columns, keys, target, kind)
            ddl.repair(self.catalog, self.catalog.table(database, name, sql))

    def _copy(self, execution: Execution, query: str, kind: str, keys: list[str], target: str) -> list[str]:
        assert execution.connection
        if kind not in _COPY_FORMATS:
            raise AthenaError(f"NOT_SUPPORTED: The sandbox writes {', '.join(_COPY_FORMATS)}, not {kind}")
        partitions = f", PARTITION_BY ({', '.join(keys)})" if keys else ""
        written = []
        with temporary_folder() as folder:
            root = Path(folder) / "rows"
            if not keys:
                root.mkdir()
            path = literal(str(root if keys else root / execution.id))
            copied = execution.connection.execute(
                f"COPY ({query}) TO {path} (FORMAT {_COPY_FORMATS[kind]}{partitions})"
            )
            execution.update_count = copied.fetchall()[0][0]
            for file in sorted(file for file in root.rglob("*") if file.is_file()):
                written.append(target + str(file.relative_to(root)).replace(os.sep, "/"))
                self._put(written[-1], file.read_bytes())
        return written

    def _write_result(self, execution: Execution) -> None:
        if execution.kind == "DML" and not execution.manifest:
            lines = [
                ",".join("" if cell is None else f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row)
                for row in execution.rows
            ]
            self._put(execution.output, "".join(f"{line}\n" for line in lines).encode())
        elif not execution.manifest:
            self._put(execution.output, "\n".join(row[0] or "" for row in execution.rows).encode())

    def _put(self, uri: str, content: bytes) -> None:
        if denial("s3:PutObject", f"arn:aws:s3:::{uri.removeprefix('s3://')}"):
            allowed = "Please ensure you are allowed to access the S3 bucket."
            raise AthenaError(f"Access denied when writing output to url: {uri} . {allowed}")
        self.catalog.s3.put_object(*split_uri(uri), content)


def _options(text: str | None) -> dict[str, str]:
    """Return the properties of a WITH clause by lower-case name; an ARRAY keeps its brackets."""
    pairs = re.findall(r"(\w+)\s*=\s*(ARRAY\s*\[[^\]]*\]|'[^']*')", text or "", re.I)
    return {name.lower(): value.strip("'") for name, value in pairs}
