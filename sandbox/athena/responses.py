"""Answers from real executions the calls of Athena's API that moto answers with constants."""

import json
from typing import Any

from moto.athena.responses import AthenaResponse
from moto.core.exceptions import JsonRESTError

PAGE_ROWS = 1000


class RunningAthenaResponse(AthenaResponse):
    def start_query_execution(self) -> Any:
        workgroup = self._get_param("WorkGroup") or "primary"
        if workgroup not in self.athena_backend.work_groups:
            raise _invalid(f"WorkGroup {workgroup} is not found.")
        try:
            started = self.athena_backend.start(
                self._get_param("QueryString"),
                self._get_param("QueryExecutionContext") or {},
                (self._get_param("ResultConfiguration") or {}).get("OutputLocation"),
                workgroup,
                self._get_param("ExecutionParameters"),
                self._get_param("ClientRequestToken"),
            )
        except ValueError as error:
            raise _invalid(str(error)) from error
        return json.dumps({"QueryExecutionId": started})

    def get_query_execution(self) -> Any:
        return json.dumps({"QueryExecution": _described(self._execution())})

    def get_query_results(self) -> Any:
        execution = self._execution()
        if execution.status in ("QUEUED", "RUNNING"):
            raise _invalid(f"Query has not yet finished. Current state: {execution.status}")
        if execution.status != "SUCCEEDED":
            raise _invalid(f"Query did not finish successfully. Final query state: {execution.status}")
        start = int(self._get_param("NextToken") or 0)
        end = start + min(self._get_param("MaxResults") or PAGE_ROWS, PAGE_ROWS)
        rows = [
            {"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]}
            for row in execution.rows[start:end]
        ]
        answer = {"ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": execution.columns}}}
        more = {"NextToken": str(end)} if end < len(execution.rows) else {}
        return json.dumps({**answer, **more, "UpdateCount": execution.update_count})

    def stop_query_execution(self) -> Any:
        self._execution().cancel()
        return "{}"

    def get_query_runtime_statistics(self) -> Any:
        execution = self._execution()
        rows = {"InputBytes": execution.files.read_bytes, "OutputRows": max(len(execution.rows) - 1, 0)}
        timeline = {"TotalExecutionTimeInMillis": execution.milliseconds()}
        return json.dumps({"QueryRuntimeStatistics": {"Rows": rows, "Timeline": timeline}})

    def get_table_metadata(self) -> Any:
        database = self._database()
        name = self._get_param("TableName").lower()
        if name not in database.tables:
            raise JsonRESTError("MetadataException", f"EntityNotFoundException: Table {name} not found.")
        return json.dumps({"TableMetadata": _metadata(database.tables[name])})

    def list_table_metadata(self) -> Any:
        tables = self._database().tables
        return json.dumps({"TableMetadataList": [_metadata(tables[name]) for name in sorted(tables)]})

    def _database(self) -> Any:
        databases, name = self.athena_backend.catalog.glue.databases, self._get_param("DatabaseName").lower()
        if name not in databases:
            raise JsonRESTError("MetadataException", f"EntityNotFoundException: Database {name} not found.")
        return databases[name]

    def _execution(self) -> Any:
        id_ = self._get_param("QueryExecutionId")
        if id_ not in self.athena_backend.executions:
            raise _invalid(f"QueryExecution {id_} was not found")
        return self.athena_backend.executions[id_]


def _invalid(message: str) -> JsonRESTError:
    return JsonRESTError("InvalidRequestException", message)


def _metadata(table: Any) -> dict[str, Any]:
    described = table.as_dict()
    storage = described.get("StorageDescriptor") or {}
    names = ("Name", "Type", "Comment")
    columns, keys = (
        [{name: column[name] for name in names if name in column} for column in listed or ()]
        for listed in (storage.get("Columns"), described.get("PartitionKeys"))
    )
    about = {
        "Name": described["Name"],
        "TableType": described.get("TableType", ""),
        "CreateTime": described["CreateTime"].timestamp(),
    }
    serde = (storage.get("SerdeInfo") or {}).get("SerializationLibrary", "")
    facts = {
        "location": storage.get("Location", ""),
        "inputformat": storage.get("InputFormat", ""),
        "serde.serialization.lib": serde,
    }
    return {
        **about,
        "Columns": columns,
        "PartitionKeys": keys,
        "Parameters": {**facts, **(described.get("Parameters") or {})},
    }


def _described(execution: Any) -> dict[str, Any]:
    status: dict[str, Any] = {"State": execution.status, "SubmissionDateTime": execution.started}
    if execution.ended:
        status["CompletionDateTime"] = execution.ended
    if execution.reason:
        status["StateChangeReason"] = execution.reason
    if execution.status == "FAILED":
        error = {"ErrorCategory": 2, "ErrorType": 1006, "Retryable": False, "ErrorMessage": execution.reason}
        status["AthenaError"] = error
    statistics = {
        "EngineExecutionTimeInMillis": execution.milliseconds(),
        "TotalExecutionTimeInMillis": execution.milliseconds(),
        "DataScannedInBytes": execution.files.read_bytes,
        "QueryQueueTimeInMillis": 0,
        "ServiceProcessingTimeInMillis": 0,
    }
    if execution.manifest:
        statistics["DataManifestLocation"] = execution.manifest
    return {
        "QueryExecutionId": execution.id,
        "Query": execution.query,
        "StatementType": execution.kind,
        "SubstatementType": execution.substatement,
        "ResultConfiguration": {"OutputLocation": execution.output},
        "QueryExecutionContext": execution.context,
        "Status": status,
        "Statistics": statistics,
        "WorkGroup": execution.workgroup.name,
        "EngineVersion": {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"},
        **({"ExecutionParameters": execution.parameters} if execution.parameters else {}),
    }
