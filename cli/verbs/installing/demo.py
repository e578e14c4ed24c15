"""`aceite demo` runs everything on this machine: a local AWS, a Prefect server, the flows and real files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blocks.temporary_folders import interrupt_on, temporary_folder
from cli.options import AwsPort, Contracts, Engine, EngineKind, Home, PrefectPort
from cli.terminal import Terminal, print_command

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
        bool, typer.Option("--exit", help="End after the verdicts; exit code 0 if they are as expected, else 1.")
    ] = False,
    contracts: Contracts = None,
    home: Home = None,
    aws_port: AwsPort = None,
    prefect_port: PrefectPort = None,
    engine: Engine = EngineKind.DUCKDB,
) -> int:
    """Run everything on this machine, and judge four files.

    Starts a local AWS, a Prefect server and the flows, lands real files and prints their verdicts. Then it keeps
    serving until Ctrl-C.
    """
    from blocks.settings import read_settings

    read_settings()  # whoever gave a wrong one is told before Prefect is imported
    from cli.serving.installation import InstallationOptions, started
    from cli.verbs.installing.sandbox import require_sandbox
    from cli.verbs.installing.up import keep_serving, print_addresses, verdicts_told

    require_sandbox()
    console = Terminal(stderr=True)
    interrupt_on("SIGINT")  # a command that a script starts in the background inherits an ignored one
    options = InstallationOptions(True, aws_port, prefect_port, own_server=True, engine=engine.value)
    with started(options, console) as installation:
        print_addresses(console, installation.running)
        with temporary_folder() as folder:
            scenes = story(Path(folder))
            as_expected, dropped = _play(scenes, installation, console)
        if exit_after:
            return 0 if as_expected else 1
        console.print()
        console.print(f"Look around: {installation.running.ui_url} (Runs, Automations, Events, Artifacts).")
        why = "Ctrl-C ends everything. To drop a file of your own, in another terminal:"
        print_command(console, why, "drop", "FILE", "--dataset", "ID", "--wait")
        with verdicts_told(console, dropped) as tell:
            return keep_serving(installation, console, tell)


def story(folder: Path) -> tuple[Scene, ...]:
    """Return the scenes of the demo. Changed copies of files are written to the folder."""
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


def _play(scenes: tuple[Scene, ...], installation: Installation, console: Terminal) -> tuple[bool, list[str]]:
    from cli.serving.connection import share_settings
    from cli.verbs.landing_files import land
    from cli.verbs.verdicts import await_verdicts

    settings = share_settings()
    console.print()
    deliveries = []
    for scene in scenes:
        deliveries += land(settings, [scene.file], scene.dataset, scene.day, {}, scene.fault)
        console.print(f"dropped {deliveries[-1].first.uri}  ({scene.what})", soft_wrap=True)
    judged = await_verdicts(settings, deliveries, VERDICTS_WITHIN_S, console)
    as_expected = _show(scenes, deliveries, judged, installation, console)
    return as_expected, [delivery.id for delivery in deliveries]


def _show(
    scenes: tuple[Scene, ...],
    deliveries: list[Delivery],
    judged: dict[str, Judged],
    installation: Installation,
    console: Terminal,
) -> bool:
    from cli.deliveries.addresses import Addresses
    from cli.deliveries.lines import print_lines
    from cli.verbs.verdicts import line_of

    as_expected, lines = True, []
    addresses = Addresses(installation.running.aws_endpoint, None)
    for scene, delivery in zip(scenes, deliveries, strict=True):
        judgement = judged.get(delivery.id)
        is_expected = judgement is not None and judgement.verdict is scene.expected
        as_expected = as_expected and is_expected
        said = [] if is_expected else [f"EXPECTED {scene.expected}"]
        lines.append(line_of(delivery, judgement, addresses, scene.what, *said))
    console.print()
    console.print("Verdicts")
    print_lines(console, lines)
    return as_expected
