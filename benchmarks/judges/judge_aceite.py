"""Aceite: what a run does between pipeline and evidence, without Prefect around it.

    python judge_aceite.py CONTRACT 2026-11-22 [--reconcile]

Without --reconcile the rules of the contract alone are judged; with it also that what landed can be read and is what
the table holds. Exit code 0 if the delivery is accepted, else 1 with the reason.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import boto3

from acceptance.contract.checks import Metric
from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.placeholders import partition_values
from acceptance.deliveries.routing import route
from acceptance.judging.findings import CatalogFacts, Findings, LandedFacts, judge_findings, usable_columns
from acceptance.judging.judge import Outcome, Verdict
from acceptance.odcs.reader import read_contract
from acceptance.queries.measuring_query import compile_checks, read_answer
from aws.athena import connect, run_query
from aws.glue.catalog import read_partition, read_table
from aws.s3.objects import list_objects, object_exists

WITHIN = timedelta(minutes=10)
OF_WHAT_LANDED = (Metric.LANDED_READABLE, Metric.ROWS_EQUAL_LANDED, Metric.CELLS_EQUAL_LANDED)


def main(path: str, day: str, *options: str) -> int:
    session = boto3.Session()
    s3 = session.client("s3")
    contract = contract_at(Path(path))
    delivery = delivery_of(s3, contract, date.fromisoformat(day))
    findings = Findings()
    if "--reconcile" in options:
        findings = replace(findings, landed=landed(s3, contract, delivery))
    else:
        contract = replace(
            contract, checks=tuple(check for check in contract.checks if check.metric not in OF_WHAT_LANDED)
        )
    partition = partition_values(contract, delivery)
    catalog = catalog_facts(session.client("glue"), s3, contract, partition)
    judgement = judge_findings(contract, measured(session, contract, partition, replace(findings, catalog=catalog)))
    passed = sum(result.outcome is Outcome.PASSED for result in judgement.results)
    print(f"{passed} of {len(contract.checks)} passed: {judgement.reason}")
    return 0 if judgement.verdict is Verdict.ACCEPTED and passed == len(contract.checks) else 1


def contract_at(path: Path) -> Contract:
    contract = read_contract(path.read_text(encoding="utf-8"), str(path), {})
    assert contract is not None, f"{path} is no watched contract"
    return contract


def delivery_of(s3: Any, contract: Contract, business_date: date) -> Delivery:
    beginning = contract.template.beginning(business_date, {})
    (found,) = list_objects(s3, contract.template.bucket, beginning)
    return route(found, [contract])


def landed(s3: Any, contract: Contract, delivery: Delivery) -> LandedFacts:
    from landed.delivery import combine, read_members

    file = combine(delivery, read_members(s3, delivery, contract))
    return LandedFacts(file.rows, file.fingerprint, file.fault_count, "; ".join(map(str, file.faults)))


def catalog_facts(glue: Any, s3: Any, contract: Contract, partition: Mapping[str, str]) -> CatalogFacts:
    table = read_table(glue, contract.table.database, contract.table.name)
    assert table is not None, "there is no such table"
    entry = read_partition(glue, table.database, table.name, _values(partition, [k.name for k in table.partition_keys]))
    location = entry.location if entry else None
    columns = {column.name: column.type for column in (*table.columns, *table.partition_keys)}
    there = location is not None and object_exists(s3, location.rstrip("/") + "/")
    return CatalogFacts(columns, partition_found=entry is not None, has_objects=there, location=location)


def _values(partition: Mapping[str, str], keys: Sequence[str]) -> list[str]:
    return [partition[key] for key in keys]


def measured(session: boto3.Session, contract: Contract, partition: Mapping[str, str], findings: Findings) -> Findings:
    assert findings.catalog is not None
    query = compile_checks(contract, partition, usable_columns(contract, findings.catalog))
    table = contract.table
    with connect(
        session,
        region=table.region,
        workgroup=table.workgroup,
        database=table.database,
        output_location=table.output_location,
    ) as athena:
        answer = run_query(athena, query.sql, within=WITHIN)
    facts, checks = read_answer(query, answer.rows[0], answer.query_id)
    return replace(findings, table=facts, measured=checks, query_id=answer.query_id)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
