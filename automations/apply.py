"""Blocks, deployments, concurrency limits and automations: created or updated, never doubled."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from prefect import Flow
from prefect.automations import AutomationCore
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, WorkPoolCreate
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.types.entrypoint import EntrypointType

from acceptance.contract import Contract
from acceptance.errors import SettingsError
from automations import (
    mark_dead_runs,
    pause_what_keeps_failing,
    restart_the_watcher,
    tell_about_rejections,
    tell_about_silence,
    tell_about_strangers,
    validate,
)
from automations.telling import Channel
from blocks.build import save_blocks
from blocks.settings import Settings
from flows.pipeline import one_at_a_time
from flows.validate_deliveries import validate_deliveries
from flows.validate_delivery import validate_delivery
from flows.warm.worker import WarmWorker
from flows.watch_landing import watch_landing

WATCHER = "aceite-watcher"
VALIDATION = "aceite-validation"
VALIDATION_TOGETHER = "aceite-validation-together"
"""The deployments' own names, which is all that the automations page shows of them."""

WARM_POOL = "aceite-warm"
"""The work pool of the validations, unless they run in processes of Prefect's own runner, which needs none."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one thing: "created", "updated", "unchanged", "deleted". `fields` are those that differed."""

    kind: str
    name: str
    change: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deployed:
    watch_landing: UUID
    validate_delivery: UUID
    validate_deliveries: UUID


def apply(settings: Settings, contracts: Sequence[Contract], *, dry_run: bool = False) -> tuple[Change, ...]:
    """Makes Prefect's server hold what the settings and contracts ask for, and answers what that changed.

    What a person changed on purpose stays: an automation that was switched off is not switched on again.

    Raises:
        SettingsError: the notification block does not exist.
    """
    with get_client(sync_client=True) as client:
        return tuple(_apply(client, settings, contracts, dry_run))


def deployments(settings: Settings) -> tuple[RunnerDeployment, ...]:
    """The watcher's deployment, then those of the validations, as they are served."""
    watcher = _deployment(
        watch_landing,
        WATCHER,
        "Lists the landing locations and announces each new delivery. One is enough; a second one ends.",
        {"poll_s": settings.poll_s, "patience_s": settings.patience_s, "together": settings.together},
    )
    validations = (
        _deployment(
            validate_delivery,
            VALIDATION,
            "Takes a delivery through its pipeline and judges it. Fired by the automation for each delivery.",
        ),
        _deployment(
            validate_deliveries,
            VALIDATION_TOGETHER,
            "The same for many deliveries of a dataset at once. Fired by the automation for deliveries that arrive "
            "together.",
        ),
    )
    for validation in validations:
        # None said takes it out of the pool.
        validation.work_pool_name = WARM_POOL if settings.runner == "warm" else None
    return (watcher, *validations)


def _deployment(
    flow: Flow[..., Any], name: str, description: str, parameters: dict[str, Any] | None = None
) -> RunnerDeployment:
    made: Any = flow.to_deployment(
        name,
        parameters=parameters,
        tags=["aceite"],
        entrypoint_type=EntrypointType.MODULE_PATH,
        description=description,
    )
    return cast(RunnerDeployment, made)


def deployed(client: SyncPrefectClient) -> Deployed | None:
    """The deployments' ids, if all are there."""
    names = ((watch_landing, WATCHER), (validate_delivery, VALIDATION), (validate_deliveries, VALIDATION_TOGETHER))
    ids = [_deployment_id(client, f"{flow.name}/{name}") for flow, name in names]
    found = [id_ for id_ in ids if id_ is not None]
    return Deployed(*found) if len(found) == len(ids) else None


def _apply(
    client: SyncPrefectClient, settings: Settings, contracts: Sequence[Contract], dry_run: bool
) -> Iterator[Change]:
    for name, change in save_blocks(settings, dry_run=dry_run).items():
        yield Change("block", name, change)
    if settings.runner == "warm":
        yield _apply_pool(client, dry_run)
    for deployment in deployments(settings):
        yield _apply_deployment(client, deployment, dry_run)
    for contract in contracts:
        if contract.override:
            yield _apply_limit(client, one_at_a_time(contract.dataset), dry_run)
    for automation in _automations(client, settings, contracts, dry_run):
        yield _apply_automation(client, automation, dry_run)
    for obsolete in client.read_automations_by_name(validate.OBSOLETE):
        if not dry_run:
            client.delete_automation(obsolete.id)
        yield Change("automation", obsolete.name, "deleted")


def _automations(
    client: SyncPrefectClient, settings: Settings, contracts: Sequence[Contract], dry_run: bool
) -> Iterator[AutomationCore]:
    block = settings.notification_block
    channel = Channel(block, _block_id(client, block)) if block else Channel()
    ids = deployed(client)
    if ids is None:
        # Only in a dry run on a new server: there is nothing yet that the automations could run.
        assert dry_run
        ids = Deployed(UUID(int=0), UUID(int=0), UUID(int=0))
    for contract in contracts:
        yield validate.each(contract.dataset, ids.validate_delivery)
    yield validate.together(ids.validate_deliveries)
    yield pause_what_keeps_failing.automation()
    yield tell_about_rejections.automation(channel)
    yield tell_about_silence.automation(channel)
    yield tell_about_strangers.automation(channel)
    yield mark_dead_runs.automation()
    yield restart_the_watcher.automation(ids.watch_landing)


def _apply_deployment(client: SyncPrefectClient, deployment: RunnerDeployment, dry_run: bool) -> Change:
    name = f"{deployment.flow_name}/{deployment.name}"
    try:
        existing = client.read_deployment_by_name(name)
    except ObjectNotFound:
        existing = None
    fields = ("description", "entrypoint", "parameters", "tags", "work_pool_name")
    differing = tuple(f for f in fields if existing is not None and getattr(existing, f) != getattr(deployment, f))
    if not dry_run and (existing is None or differing):
        deployment.apply()
    return Change("deployment", name, _word(existing is not None, bool(differing)), differing)


def _apply_pool(client: SyncPrefectClient, dry_run: bool) -> Change:
    try:
        client.read_work_pool(WARM_POOL)
    except ObjectNotFound:
        if not dry_run:
            template = WarmWorker.get_default_base_job_template()
            pool = WorkPoolCreate(name=WARM_POOL, type=WarmWorker.type, base_job_template=template)
            client.create_work_pool(pool)
        return Change("work pool", WARM_POOL, "created")
    return Change("work pool", WARM_POOL, "unchanged")


def _apply_limit(client: SyncPrefectClient, name: str, dry_run: bool) -> Change:
    try:
        client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        if not dry_run:
            client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))
        return Change("concurrency limit", name, "created")
    return Change("concurrency limit", name, "unchanged")


def _apply_automation(client: SyncPrefectClient, automation: AutomationCore, dry_run: bool) -> Change:
    existing = next(iter(client.read_automations_by_name(automation.name)), None)
    if existing is None:
        if not dry_run:
            client.create_automation(automation)
        return Change("automation", automation.name, "created")
    wanted = automation.model_copy(update={"enabled": existing.enabled})
    differing = tuple(field for field, value in _says(wanted).items() if _says(existing).get(field) != value)
    if differing and not dry_run:
        client.update_automation(existing.id, wanted)
    return Change("automation", automation.name, _word(True, bool(differing)), differing)


def _says(automation: AutomationCore) -> dict[str, Any]:
    """What an automation does, without the ids that the server gave its parts, and sets in one order."""
    said = automation.model_dump(mode="json", include={"description", "enabled", "trigger", "actions"})
    return {field: _plain(value) for field, value in said.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key != "id"}
    if isinstance(value, list | tuple | set):
        items = [_plain(item) for item in value]
        return sorted(items) if all(isinstance(item, str) for item in items) else items
    return value


def _word(exists: bool, differs: bool) -> str:
    if not exists:
        return "created"
    return "updated" if differs else "unchanged"


def _deployment_id(client: SyncPrefectClient, name: str) -> UUID | None:
    try:
        return client.read_deployment_by_name(name).id
    except ObjectNotFound:
        return None


def _block_id(client: SyncPrefectClient, block: str) -> UUID:
    kind, _, name = block.partition("/")
    try:
        return client.read_block_document_by_name(name, kind).id
    except ObjectNotFound:
        raise SettingsError(
            f"ACEITE_NOTIFICATION_BLOCK is {block!r}, but Prefect has no such block. Make it on the blocks page "
            "(Slack Webhook, Microsoft Teams Webhook, Sendgrid Email ...) and write it as type/name"
        ) from None
