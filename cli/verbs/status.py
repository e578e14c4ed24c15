"""`aceite status` prints deliveries, their verdicts, and what is overdue or paused; or the story of one object."""

from __future__ import annotations

import time
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli.deliveries.existing_ledger import existing_ledger_url
from cli.options import Contracts, Home, Json, UsageProblem, read_date, read_uri
from cli.terminal import Terminal, print_json

if TYPE_CHECKING:
    from blocks.settings import Settings
    from cli.deliveries.overdue import Overdue
    from cli.serving.home import Running
    from flows.ledger import Ledger
    from flows.ledger.status import Only

LAST = 20
_LOOK_EVERY_S = 1.0


class AskedVerdict(StrEnum):
    """A verdict, what stands in its place, or that there is none yet."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    INCONCLUSIVE = "inconclusive"
    SUPERSEDED = "superseded"
    DELETED = "deleted"
    NONE = "none"


Uri = Annotated[
    str | None,
    typer.Argument(
        metavar="s3://BUCKET/KEY", help="Explain one object, from its listing to its verdict.", show_default=False
    ),
]
Dataset = Annotated[str | None, typer.Option("--dataset", metavar="ID", help="Only this dataset.", show_default=False)]
BusinessDate = Annotated[
    date | None,
    typer.Option("--date", parser=read_date, metavar="YYYY-MM-DD", help="Only this business date.", show_default=False),
]
Last = Annotated[
    int | None,
    typer.Option(
        "--last",
        min=1,
        metavar="NUMBER",
        help=f"Number of deliveries, the newest, and as many that wait. [default: {LAST}; with --json, all]",
        show_default=False,
    ),
]
Verdicts = Annotated[
    list[AskedVerdict] | None,
    typer.Option(
        "--verdict",
        metavar="VERDICT",
        help=f"Only these verdicts: {', '.join(AskedVerdict)}, which means without one; may be repeated.",
        show_default=False,
    ),
]
Watch = Annotated[bool, typer.Option("--watch", help="Print each change as it comes, until Ctrl-C.")]


def status(
    uri: Uri = None,
    dataset: Dataset = None,
    business_date: BusinessDate = None,
    last: Last = None,
    verdict: Verdicts = None,
    watch: Watch = False,
    json: Json = False,
    contracts: Contracts = None,
    home: Home = None,
) -> None:
    """Print deliveries and their verdicts, from the ledger; the newest stand last.

    Below a delivery that is not accepted stand the reason and the address of its evidence, or what it waits for. It
    also works while `aceite up` runs on the same home.
    """
    from cli.serving.connection import share_settings
    from cli.serving.home import find_running

    _refuse_contradictions(uri, [dataset, business_date, last, verdict], watch, json)
    settings = share_settings()
    from cli.deliveries.overdue import overdue_of
    from flows.ledger import open_ledger
    from flows.ledger.status import Only

    running = find_running(settings.home.expanduser())
    only = Only(dataset, business_date, tuple(map(str, verdict or ())), last if json else last or LAST)
    with open_ledger(existing_ledger_url(settings)) as ledger:
        overdue = overdue_of(ledger, settings)
        _refuse_unknown(dataset, ledger, overdue)
        if uri is not None:
            _explain(uri, ledger, settings, running, overdue, json=json)
        elif json:
            from cli.deliveries.documents import status_document

            print_json(status_document(ledger, settings, running, overdue, only))
        else:
            _print(ledger, settings, running, overdue, only)
        if watch:
            _watch(ledger, settings, running, only)


def _refuse_contradictions(uri: str | None, filters: list[object], watch: bool, json: bool) -> None:
    if uri is not None and (watch or any(filters)):
        raise UsageProblem("an object is explained whole: leave out the other options, or the object")
    if watch and json:
        raise UsageProblem("--watch prints lines for people: leave out --json, or ask `aceite status --json` again")


def _refuse_unknown(dataset: str | None, ledger: Ledger, overdue: Overdue) -> None:
    from acceptance.errors import did_you_mean

    known = sorted({*overdue.contracts, *ledger.datasets.watched()})
    if dataset is not None and known and dataset not in known:
        raise UsageProblem(
            f"--dataset {dataset}: there is no such dataset{did_you_mean(dataset, known)} there are {', '.join(known)}"
        )


def _print(ledger: Ledger, settings: Settings, running: Running | None, overdue: Overdue, only: Only) -> None:
    from cli.deliveries.addresses import addresses_of
    from cli.deliveries.listed import Listed, warn
    from cli.deliveries.queued import queued_of

    console, shown = Terminal(), ledger.status.deliveries(only)
    console.print(f"Prefect UI: {running.ui_url}" if running else "`aceite up` is not running on this home")
    Listed(ledger, overdue, addresses_of(settings, running), settings.certify_within_s, only).print(
        console, shown, queued_of(shown) if running else {}
    )
    if shown and ledger.lease.holder(overdue.now) is None:
        warn(console, "no watcher is at work: nothing is found, announced or restored; `aceite doctor` says why")


def _explain(
    uri: str, ledger: Ledger, settings: Settings, running: Running | None, overdue: Overdue, *, json: bool
) -> None:
    from cli.deliveries.addresses import addresses_of
    from cli.deliveries.object_facts import gather
    from cli.deliveries.object_story import print_story, story_document

    bucket, key = read_uri(uri)
    facts = gather(bucket, key, ledger, settings, overdue, is_served=running is not None)
    if json:
        print_json(story_document(facts, overdue))
    else:
        print_story(Terminal(), facts, overdue, addresses_of(settings, running))


def _watch(ledger: Ledger, settings: Settings, running: Running | None, only: Only) -> None:
    from cli.deliveries.addresses import addresses_of
    from cli.deliveries.news import News

    news = News(ledger, settings, addresses_of(settings, running), Terminal(), only)
    while True:
        news.look()
        time.sleep(_LOOK_EVERY_S)
