"""Create or update blocks, deployments and automations on Prefect's server, without duplicates."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

from prefect.automations import AutomationCore
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound

from acceptance.contract.contract import Contract
from acceptance.errors import AceiteError, SettingsError
from automations import notifications, pause_what_keeps_failing, restart_the_watcher, validate
from automations.deployments import (
    OURS,
    Deployed,
    Places,
    deployed,
    deployments,
    full_name,
    put_in_place,
    served_here,
    withdraw_waiting,
)
from automations.notifications import Channel
from blocks.build import save_blocks
from blocks.settings import Settings


@dataclass(frozen=True, slots=True)
class Change:
    """The result of `apply` for one object: "created", "updated", "unchanged" or "deleted".

    `fields` are those that differed. The automation of a dataset that has no contract any more is "switched off".
    """

    kind: str
    name: str
    change: str
    fields: tuple[str, ...] = ()


class DeletedMeanwhile(AceiteError):
    """Somebody deleted on Prefect's page what `apply` just made, or was about to change."""

    def __init__(self, what: str) -> None:
        super().__init__(f"somebody deleted {what} on Prefect's page while this was at work; run `aceite apply` again")


def apply(
    settings: Settings,
    contracts: Sequence[Contract],
    *,
    datasets: Collection[str] | None = None,
    dry_run: bool = False,
    places: Places = MappingProxyType({}),
) -> tuple[Change, ...]:
    """Make Prefect's server hold what the settings and contracts ask for. Return the changes.

    Deliberate changes of a person stay: a disabled automation stays disabled, and a deployment stays in its work pool
    unless `places` says otherwise. Automations of other datasets than `datasets` are switched off, and on again once
    there is a contract; with None, none is.

    Raises:
        SettingsError: the notification block does not exist.
        DeletedMeanwhile: somebody deletes on Prefect's page what this makes or changes.
    """
    with get_client(sync_client=True) as client:
        try:
            applied = tuple(_apply(client, settings, contracts, places, dry_run))
            return applied if datasets is None else (*applied, *_switch_off_removed(client, datasets, dry_run))
        except ObjectNotFound as gone:
            raise DeletedMeanwhile("one of the objects") from gone


def _apply(
    client: SyncPrefectClient, settings: Settings, contracts: Sequence[Contract], places: Places, dry_run: bool
) -> Iterator[Change]:
    for name, change in save_blocks(settings, dry_run=dry_run).items():
        yield Change("block", name, change)
    otherwise = served_here(settings)
    placed = [(deployment, put_in_place(client, deployment, places, otherwise)) for deployment in deployments(settings)]
    for name in sorted({deployment.work_pool_name or "" for deployment, _ in placed} & OURS.keys()):
        yield _apply_pool(client, name, dry_run)
    for deployment, existing in placed:
        yield _apply_deployment(client, deployment, existing, dry_run)
    for automation in _automations(client, settings, contracts, dry_run):
        yield _apply_automation(client, automation, dry_run)
    if settings.notification_block is None:
        yield from _delete_automations(client, notifications.NAMES, dry_run)


def _automations(
    client: SyncPrefectClient, settings: Settings, contracts: Sequence[Contract], dry_run: bool
) -> Iterator[AutomationCore]:
    block = settings.notification_block
    channel = Channel(block, _block_id(client, block)) if block else None
    ids = deployed(client)
    if ids is None and not dry_run:
        raise DeletedMeanwhile("a deployment")
    if ids is None:  # a new server has no deployments yet
        ids = Deployed(UUID(int=0), UUID(int=0), UUID(int=0))
    for contract in contracts:
        yield validate.each(contract.dataset, ids.validate_delivery)
    yield validate.together(ids.validate_deliveries)
    yield pause_what_keeps_failing.automation()
    if channel is not None:
        yield from notifications.automations(channel)
    yield restart_the_watcher.automation(ids.watch_landing)


def _switch_off_removed(client: SyncPrefectClient, datasets: Collection[str], dry_run: bool) -> Iterator[Change]:
    """Switch off the automations of all other datasets: they have no contract any more."""
    ids = deployed(client)
    for dataset, automation in validate.of_other_datasets(client, datasets).items():
        if ids is not None and not dry_run:
            client.update_automation(automation.id, validate.removed(dataset, ids.validate_delivery))
        yield Change("automation", automation.name, "switched off", ("its dataset has no contract any more",))


def _apply_deployment(
    client: SyncPrefectClient, deployment: RunnerDeployment, existing: DeploymentResponse | None, dry_run: bool
) -> Change:
    fields = ("description", "entrypoint", "parameters", "tags", "work_pool_name", "job_variables")
    differing = tuple(f for f in fields if existing is not None and getattr(existing, f) != getattr(deployment, f))
    if not dry_run and (existing is None or differing):
        deployment.apply()
    if not dry_run and existing is not None and "work_pool_name" in differing:
        withdraw_waiting(client, existing, deployment.work_pool_name)
    return Change("deployment", full_name(deployment), _word(existing is not None, bool(differing)), differing)


def _apply_pool(client: SyncPrefectClient, name: str, dry_run: bool) -> Change:
    try:
        client.read_work_pool(name)
    except ObjectNotFound:
        if not dry_run:
            worker = OURS[name]
            template = worker.get_default_base_job_template()
            client.create_work_pool(WorkPoolCreate(name=name, type=worker.type, base_job_template=template))
        return Change("work pool", name, "created")
    return Change("work pool", name, "unchanged")


def _apply_automation(client: SyncPrefectClient, automation: AutomationCore, dry_run: bool) -> Change:
    existing = next(iter(client.read_automations_by_name(automation.name)), None)
    if existing is None:
        if not dry_run:
            client.create_automation(automation)
        return Change("automation", automation.name, "created")
    wanted = automation.model_copy(update={"enabled": existing.enabled or validate.was_removed(existing)})
    differing = tuple(field for field, value in _says(wanted).items() if _says(existing).get(field) != value)
    if differing and not dry_run:
        client.update_automation(existing.id, wanted)
    return Change("automation", automation.name, _word(True, bool(differing)), differing)


def _delete_automations(client: SyncPrefectClient, names: Sequence[str], dry_run: bool) -> Iterator[Change]:
    """Delete the automations of these names that are there."""
    for name in names:
        for existing in client.read_automations_by_name(name):
            if not dry_run:
                client.delete_automation(existing.id)
            yield Change("automation", name, "deleted")


def _says(automation: AutomationCore) -> dict[str, Any]:
    """Return what an automation does, without the server's ids of its parts and with sets sorted."""
    fields = automation.model_dump(mode="json", include={"description", "enabled", "trigger", "actions"})
    return {field: _plain(value) for field, value in fields.items()}


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


def _block_id(client: SyncPrefectClient, block: str) -> UUID:
    kind, _, name = block.partition("/")
    try:
        return client.read_block_document_by_name(name, kind).id
    except ObjectNotFound:
        raise SettingsError(
            f"ACEITE_NOTIFICATION_BLOCK is {block!r}, but Prefect has no such block. Create it on the blocks page "
            "(Slack Webhook, Microsoft Teams Webhook, Sendgrid Email ...) and write it as type/name"
        ) from None
