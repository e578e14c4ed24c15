"""The IAM policy that exactly these contracts need.

    statements(contracts, context, duty=Duty.ALL) -> tuple[Statement, ...]

Each statement has one purpose: `sid` names it, `why` explains it. Aceite needs all of its (action, resource) `pairs`.
STS is not in the policy: asking who one is needs no permission.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

import sqlglot
from sqlglot import exp

from acceptance.contract.contract import Contract, Manifest, Quiet, Single
from acceptance.contract.landing_format import Engine, PartitionHolds
from acceptance.contract.steps import (
    AwaitExecution,
    AwaitGlueJob,
    AwaitObject,
    AwaitTable,
    Invoke,
    PutEvent,
    RunCrawler,
    RunGlueJob,
    RunWorkflow,
    StartExecution,
    fired_machines,
)
from acceptance.deliveries.routing import watched_locations
from acceptance.evidence.object_keys import REPORTS, chain_prefix, dataset_prefix, parameter_locks_prefix
from acceptance.sql.text import DIALECT
from aws.iam import purposes as to
from aws.iam.arns import ANY, Account, awaited_pattern, key_pattern, location_pattern, pattern
from aws.iam.compact import Widening, compact
from aws.iam.duty import Duty
from aws.iam.statements import Permission, Statement, merge

PLACEHOLDER = "UNKNOWN-"
"""The beginning of a bucket's name that no contract states and no caller gave."""


@dataclass(frozen=True, slots=True)
class PolicyContext:
    """Facts beside the contracts. `table_locations` are s3:// URIs by database.table, `result_locations` by workgroup.

    `locks_evidence`: Aceite puts evidence with a retention. `keys`: ARNs of the customer-managed KMS keys of what
    Aceite reads or writes. `caller`: the ARN of the identity that runs the doctor. `seal_key`: the ARN or id of the KMS
    key that seals evidence, if one does. `enforced` are the workgroups that enforce their own location of results, and
    `managed_results` those whose results Athena keeps itself. `publishes_reports`: the watcher puts the pages over all
    datasets.

    By database.table: `governed` are those that Lake Formation gives out, `views` the tables behind each view, `links`
    account, database and name behind a resource link. `catalog_ids` are those of Glue, by Athena's data catalog.
    """

    account: Account
    evidence_bucket: str = "evidence"
    queue_url: str | None = None
    locks_evidence: bool = False
    keys: tuple[str, ...] = ()
    table_locations: Mapping[str, str] = field(default_factory=dict)
    result_locations: Mapping[str, str] = field(default_factory=dict)
    caller: str = ""
    seal_key: str | None = None
    governed: frozenset[str] = frozenset()
    catalog_ids: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    views: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    enforced: frozenset[str] = frozenset()
    managed_results: frozenset[str] = frozenset()
    publishes_reports: bool = False


def statements(contracts: Sequence[Contract], context: PolicyContext, duty: Duty = Duty.ALL) -> tuple[Statement, ...]:
    """Return the statements of one policy, without permissions that another statement already grants."""
    return merge(_permissions(contracts, context, duty), context.account.region, context.account.domain)


def compact_statements(
    contracts: Sequence[Contract], context: PolicyContext, duty: Duty = Duty.ALL
) -> tuple[tuple[Statement, ...], tuple[Widening, ...]]:
    """Return statements that allow all of those of `statements`, in fewer characters, and what is wider in them."""
    permissions, widened = compact(_permissions(contracts, context, duty))
    return merge(permissions, context.account.region, context.account.domain), widened


def _permissions(contracts: Sequence[Contract], context: PolicyContext, duty: Duty) -> list[Permission]:
    permissions: list[Permission] = []
    if duty is Duty.DOCTOR:
        permissions += _of_doctor(contracts, context)
    if duty in (Duty.WATCHER, Duty.ALL):
        permissions += _of_watcher(contracts, context)
    if duty in (Duty.VALIDATOR, Duty.ALL):
        permissions += (permission for contract in contracts for permission in _of_validator(contract, context))
    if duty is not Duty.DOCTOR and context.seal_key:
        permissions.append(Permission(to.SIGN_EVIDENCE, context.account.key(context.seal_key)))
    if duty is not Duty.DOCTOR:
        permissions += (Permission(to.USE_KEYS, context.account.key(key)) for key in context.keys)
    return permissions


def tables_queried(contract: Contract) -> tuple[tuple[str, str], ...]:
    """Return each (database, table) that the contract's queries read, its own table first."""
    own = contract.table
    tables = [(own.database, own.name)]
    if contract.landed_table:
        database, _, name = contract.landed_table.partition(".")
        tables.append((database, name))
    for check in contract.checks:
        if check.refers_to is not None:
            tables.append((check.refers_to.database, check.refers_to.table))
        if check.sql is not None:
            tables += _named_in(check.sql, own.database)
    return tuple(dict.fromkeys((database.lower(), name.lower()) for database, name in tables))


def _tables(contract: Contract, context: PolicyContext) -> Sequence[tuple[str, str]]:
    """Return the tables that the queries name, and those that their views read."""
    names = list(tables_queried(contract))
    for name in names:  # grows with what the views among them read
        names += (behind for behind in context.views.get(".".join(name), ()) if behind not in names)
    return names


def _of_watcher(contracts: Sequence[Contract], context: PolicyContext) -> Iterator[Permission]:
    s3 = context.account.s3
    for bucket, prefix in watched_locations(contracts):
        yield Permission(to.LIST_LANDING, s3(bucket), pattern(prefix))
    for contract in contracts:
        bucket, prefix = contract.template.bucket, contract.template.prefix
        if not isinstance(contract.completion, Single):
            yield Permission(to.LIST_LANDING, s3(bucket), pattern(prefix, ANY))
        yield from _completion(contract, context)
        yield from _overrides(contract, context)
        yield from _evidence(contract.dataset, context)
    if context.publishes_reports:
        yield Permission(to.PUBLISH_REPORTS, s3(context.evidence_bucket, pattern(REPORTS, ANY)))
    if context.queue_url:
        yield Permission(to.RECEIVE_HINTS, context.account.queue(context.queue_url))


def _of_validator(contract: Contract, context: PolicyContext) -> Iterator[Permission]:
    s3, template = context.account.s3, contract.template
    yield from _evidence(contract.dataset, context)
    others = contract.partition_holds is PartitionHolds.ALL_DELIVERIES
    if contract.engine is Engine.LOCAL or others:
        yield Permission(to.READ_LANDED, s3(template.bucket, key_pattern(template)))
    # To confirm that what an event tells of is there, and to find the other files whose rows the partition holds.
    yield Permission(to.LIST_LANDING, s3(template.bucket), pattern(template.prefix, ANY))
    yield from _completion(contract, context)
    yield from _overrides(contract, context)
    for override in contract.override:
        if override.copy_of:
            yield Permission(to.COPY_PARAMETERS, context.account.parameter(override.copy_of))
    yield from _steps(contract, context.account)
    yield from _queries(contract, context)


def _completion(contract: Contract, context: PolicyContext) -> Iterator[Permission]:
    """Yield what is needed to tell if a delivery is complete: the watcher announces it then, a run confirms it."""
    s3, bucket = context.account.s3, contract.template.bucket
    if isinstance(contract.completion, Manifest):
        for template in (contract.completion.signal, contract.template):
            yield Permission(to.VERIFY_MANIFESTS, s3(bucket, key_pattern(template)))
    if isinstance(contract.completion, Quiet):
        yield Permission(to.LIST_UPLOADS, s3(bucket))


def _overrides(contract: Contract, context: PolicyContext) -> Iterator[Permission]:
    """Yield what the validator needs, and the watcher too: it restores parameters that a dead run left overridden."""
    account = context.account
    for override in contract.override:
        yield Permission(to.OVERRIDE_PARAMETERS, account.parameter(override.parameter))
        noted = pattern(parameter_locks_prefix(account.id, account.region), ANY)
        yield Permission(to.NOTE_OVERRIDES, account.s3(context.evidence_bucket, noted))


def _evidence(dataset: str, context: PolicyContext) -> Iterator[Permission]:
    """Yield what the validator needs, and the watcher too: it reads verdicts and records cancelled runs."""
    s3, bucket = context.account.s3, context.evidence_bucket
    yield Permission(to.LIST_EVIDENCE, s3(bucket))
    if context.locks_evidence:
        yield Permission(to.READ_OBJECT_LOCK, s3(bucket))
    for prefix in (dataset_prefix(dataset), chain_prefix(dataset)):
        yield Permission(to.KEEP_EVIDENCE, s3(bucket, pattern(prefix, ANY)))
        if context.locks_evidence:
            yield Permission(to.LOCK_EVIDENCE, s3(bucket, pattern(prefix, ANY)))


def _steps(contract: Contract, account: Account) -> Iterator[Permission]:
    """Yield what the steps need. What somebody else starts is never stopped."""
    begun = False
    for step in contract.steps:
        match step:
            case Invoke(function):
                yield Permission(to.INVOKE_FUNCTIONS, account.function(function))
            case AwaitGlueJob(job):
                yield Permission(to.AWAIT_JOBS if begun else to.FOLLOW_JOBS, account.arn("glue", f"job/{job}"))
            case RunGlueJob(job):
                yield Permission(to.RUN_JOBS, account.arn("glue", f"job/{job}"))
            case AwaitObject(uri):
                bucket, key = awaited_pattern(contract, uri)
                below_it = uri.endswith("/")
                # For a missing object S3 answers 404 only to those who may list the whole bucket; others get 403.
                yield Permission(to.LIST_AWAITED, account.s3(bucket), key if below_it else None)
                if not below_it:
                    yield Permission(to.AWAIT_OBJECTS, account.s3(bucket, key))
            case RunCrawler(crawler):
                yield Permission(to.RUN_CRAWLERS, account.arn("glue", f"crawler/{crawler}"))
            case StartExecution(state_machine):
                yield Permission(to.START_EXECUTIONS, account.state_machine(state_machine))
            case AwaitExecution(state_machine) if state_machine in fired_machines(contract.steps):
                yield Permission(to.FIND_EXECUTIONS, account.listed_machine(state_machine))
                yield Permission(to.FOLLOW_EXECUTIONS, account.executions(state_machine))
            case AwaitExecution(state_machine):
                yield Permission(to.AWAIT_EXECUTIONS, account.executions(state_machine))
            case RunWorkflow(workflow):
                yield Permission(to.RUN_WORKFLOWS, account.arn("glue", f"workflow/{workflow}"))
            case PutEvent(bus):
                yield Permission(to.PUT_EVENTS, account.event_bus(bus))
            case AwaitTable():
                pass  # the table is read and listed for every verdict
            case _:
                assert_never(step)
        begun = begun or step.starts


def _queries(contract: Contract, context: PolicyContext) -> Iterator[Permission]:
    account, table = context.account, contract.table
    regions = dict.fromkeys((account.region, table.region or account.region))
    for region in regions:
        for name in _tables(contract, context):
            for arn in account.table(*name, region, catalog_id(contract, context)):
                yield Permission(to.READ_CATALOG, arn)
            if link := context.links.get(".".join(name)):
                owner, of, target = link
                for arn in account.table(of, target, region, owner):
                    yield Permission(to.READ_CATALOG, arn)
    for resource in ("catalog", "database/default"):
        yield Permission(to.READ_DEFAULT_DATABASE, account.arn("glue", resource, region=table.region))
    yield Permission(to.RUN_QUERIES, account.arn("athena", f"workgroup/{table.workgroup}", region=table.region))
    if table.catalog.lower() != "awsdatacatalog":
        yield Permission(to.USE_CATALOG, account.arn("athena", f"datacatalog/{table.catalog}", region=table.region))
    if table.workgroup not in context.managed_results:
        bucket, keys = location_pattern(results_location(contract, context))
        yield Permission(to.FIND_RESULTS, account.s3(bucket))
        yield Permission(to.KEEP_RESULTS, account.s3(bucket, keys))
    for name in _tables(contract, context):
        if ".".join(name) in context.governed:
            yield Permission(to.GET_DATA_ACCESS, ANY)
        if ".".join(name) in {*context.governed, *context.views}:
            continue
        bucket, keys = location_pattern(table_location(contract, name, context))
        yield Permission(to.LIST_TABLES, account.s3(bucket), keys)
        yield Permission(to.READ_TABLES, account.s3(bucket, keys))


def _of_doctor(contracts: Sequence[Contract], context: PolicyContext) -> Iterator[Permission]:
    """Yield what only `aceite doctor` needs."""
    account = context.account
    yield Permission(to.LOOK_AT_EVIDENCE_BUCKET, account.s3(context.evidence_bucket))
    nobody = f"arn:{account.partition}:iam::{account.id}:role/{PLACEHOLDER}who-runs-the-doctor"
    for principal in account.principal(context.caller or nobody):
        yield Permission(to.SIMULATE_POLICIES, principal)
    for contract in contracts:
        table = contract.table
        arn = account.arn("athena", f"workgroup/{table.workgroup}", region=table.region)
        yield Permission(to.LOOK_AT_WORKGROUPS, arn)
        for step in contract.steps:
            if isinstance(step, PutEvent):
                yield Permission(to.LOOK_AT_BUSES, account.event_bus(step.bus))
        for machine in sorted(fired_machines(contract.steps)):
            yield Permission(to.LOOK_AT_MACHINES, account.listed_machine(machine))
    if context.queue_url:
        yield Permission(to.LOOK_AT_QUEUE, account.queue(context.queue_url))


def unknown_locations(contracts: Sequence[Contract], context: PolicyContext) -> tuple[str, ...]:
    """Return phrases that name each location which is only a placeholder in the validator's statements."""
    unknown = []
    for contract in contracts:
        managed = contract.table.workgroup in context.managed_results
        if not managed and PLACEHOLDER in results_location(contract, context):
            unknown.append(f"the output location of the workgroup {contract.table.workgroup}")
        if PLACEHOLDER in catalog_id(contract, context):
            unknown.append(f"the account of the data catalog {contract.table.catalog}")
        named = set(_tables(contract, context)) - {tuple(view.split(".", 1)) for view in context.views}
        tables = (name for name in sorted(named) if PLACEHOLDER in table_location(contract, name, context))
        unknown += [f"the location of the table {'.'.join(name)}" for name in tables]
    return tuple(dict.fromkeys(unknown))


def catalog_id(contract: Contract, context: PolicyContext) -> str:
    """Return the CatalogId of Glue for the contract's catalog; "" for the account's own."""
    catalog = contract.table.catalog.lower()
    if catalog == "awsdatacatalog":
        return ""
    if "/" in catalog:
        return f"{context.account.id}:{catalog}"
    return context.catalog_ids.get(catalog) or f"{PLACEHOLDER}account-of-{catalog}"


def results_location(contract: Contract, context: PolicyContext) -> str:
    """Return the s3:// prefix of query results. A workgroup that enforces its configuration ignores the contract's."""
    workgroup = contract.table.workgroup
    of_group = context.result_locations.get(workgroup)
    own = (of_group if workgroup in context.enforced else None) or contract.table.output_location or of_group
    return own or f"s3://{PLACEHOLDER}results-of-the-workgroup-{workgroup}/"


def table_location(contract: Contract, name: tuple[str, str], context: PolicyContext) -> str:
    """Return the location of a table's files. The contract itself knows that of the landed table."""
    known = context.table_locations.get(".".join(name))
    if known is None and ".".join(name) == contract.landed_table.lower():
        known = f"s3://{contract.template.bucket}/{contract.template.prefix}"
    return known or f"s3://{PLACEHOLDER}location-of-{'.'.join(name)}/"


def tables_in(sql: str, database: str) -> tuple[tuple[str, str], ...]:
    """Return the tables that a view's SELECT names, as far as it can be read; `database` is that of the view."""
    try:
        return tuple(dict.fromkeys((of.lower(), name.lower()) for of, name in _named_in(sql, database))) if sql else ()
    except sqlglot.errors.SqlglotError:
        return ()


def _named_in(sql: str, database: str) -> Iterator[tuple[str, str]]:
    """Yield the tables that the SELECT of a rule, or of a view, names beside the delivered rows."""
    tree = sqlglot.parse_one(sql.replace("{object}", "aceite_delivered"), read=DIALECT)
    local = {"aceite_delivered", *(common.alias.lower() for common in tree.find_all(exp.CTE))}
    for table in tree.find_all(exp.Table):
        if table.db or table.name.lower() not in local:
            yield table.db or database, table.name
