"""Evidence as one OpenLineage run event, for whatever catalog already listens to those.

Namespaces and names are OpenLineage's: `s3://bucket` and key, `awsathena://athena.<region>.amazonaws.com` and
catalog.database.table. The checks are there twice, as OpenLineage has it: as assertions on the dataset that each speaks
of, and as the run's tests. Schemas: https://openlineage.io/spec, versions below.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from acceptance.contract.checks import Metric, Severity
from acceptance.evidence.evidence import CheckRecord, Evidence, LandedRecord, Member
from acceptance.evidence.reports.formatting import in_utc
from acceptance.judging.judge import Outcome, Verdict
from acceptance.untrusted_text import json_escaped

SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
_FACETS = "https://openlineage.io/spec/facets"

_SEVERITY: Mapping[str, str] = {Severity.WARNING: "warn"}
"""The words of OpenLineage that differ from those of ODCS."""
_STATUS = {
    Outcome.PASSED: "pass",
    Outcome.WARNED: "fail",  # its severity says that it does not block
    Outcome.FAILED: "fail",
    Outcome.ERRORED: "skip",  # it could not be judged, and that is never told as bad data; `params` has the outcome
    Outcome.SKIPPED: "skip",
}
_EVENT = {Verdict.ACCEPTED: "COMPLETE", Verdict.REJECTED: "COMPLETE", Verdict.INCONCLUSIVE: "FAIL"}
"""The run of a rejected delivery did what it should: it judged. What it found is in the facets."""


def openlineage_json(evidence: Evidence) -> bytes:
    """The event, as `POST /api/v1/lineage` takes it."""
    run, delivery = evidence.run, evidence.delivery
    event = {
        "eventType": _EVENT[evidence.verdict],
        "eventTime": _time(run.ended),
        "producer": _producer(evidence),
        "schemaURL": f"{SPEC}#/$defs/RunEvent",
        "run": {"runId": run.flow_run_id, "facets": _run_facets(evidence)},
        "job": {"namespace": "aceite", "name": delivery.dataset, "facets": _job_facets(evidence)},
        "inputs": [*(_landed(evidence, member) for member in delivery.members), _table(evidence)],
        "outputs": [],
    }
    return json_escaped(json.dumps(event, indent=2, ensure_ascii=False)).encode() + b"\n"


def _run_facets(evidence: Evidence) -> dict[str, Any]:
    run = evidence.run
    facets = {
        "test": _facet(evidence, "1-0-1", "TestRunFacet", tests=[_test(check) for check in evidence.checks]),
        "nominalTime": _facet(
            evidence, "1-0-1", "NominalTimeRunFacet", nominalStartTime=f"{evidence.delivery.business_date}T00:00:00Z"
        ),
    }
    if "prefect" in run.software:
        engine = {"version": run.software["prefect"], "name": "prefect"}
        facets["processing_engine"] = _facet(evidence, "1-1-1", "ProcessingEngineRunFacet", **engine)
    if evidence.verdict is Verdict.INCONCLUSIVE:
        error = {"message": evidence.reason, "programmingLanguage": "PYTHON"}
        facets["errorMessage"] = _facet(evidence, "1-0-1", "ErrorMessageRunFacet", **error)
    if queries := [query for query in evidence.queries if not query.error]:
        external = {"externalQueryId": queries[0].query_id, "source": "athena"}
        facets["externalQuery"] = _facet(evidence, "1-0-2", "ExternalQueryRunFacet", **external)
    return facets


def _job_facets(evidence: Evidence) -> dict[str, Any]:
    kind = {"processingType": "BATCH", "integration": "ACEITE", "jobType": "ACCEPTANCE_TEST"}
    contract = evidence.contract
    told = f"{contract.name}: acceptance by contract {contract.id} {contract.version}, SHA-256 {contract.sha256}"
    return {
        "jobType": _facet(evidence, "2-0-4", "JobTypeJobFacet", **kind),
        "documentation": _facet(evidence, "1-1-0", "DocumentationJobFacet", description=told),
    }


def _landed(evidence: Evidence, member: Member) -> dict[str, Any]:
    """A landed object: its version, and what was found when it was read."""
    version = member.version_id or member.etag
    return {
        "namespace": f"s3://{member.bucket}",
        "name": member.key,
        "facets": {
            "version": _facet(evidence, "1-0-1", "DatasetVersionDatasetFacet", datasetVersion=version),
            **_schema(evidence, evidence.landed),
        },
        "inputFacets": {
            "dataQualityMetrics": _metrics(
                evidence, member.rows, bytes=member.size, lastUpdated=_time(member.last_modified)
            ),
            **_assertions(evidence, (check for check in evidence.checks if check.metric == Metric.LANDED_READABLE)),
        },
    }


def _table(evidence: Evidence) -> dict[str, Any]:
    table = evidence.table
    return {
        "namespace": f"awsathena://athena.{table.region}.amazonaws.com" if table.region else "awsathena://athena",
        "name": f"{table.catalog}.{table.database}.{table.name}",
        "inputFacets": {
            "dataQualityMetrics": _metrics(evidence, table.rows),
            **_assertions(evidence, (check for check in evidence.checks if check.metric != Metric.LANDED_READABLE)),
        },
    }


def _schema(evidence: Evidence, landed: LandedRecord) -> dict[str, Any]:
    fields = [{"name": name, "ordinal_position": number} for number, name in enumerate(landed.columns, 1)]
    return {"schema": _facet(evidence, "1-2-0", "SchemaDatasetFacet", fields=fields)} if fields else {}


def _metrics(evidence: Evidence, rows: int | None, **facts: Any) -> dict[str, Any]:
    counted = {"rowCount": rows} if rows is not None else {}
    return _facet(evidence, "1-0-3", "DataQualityMetricsInputDatasetFacet", **counted, **facts, columnMetrics={})


def _assertions(evidence: Evidence, checks: Iterable[CheckRecord]) -> dict[str, Any]:
    """Return the checks that were measured. Nobody knows of a skipped or errored check whether it holds."""
    made = [_assertion(check) for check in checks if check.outcome not in (Outcome.SKIPPED, Outcome.ERRORED)]
    facet = _facet(evidence, "1-1-0", "DataQualityAssertionsDatasetFacet", assertions=made)
    return {"dataQualityAssertions": facet} if made else {}


def _assertion(check: CheckRecord) -> dict[str, Any]:
    one_column = {"column": check.columns[0]} if len(check.columns) == 1 else {}
    success = check.outcome is Outcome.PASSED
    return {"assertion": check.metric, "success": success, "name": check.id, **one_column, **_told(check)}


def _test(check: CheckRecord) -> dict[str, Any]:
    return {"name": check.id, "status": _STATUS[check.outcome], "type": check.metric, **_told(check)}


def _told(check: CheckRecord) -> dict[str, Any]:
    told = {
        "severity": _SEVERITY.get(check.severity, check.severity),
        "expected": check.expected,
        "actual": check.observed,
    }
    if check.description:
        told["description"] = check.description
    facts = {
        "outcome": check.outcome.value,
        "columns": list(check.columns),
        "dimension": check.dimension,
        "queryId": check.query_id,
    }
    return {**told, "params": {name: value for name, value in facts.items() if value}}


def _facet(evidence: Evidence, version: str, name: str, /, **content: Any) -> dict[str, Any]:
    return {
        "_producer": _producer(evidence),
        "_schemaURL": f"{_FACETS}/{version}/{name}.json#/$defs/{name}",
        **content,
    }


def _producer(evidence: Evidence) -> str:
    return f"urn:aceite:{evidence.run.software.get('aceite', 'unknown')}"


def _time(moment: datetime) -> str:
    return in_utc(moment).isoformat().replace("+00:00", "Z")
