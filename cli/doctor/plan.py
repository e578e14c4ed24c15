"""Lists the preconditions of an installation, in the order in which a person would check them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import assert_never

from acceptance.contract.contract import Contract
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
from acceptance.evidence.object_keys import dataset_prefix
from aws.calls import Client
from aws.iam.arns import Account, awaited_pattern, key_pattern
from aws.iam.policy import PLACEHOLDER, PolicyContext, statements
from blocks.settings import SANDBOX_ACCESS_KEY, Settings
from cli.doctor.clients import DoctorClients
from cli.doctor.looks import buckets, identity, parameters, password, pipeline, prefect_work, seals
from cli.doctor.looks import ledger as ledger
from cli.doctor.looks import prefect as prefect
from cli.doctor.looks.findings import Look, met, unmet
from cli.doctor.looks.permissions import NeededPermissions, permissions
from cli.doctor.runner import Precondition
from flows.installation.contracts import ContractFile
from flows.installation.current_contracts import current_contracts
from flows.installation.seal_keys import seal_keys

ACCOUNT = "account"
SIGNED_IN = (ACCOUNT,)
LEDGER = "ledger"
_DATABASE = "the ledger's database"
SERVER = "Prefect server"
DEPLOYMENTS = "deployments"


def in_sandbox(settings: Settings) -> bool:
    return settings.aws_access_key_id == SANDBOX_ACCESS_KEY


def of_contracts(files: Sequence[ContractFile]) -> Iterator[Precondition]:
    """Yield a precondition for each problem of the contracts, or one that says how many are valid."""
    problems = [problem for file in files for problem in file.problems]
    for number, problem in enumerate(problems, start=1):
        remedy = "correct it there; `aceite contracts check` says when all are right"
        yield Precondition(f"contract problem {number}", partial(unmet, str(problem), remedy))
    watched = [file.contract.dataset for file in files if file.contract is not None]
    if not problems and watched:
        yield Precondition("contracts", partial(met, f"{len(watched)} watched: {', '.join(watched)}"))
    elif not problems:
        remedy = "add a landing server of type s3 to one; `aceite contracts init FILE` writes a first contract"
        yield Precondition("contracts", partial(unmet, "all are valid ODCS, and none is watched", remedy))


def of_installation(settings: Settings, contracts: Sequence[Contract], aws: DoctorClients) -> Iterator[Precondition]:
    """Yield the preconditions of everything but the contracts themselves; `contracts` are the valid ones."""
    yield Precondition(LEDGER, partial(ledger.writable, *_ledger(settings)), asked=_DATABASE)
    folders = {"the home": settings.home.expanduser(), "the temporary folder": Path(tempfile.gettempdir())}
    yield Precondition("disk", partial(ledger.room, folders))
    yield from _of_identity(settings, aws)
    for contract in contracts:
        yield from _of_landing(contract, aws)
    yield from _of_evidence(settings, contracts, aws)
    yield from _without_repetitions(look for contract in contracts for look in _of_pipeline(contract, aws))
    if settings.landing_queue_url:
        url = settings.landing_queue_url
        yield aws.precondition("landing queue", pipeline.queue, ("sqs",), url, needs=SIGNED_IN)
    look_at = partial(_permissions, settings, contracts)
    yield aws.precondition("permissions", look_at, ("sts", "iam"), needs=SIGNED_IN)
    yield from _of_prefect(settings, contracts)


def _of_identity(settings: Settings, aws: DoctorClients) -> Iterator[Precondition]:
    profile, region, credentials = settings.aws_profile, "profile and region", "credentials"
    yield aws.unsigned("clock", lambda: identity.clock(aws.unsigned_s3(), settings.evidence_bucket, _now))
    yield aws.unsigned(region, partial(identity.region, aws.profile_session, profile))
    yield aws.unsigned(credentials, partial(identity.caller, partial(aws.client, "sts"), profile), (region,))
    expected = settings.aws_account_id, in_sandbox(settings)
    yield aws.precondition(ACCOUNT, identity.account, ("sts",), *expected, needs=(credentials,))


def _of_landing(contract: Contract, aws: DoctorClients) -> Iterator[Precondition]:
    bucket, prefix = contract.template.bucket, contract.template.prefix
    landing = f"landing of {contract.dataset}"
    yield aws.precondition(landing, buckets.bucket, ("s3",), bucket, prefix, _file(contract), needs=SIGNED_IN)
    pattern = key_pattern(contract.template)
    yield aws.precondition(
        f"landed files of {contract.dataset}", buckets.readable, ("s3",), bucket, pattern, needs=(landing,)
    )


def _of_evidence(settings: Settings, contracts: Sequence[Contract], aws: DoctorClients) -> Iterator[Precondition]:
    bucket = settings.evidence_bucket
    evidence = "evidence bucket"
    yield aws.precondition(evidence, buckets.bucket, ("s3",), bucket, "", "ACEITE_EVIDENCE_BUCKET", needs=SIGNED_IN)
    if contracts:
        patterns = [f"{dataset_prefix(contract.dataset)}*" for contract in contracts]
        asked: tuple[object, ...] = (bucket, patterns, settings.evidence_encryption)
        yield aws.precondition("putting evidence", buckets.writable, ("s3",), *asked, needs=(evidence,))
    wanted = timedelta(days=settings.evidence_retention_days) if settings.evidence_retention_days else None
    asked = bucket, wanted, settings.evidence_lock_mode
    yield aws.precondition("retention of evidence", buckets.retention, ("s3",), *asked, needs=(evidence,))
    keys, key, kms = seal_keys(settings), "key of the seals", settings.seal_kms_key is not None
    yield Precondition(key, partial(seals.key, keys), SIGNED_IN if kms else (), "AWS KMS" if kms else "this machine")
    datasets = [contract.dataset for contract in contracts]
    yield aws.precondition("last seals", seals.last_seals, ("s3",), bucket, datasets, keys, needs=(evidence, key))


def _of_pipeline(contract: Contract, aws: DoctorClients) -> Iterator[Precondition]:
    file = _file(contract)
    asked: Callable[..., Precondition] = partial(aws.precondition, needs=SIGNED_IN)
    for override in contract.override:
        name, copied = override.parameter, override.copy_of
        if copied:
            yield asked(f"parameter {copied}", pipeline.copied_parameter, ("ssm",), copied, file)
        yield asked(f"parameter {name}", pipeline.overridden_parameter, ("ssm",), name, copied)
    for number, step in enumerate(contract.steps, start=1):
        match step:
            case Invoke(function):
                yield asked(f"function {function}", pipeline.function, ("lambda",), function, file)
            case AwaitGlueJob(job) | RunGlueJob(job):
                yield asked(f"Glue job {job}", pipeline.job, ("glue",), job, file)
            case AwaitObject(uri):
                place = awaited_pattern(contract, uri)
                yield asked(f"step {number} of {contract.dataset}", buckets.awaited, ("s3",), *place, file)
            case RunCrawler(crawler):
                yield asked(f"crawler {crawler}", pipeline.crawler, ("glue",), crawler, file)
            case StartExecution(machine) | AwaitExecution(machine):
                services, ours = ("stepfunctions", "sts"), machine not in fired_machines(contract.steps)
                yield asked(f"state machine {machine}", pipeline.state_machine, services, machine, file, ours)
            case RunWorkflow(workflow):
                yield asked(f"workflow {workflow}", pipeline.workflow, ("glue",), workflow, file)
            case PutEvent(bus):
                yield asked(f"event bus {bus}", pipeline.event_bus, ("events",), bus, file)
            case AwaitTable():
                pass  # the look at the table follows
            case _:
                assert_never(step)
    table = contract.table
    names: list[tuple[str, str, tuple[str, ...] | None]] = [(table.database, table.name, tuple(contract.partition))]
    if contract.landed_table:
        database, _, landed = contract.landed_table.partition(".")
        names.append((database, landed, None))
    for in_database, name, keys in names:
        of_table = in_database, name, file, keys, table.catalog
        yield asked(f"table {in_database}.{name}", pipeline.table, ("glue", "s3", "athena", "sts"), *of_table)
    group = table.workgroup, table.output_location, file
    yield asked(f"workgroup {table.workgroup}", pipeline.workgroup, ("athena", "s3"), *group, region=table.region)


def _of_prefect(settings: Settings, contracts: Sequence[Contract]) -> Iterator[Precondition]:
    asked: Callable[..., Precondition] = partial(Precondition, asked="Prefect's server")
    planned, notifying = prefect.PlannedChanges(settings, contracts), "notification block"
    yield asked(SERVER, prefect.server)
    yield asked("password of Prefect's server", partial(password.asked_for, in_sandbox(settings)), (SERVER,))
    yield asked("circuit breaker", password.lets_automations_pause, (SERVER,))
    yield asked(notifying, partial(prefect.notification_block, settings), (SERVER,))
    kinds = ("work pool", "deployment", "concurrency limit")
    long: Callable[..., Precondition] = partial(asked, limits=3)  # the planned changes take some twenty requests
    yield long("blocks", partial(prefect.applied, planned, "block"), (SERVER,))
    yield long(DEPLOYMENTS, partial(prefect.applied, planned, *kinds), (SERVER,))
    yield long("automations", partial(prefect.applied, planned, "automation"), (SERVER, notifying, DEPLOYMENTS))
    yield long("automations are on", partial(prefect.switched_on, planned), (SERVER, DEPLOYMENTS))
    yield long("runs may begin", partial(prefect_work.may_begin, planned), (SERVER, DEPLOYMENTS))
    yield long("runs begin in time", partial(prefect_work.in_time, planned, _now), (SERVER, DEPLOYMENTS))
    yield long("flows are served", partial(prefect.served, planned, _now), (SERVER, DEPLOYMENTS))
    yield asked("watcher", partial(prefect.watched, _now), (SERVER,))
    yield from _of_work(settings, contracts)


def _of_work(settings: Settings, contracts: Sequence[Contract]) -> Iterator[Precondition]:
    """Yield what the ledger and the evidence bucket say of the work of the watcher and of runs."""
    asked: Callable[..., Precondition] = partial(Precondition, needs=(LEDGER,), asked=_DATABASE)
    place, within = _ledger(settings), timedelta(seconds=settings.certify_within_s)
    yield asked("landing is listed", partial(ledger.listed, *place, within, _now, watched_locations(contracts)))
    yield asked("announcements", partial(ledger.announced, *place, _now))
    yield asked("deliveries are taken", partial(ledger.taken, *place))
    yield asked("contracts of deliveries", partial(ledger.with_contracts, *place, current_contracts(settings)))
    left = partial(parameters.restored, settings, contracts)
    yield Precondition("parameters are restored", left, ("evidence bucket", SERVER), "AWS", limits=3)


def _ledger(settings: Settings) -> tuple[str | None, Path]:
    return settings.ledger_url, settings.home.expanduser() / "ledger.db"


def _permissions(settings: Settings, contracts: Sequence[Contract], sts: Client, iam: Client) -> Look:
    """Simulate the statements of the policy, except those that other looks cover.

    Other looks try the listings, whose statements have conditions, and the locations that only AWS knows.
    """
    caller = sts.get_caller_identity()
    account = Account(caller["Account"], sts.meta.region_name, caller["Arn"].split(":")[1])
    context = PolicyContext(
        account,
        settings.evidence_bucket,
        settings.landing_queue_url,
        locks_evidence=settings.evidence_retention_days is not None,
        seal_key=settings.seal_kms_key,
        publishes_reports=settings.publish_reports,
    )
    needed = [
        NeededPermissions(statement.actions, resources)
        for statement in statements(contracts, context)
        if not statement.condition and (resources := [arn for arn in statement.resources if PLACEHOLDER not in arn])
    ]
    return permissions(iam, caller["Arn"], needed)


def _without_repetitions(preconditions: Iterator[Precondition]) -> Iterator[Precondition]:
    """Yield the first precondition of each name, because several contracts may name the same thing."""
    names: set[str] = set()
    for precondition in preconditions:
        if precondition.name not in names:
            names.add(precondition.name)
            yield precondition


def _file(contract: Contract) -> str:
    return Path(contract.path).name


def _now() -> datetime:
    return datetime.now(UTC)
