"""What Aceite may do in AWS: the statements of an IAM policy for exactly the contracts at hand.

    statements(contracts, surroundings, duty=Duty.ALL) -> tuple[Statement, ...]

Each statement has one purpose, which its `sid` names and `why` tells; `pairs` are its (action, resource) pairs, all of
which are needed. STS is not in it: nobody needs a right to ask who they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

import sqlglot
from sqlglot import exp

from acceptance.contract.contract import Contract, Manifest, Quiet, Single
from acceptance.contract.landing_format import Engine, PartitionHolds
from acceptance.contract.steps import AwaitGlueJob, AwaitObject, Invoke, RunGlueJob
from acceptance.deliveries.routing import watched_locations
from acceptance.evidence.object_keys import chain_prefix, dataset_prefix, notes_prefix
from acceptance.sql.text import DIALECT
from aws.iam import purposes as to
from aws.iam.arns import Account, below, bucket_and_key, key_pattern, literal, text_pattern
from aws.iam.statements import Duty, Right, Statement, merged

PLACEHOLDER = "UNKNOWN-"
"""How the name of a bucket begins that is in no contract, and that nobody told."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What no contract says. `table_locations` are s3:// uris by database.table, `result_locations` by workgroup.

    `locks_evidence`: whether evidence is put with a retention of ours. `keys`: ARNs of KMS keys, if customer-managed
    ones encrypt what is read or written. `caller` is the ARN of who looks, if the duty is the doctor's.
    """

    account: Account
    evidence_bucket: str = "evidence"
    queue_url: str | None = None
    locks_evidence: bool = False
    keys: tuple[str, ...] = ()
    table_locations: Mapping[str, str] = field(default_factory=dict)
    result_locations: Mapping[str, str] = field(default_factory=dict)
    caller: str = ""


def statements(
    contracts: Sequence[Contract], surroundings: Surroundings, duty: Duty = Duty.ALL
) -> tuple[Statement, ...]:
    """The statements of one policy. None is there for nothing: what another one grants is left out."""
    rights: list[Right] = []
    if duty is Duty.DOCTOR:
        rights += _of_doctor(contracts, surroundings)
    if duty in (Duty.WATCHER, Duty.ALL):
        rights += _of_watcher(contracts, surroundings)
    if duty in (Duty.VALIDATOR, Duty.ALL):
        rights += (right for contract in contracts for right in _of_validator(contract, surroundings))
    if duty is not Duty.DOCTOR:
        rights += (Right(to.USE_KEYS, key) for key in surroundings.keys)
    return merged(rights, surroundings.account.region)


def tables_read(contract: Contract) -> tuple[tuple[str, str], ...]:
    """Every (database, table) that queries of the contract read, its own first."""
    own = contract.table
    found = [(own.database, own.name)]
    if contract.landed_table:
        database, _, name = contract.landed_table.partition(".")
        found.append((database, name))
    for check in contract.checks:
        if check.refers_to is not None:
            found.append((check.refers_to.database, check.refers_to.table))
        if check.sql is not None:
            found += _named_in(check.sql, own.database)
    return tuple(dict.fromkeys((database.lower(), name.lower()) for database, name in found))


def _of_watcher(contracts: Sequence[Contract], told: Surroundings) -> Iterator[Right]:
    s3 = told.account.s3
    for bucket, prefix in watched_locations(contracts):
        yield Right(to.LIST_LANDING, s3(bucket), literal(prefix))
    for contract in contracts:
        bucket, prefix = contract.template.bucket, literal(contract.template.prefix)
        if not isinstance(contract.completion, Single):
            yield Right(to.LIST_LANDING, s3(bucket), f"{prefix}*")
        if isinstance(contract.completion, Manifest):
            for template in (contract.completion.signal, contract.template):
                yield Right(to.VERIFY_MANIFESTS, s3(f"{bucket}/{key_pattern(template)}"))
        if isinstance(contract.completion, Quiet):
            yield Right(to.LIST_UPLOADS, s3(bucket))
        yield from _overrides(contract, told)
        yield from _evidence(contract.dataset, told)
    if told.queue_url:
        yield Right(to.RECEIVE_HINTS, told.account.queue(told.queue_url))


def _of_validator(contract: Contract, told: Surroundings) -> Iterator[Right]:
    s3, template = told.account.s3, contract.template
    yield from _evidence(contract.dataset, told)
    others = contract.partition_holds is PartitionHolds.ALL_DELIVERIES
    if contract.engine is Engine.LOCAL or others:
        yield Right(to.READ_LANDED, s3(f"{template.bucket}/{key_pattern(template)}"))
    if others:
        yield Right(to.LIST_OTHERS, s3(template.bucket), f"{literal(template.prefix)}*")
    yield from _overrides(contract, told)
    for override in contract.override:
        if override.copy_of:
            yield Right(to.COPY_PARAMETERS, told.account.parameter(override.copy_of))
    yield from _steps(contract, told.account)
    yield from _queries(contract, told)


def _overrides(contract: Contract, told: Surroundings) -> Iterator[Right]:
    """Of whoever judges, and of the watcher, which restores what a run that died left changed."""
    account = told.account
    for override in contract.override:
        yield Right(to.OVERRIDE_PARAMETERS, account.parameter(override.parameter))
        noted = literal(notes_prefix(account.id, account.region))
        yield Right(to.NOTE_OVERRIDES, account.s3(f"{told.evidence_bucket}/{noted}*"))


def _evidence(dataset: str, told: Surroundings) -> Iterator[Right]:
    """Of whoever judges, and of the watcher, which learns of verdicts and records runs that a person cancelled."""
    s3, bucket = told.account.s3, told.evidence_bucket
    yield Right(to.LIST_EVIDENCE, s3(bucket))
    if told.locks_evidence:
        yield Right(to.READ_OBJECT_LOCK, s3(bucket))
    for prefix in (dataset_prefix(dataset), chain_prefix(dataset)):
        yield Right(to.KEEP_EVIDENCE, s3(f"{bucket}/{literal(prefix)}*"))
        if told.locks_evidence:
            yield Right(to.LOCK_EVIDENCE, s3(f"{bucket}/{literal(prefix)}*"))


def _steps(contract: Contract, account: Account) -> Iterator[Right]:
    for step in contract.steps:
        match step:
            case Invoke(function):
                yield Right(to.INVOKE_FUNCTIONS, account.function(function))
            case AwaitGlueJob(job):
                yield Right(to.AWAIT_JOBS, account.arn("glue", f"job/{literal(job)}"))
            case RunGlueJob(job):
                yield Right(to.RUN_JOBS, account.arn("glue", f"job/{literal(job)}"))
            case AwaitObject(uri):
                bucket, key = bucket_and_key(text_pattern(contract, uri))
                below_it = uri.endswith("/")
                # Only who may list the whole bucket is told that an object is not there; others are told "denied".
                yield Right(to.LIST_AWAITED, account.s3(bucket), key if below_it else None)
                if not below_it:
                    yield Right(to.AWAIT_OBJECTS, account.s3(f"{bucket}/{key}"))
            case _:
                assert_never(step)


def _queries(contract: Contract, told: Surroundings) -> Iterator[Right]:
    account, table = told.account, contract.table
    regions = dict.fromkeys((account.region, table.region or account.region))
    for region in regions:
        for arn in (arn for name in tables_read(contract) for arn in account.table(*name, region)):
            yield Right(to.READ_CATALOG, arn)
    for resource in ("catalog", "database/default"):
        yield Right(to.READ_DEFAULT_DATABASE, account.arn("glue", resource, table.region))
    yield Right(to.RUN_QUERIES, account.arn("athena", f"workgroup/{literal(table.workgroup)}", table.region))
    if table.catalog.lower() != "awsdatacatalog":
        yield Right(to.USE_CATALOG, account.arn("athena", f"datacatalog/{literal(table.catalog)}", table.region))
    bucket, keys = below(results_of(contract, told))
    yield Right(to.FIND_RESULTS, account.s3(bucket))
    yield Right(to.KEEP_RESULTS, account.s3(f"{bucket}/{keys}"))
    for name in tables_read(contract):
        bucket, keys = below(location_of(contract, name, told))
        yield Right(to.LIST_TABLES, account.s3(bucket), keys)
        yield Right(to.READ_TABLES, account.s3(f"{bucket}/{keys}"))


def _of_doctor(contracts: Sequence[Contract], told: Surroundings) -> Iterator[Right]:
    """What nobody needs who only watches and judges."""
    account = told.account
    yield Right(to.LOOK_AT_EVIDENCE_BUCKET, account.s3(told.evidence_bucket))
    nobody = f"arn:{account.partition}:iam::{account.id}:role/{PLACEHOLDER}who-runs-the-doctor"
    for principal in account.principal(told.caller or nobody):
        yield Right(to.SIMULATE_POLICIES, principal)
    for contract in contracts:
        table = contract.table
        yield Right(to.LOOK_AT_WORKGROUPS, account.arn("athena", f"workgroup/{literal(table.workgroup)}", table.region))
    if told.queue_url:
        yield Right(to.LOOK_AT_QUEUE, account.queue(told.queue_url))


def unknown(contracts: Sequence[Contract], told: Surroundings) -> tuple[str, ...]:
    """What stands in the validator's statements as a placeholder, for people."""
    found = []
    for contract in contracts:
        if PLACEHOLDER in results_of(contract, told):
            found.append(f"the output location of the workgroup {contract.table.workgroup}")
        tables = (name for name in tables_read(contract) if PLACEHOLDER in location_of(contract, name, told))
        found += [f"the location of the table {'.'.join(name)}" for name in tables]
    return tuple(dict.fromkeys(found))


def results_of(contract: Contract, told: Surroundings) -> str:
    """The s3:// prefix of query results."""
    workgroup = contract.table.workgroup
    own = contract.table.output_location or told.result_locations.get(workgroup)
    return own or f"s3://{PLACEHOLDER}results-of-the-workgroup-{workgroup}/"


def location_of(contract: Contract, name: tuple[str, str], told: Surroundings) -> str:
    """Where a table's files are. Of the one over the landed files the contract knows it."""
    known = told.table_locations.get(".".join(name))
    if known is None and ".".join(name) == contract.landed_table.lower():
        known = f"s3://{contract.template.bucket}/{contract.template.prefix}"
    return known or f"s3://{PLACEHOLDER}location-of-{'.'.join(name)}/"


def _named_in(sql: str, database: str) -> Iterator[tuple[str, str]]:
    """The tables that the SELECT of a rule names beside the delivered rows."""
    tree = sqlglot.parse_one(sql.replace("{object}", "aceite_delivered"), read=DIALECT)
    ours = {"aceite_delivered", *(common.alias for common in tree.find_all(exp.CTE))}
    for table in tree.find_all(exp.Table):
        if table.db or table.name not in ours:
            yield table.db or database, table.name
