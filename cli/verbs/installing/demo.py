"""`aceite demo`: the whole story on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import ROUNDED
from rich.console import Console
from rich.table import Table

from cli.options import AwsPort, Contracts, Home, PrefectPort

if TYPE_CHECKING:
    from acceptance.deliveries.delivery import Delivery
    from acceptance.judging.judge import Judged, Verdict
    from cli.serving.installation import Installation

VERDICTS_WITHIN_S = 300


@dataclass(frozen=True, slots=True)
class Scene:
    """One file that lands, and the verdict that it must get."""

    what: str
    dataset: str
    file: Path
    day: date
    expected: Verdict
    fault: str | None = None


def demo(
    exit_after: Annotated[
        bool, typer.Option("--exit", help="End after the verdicts: 0 if all are the expected ones.")
    ] = False,
    contracts: Contracts = None,
    home: Home = None,
    aws_port: AwsPort = None,
    prefect_port: PrefectPort = None,
) -> int:
    """The whole story on this machine.

    A local AWS, a Prefect server, the flows, real files, their verdicts; then it keeps serving until Ctrl-C.
    """
    from cli.serving.child_process import interrupt_on_terminate
    from cli.serving.installation import InstallationOptions, started
    from cli.verbs.installing.sandbox import require_sandbox
    from cli.verbs.installing.up import keep_serving, say_where

    require_sandbox()
    console = Console(stderr=True)
    interrupt_on_terminate()
    with started(InstallationOptions(True, aws_port, prefect_port, own_server=True), console) as installation:
        say_where(console, installation)
        with TemporaryDirectory(prefix="aceite-demo-") as folder:
            scenes = story(Path(folder))
            right = _play(scenes, installation, console)
        if exit_after:
            return 0 if right else 1
        console.print(f"\nLook around: {installation.running.ui_url} (Runs, Automations, Events, Artifacts).")
        console.print("Try `aceite drop FILE --dataset ID --wait` in another terminal. Ctrl-C ends everything.")
        return keep_serving(installation, console)


def story(folder: Path) -> tuple[Scene, ...]:
    """The scenes of the demo. Files that must be changed first are written to the folder."""
    from acceptance.judging.judge import Verdict
    from sandbox.extracts import FLIGHTS, MOVIES, breaking_the_contract

    flights = sorted(FLIGHTS.glob("*.csv"))
    first, second, third = ((file, date.fromisoformat(file.stem)) for file in flights[:3])
    movies = next(iter(sorted(MOVIES.glob("*.csv"))))
    return (
        Scene("a clean file", "nyc-flights", *first, Verdict.ACCEPTED),
        Scene(
            "a file that breaks the contract",
            "nyc-flights",
            breaking_the_contract(second[0], folder),
            second[1],
            Verdict.REJECTED,
        ),
        Scene(
            "a clean file, changed on its way by the pipeline", "nyc-flights", *third, Verdict.REJECTED, "cell-changed"
        ),
        Scene(
            "a Lambda function fails", "sor-imdb-movies", movies, date(2025, 1, 2), Verdict.INCONCLUSIVE, "lambda-error"
        ),
    )


def _play(scenes: tuple[Scene, ...], installation: Installation, console: Console) -> bool:
    from cli.serving.connection import share_settings
    from cli.verbs.landing_files import land
    from cli.verbs.verdicts import await_verdicts

    settings = share_settings()
    console.print()
    deliveries = []
    for scene in scenes:
        deliveries.append(land(settings, scene.file, scene.dataset, scene.day, {}, scene.fault))
        console.print(
            f"dropped {deliveries[-1].first.uri}  ({scene.what})", markup=False, highlight=False, soft_wrap=True
        )
    judged = await_verdicts(settings, deliveries, VERDICTS_WITHIN_S, console)
    return _show(scenes, deliveries, judged, installation, console)


def _show(
    scenes: tuple[Scene, ...],
    deliveries: list[Delivery],
    judged: dict[str, Judged],
    installation: Installation,
    console: Console,
) -> bool:
    from cli.verbs.verdicts import SIGNS, STYLES, plain
    from flows.evidence.artifacts import page_url

    right = True
    table = Table("", "Delivery", "What happened", "Verdict", "Why", box=ROUNDED, show_lines=True, title="Verdicts")
    for scene, delivery in zip(scenes, deliveries, strict=True):
        found = judged.get(delivery.id)
        right = right and found is not None and found.verdict is scene.expected
        if found is None:
            table.add_row("!", plain(delivery.title), scene.what, "none in time", f"expected {scene.expected}")
            continue
        why = found.reason if found.verdict is scene.expected else f"EXPECTED {scene.expected}: {found.reason}"
        cells = (plain(delivery.title), scene.what, found.verdict.value, plain(why))
        table.add_row(SIGNS[found.verdict], *cells, style=STYLES[found.verdict])
    console.print()
    console.print(table)
    console.print("\nEvidence (JSON, HTML page, JUnit):")
    for found in (judged[delivery.id] for delivery in deliveries if delivery.id in judged):
        page = page_url(found.evidence_uri + "evidence.html", installation.running.aws_endpoint, None)
        console.print(f"  {page}", markup=False, highlight=False, soft_wrap=True)
    return right
