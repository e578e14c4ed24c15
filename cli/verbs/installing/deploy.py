"""`aceite deploy` registers the flows on a Prefect work pool, whose workers may run on any host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from acceptance.errors import SettingsError
from cli.options import Contracts, Home, Only, ServedPart, UsageProblem
from cli.terminal import Terminal

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import WorkPool

    from automations.deployments import Place
    from blocks.settings import Settings


JobVariables = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="A job variable of the pool, or a part of one, such as env.NAME=VALUE; may be repeated.",
    ),
]


def deploy(
    work_pool: Annotated[str, typer.Option("--work-pool", metavar="NAME", help="An existing work pool of any type.")],
    image: Annotated[
        str | None,
        typer.Option(metavar="IMAGE", help="Image with Aceite and the contracts, for a pool that runs containers."),
    ] = None,
    job_variable: JobVariables = None,
    only: Only = None,
    contracts: Contracts = None,
    home: Home = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the changes, and make none.")] = False,
) -> None:
    """Register the flows on a Prefect work pool.

    Workers on other hosts serve them: `prefect worker start`.
    """
    from cli.serving.connection import connect

    settings = connect()  # whoever gave a wrong setting is told before all of Prefect is imported
    from prefect.client.orchestration import get_client

    from automations.apply import apply
    from blocks.build import aws_credentials, identify
    from cli.verbs.installing.apply import show
    from flows.installation.contracts import contracts_of

    identify(aws_credentials(settings), settings.aws_account_id)
    console = Terminal()
    parts = [only] if only else list(ServedPart)
    with get_client(sync_client=True) as client:
        pool = _pool(client, work_pool)
        given = [*(job_variable or []), *([f"image={image}"] if image else [])]
        places = {part.value: _place(pool, part, settings, given) for part in parts}
        if ServedPart.WATCHER in parts:
            show(console, _keep_ledger_url(settings, dry_run), dry_run)
        found = {contract.dataset: contract for contract in contracts_of(settings)}
        show(console, apply(settings, [*found.values()], datasets=found, dry_run=dry_run, places=places), dry_run)
        if ServedPart.WATCHER in parts and not dry_run:
            _start_watching(client, pool)
    _print_next_step(console, pool)


def _pool(client: SyncPrefectClient, name: str) -> WorkPool:
    from acceptance.errors import did_you_mean
    from automations.deployments import OURS

    if name in OURS:
        raise UsageProblem(f"only `aceite up` serves the work pool {name}; give another one")
    pools = {pool.name: pool for pool in client.read_work_pools()}
    if name not in pools:
        existing = ", ".join(sorted(pools)) or "none"
        raise SettingsError(
            f"there is no work pool {name!r}{did_you_mean(name, pools)} there are: {existing}. "
            f"Create it with `prefect work-pool create {name} --type process` (or ecs, ...)"
        )
    return pools[name]


def _place(pool: WorkPool, part: ServedPart, settings: Settings, given: list[str]) -> Place:
    from automations.deployments import Place
    from automations.job_variables import default_of, has, job_variables
    from blocks import names
    from blocks.settings import environment_of
    from flows.installation.contracts import contract_environment
    from flows.installation.seal_keys import seal_keys

    variables: dict[str, Any] = job_variables(pool, given)
    if has(pool, "image") and not any(variables.get(name) or default_of(pool, name) for name in _IMAGE_VARIABLES):
        raise UsageProblem(
            f"the work pool {pool.name!r} runs containers, and Prefect's own image has no Aceite in it: give --image"
        )
    environment: dict[str, Any] = {**contract_environment(settings), **environment_of(settings)}
    if settings.seal_kms_key is None:  # a key file does not travel, and a run with another key would seal for nobody
        environment["ACEITE_SEAL_KEY_ID"] = seal_keys(settings).signing(make=True).public.id
    if part is ServedPart.WATCHER:
        environment["ACEITE_LEDGER_URL"] = f"{{{{ prefect.blocks.secret.{names.LEDGER} }}}}"
    # The values of the command line have precedence.
    return Place(pool.name, {**variables, "env": {**environment, **variables.get("env", {})}})


def _keep_ledger_url(settings: Settings, dry_run: bool) -> list[Any]:
    """Save the block from which the watcher on another host reads the ledger's URL."""
    from automations.apply import Change
    from blocks import names
    from blocks.build import save_secret

    url = settings.ledger_url
    if url is None or url.startswith("sqlite"):
        raise SettingsError(
            "the watcher's ledger is a file on this host, and the pool may run the watcher on another: set "
            "ACEITE_LEDGER_URL to a PostgreSQL database, or use --only validations and serve the watcher by "
            "`aceite up --only watcher`"
        )
    return [Change("block", names.LEDGER, save_secret(names.LEDGER, url, dry_run=dry_run))]


def _start_watching(client: SyncPrefectClient, pool: WorkPool) -> None:
    """Create a watcher run unless the pool has one. It waits while another watcher holds the lease."""
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName, FlowRunFilter, WorkPoolFilter
    from prefect.client.schemas.objects import TERMINAL_STATES, StateType

    from automations.deployments import deployed

    going = [state.value for state in StateType if state not in TERMINAL_STATES]
    running = client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=["watch-landing"])),
        flow_run_filter=FlowRunFilter.model_validate({"state": {"type": {"any_": going}}}),
        work_pool_filter=WorkPoolFilter.model_validate({"name": {"any_": [pool.name]}}),
        limit=1,
    )
    if not running:
        ids = deployed(client)
        assert ids is not None
        client.create_flow_run_from_deployment(ids.watch_landing, name="watch the landing locations")


def _print_next_step(console: Terminal, pool: WorkPool) -> None:
    if pool.type == "process":
        console.print(
            f"Next, on each host: `prefect worker start --pool {pool.name}`. The host needs this version of Aceite, "
            "and ACEITE_CONTRACTS, the absolute path of the contracts there.",
            soft_wrap=True,
        )
    else:
        console.print(
            f"Next, unless it is a push pool, start its worker: `prefect worker start --pool {pool.name}`. The jobs "
            "need this version of Aceite, and ACEITE_CONTRACTS, the absolute path of the contracts there.",
            soft_wrap=True,
        )


_IMAGE_VARIABLES = ("image", "task_definition_arn")
