"""`aceite status` prints deliveries, their verdicts, and what is overdue or paused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.table import Table

from cli.options import Contracts, Home, Json
from cli.terminal import Terminal, print_json

if TYPE_CHECKING:
    from acceptance.announcing.overdue import Missing
    from blocks.settings import Settings
    from flows.ledger import Ledger
    from flows.ledger.status import DeliveryStatus, LocationStatus

_RESUME = "switch its automation on again in Prefect"


def status(json: Json = False, contracts: Contracts = None, home: Home = None) -> None:
    """Print deliveries and their verdicts, from the ledger.

    It also works while `aceite up` runs on the same home.
    """
    from cli.serving.connection import share_settings
    from cli.serving.home import find_running
    from flows.ledger import open_ledger

    settings = share_settings()
    running = find_running(settings.home.expanduser())
    with open_ledger(_ledger_url(settings)) as ledger:
        overdue = _overdue(ledger, settings)
        if json:
            document = {
                "aws_endpoint": running.aws_endpoint if running else settings.aws_endpoint_url,
                "prefect_api_url": running.prefect_api_url if running else None,
                "deliveries": [_as_json(item, overdue) for item in ledger.status.deliveries()],
                "overdue": [_overdue_as_json(dataset, item) for dataset, item in overdue.missing.items()],
                "paused": [_paused_as_json(ledger, *item) for item in ledger.datasets.paused().items()],
                "locations": [_location_as_json(item, settings.certify_within_s) for item in ledger.status.locations()],
            }
            print_json(document)
        else:
            _print(ledger, Terminal(), running.ui_url if running else None, settings.certify_within_s, overdue)


def _ledger_url(settings: Settings) -> str:
    """Return the ledger's URL, or that of an empty one in memory if none exists: `status` must not create a ledger."""
    from flows.ledger import ledger_url

    home = settings.home.expanduser()
    no_folder = home.exists() and not home.is_dir()
    if settings.ledger_url is not None or no_folder or (home / "ledger.db").exists():
        return ledger_url(settings)
    state = f"the folder {home} has no ledger yet" if home.is_dir() else f"the folder {home} does not exist yet"
    hint = f"{state}: `aceite up` creates it; or give the home of a running `aceite up` with --home"
    Terminal(stderr=True).print(hint, style="yellow", soft_wrap=True)
    return "sqlite://"


def _print(ledger: Ledger, console: Terminal, ui_url: str | None, certify_within_s: float, overdue: Overdue) -> None:
    from cli.verbs.verdicts import short

    console.print(f"Prefect UI: {ui_url}" if ui_url else "`aceite up` is not running on this home")
    deliveries = ledger.status.deliveries()
    table = Table("Arrived (UTC)", "Dataset", "Date", "Key", "Rev", "State", "Verdict", "Reason", box=None)
    for item in deliveries:
        key = item.keys[0].rsplit("/", 1)[-1] + (f" +{len(item.keys) - 1}" if len(item.keys) > 1 else "")
        arrived = item.arrived.strftime("%Y-%m-%d %H:%M:%S")
        style = {"accepted": "green", "rejected": "red", "inconclusive": "yellow"}.get(item.verdict or "", "")
        cells = (arrived, item.dataset, item.business_date, short(key), str(item.revision))
        state = f"{item.state}, overdue" if overdue.is_late(item) else item.state
        table.add_row(*cells, state, item.verdict or "", short(item.reason or ""), style=style)
    console.print(table if deliveries else "no deliveries yet")
    for place in ledger.status.locations():
        console.print(_certification(place, certify_within_s), soft_wrap=True)
    for dataset, missing in overdue.missing.items():
        _warn(console, f"overdue {dataset}: {_describe(missing)} (UTC)")
    for dataset, since in ledger.datasets.paused().items():
        waiting = ledger.datasets.count_unclaimed(dataset)
        _warn(console, f"paused {dataset}: since {since:%Y-%m-%d %H:%M:%S} (UTC), {waiting} deliveries wait; {_RESUME}")
    for landed, reason in ledger.listing.unroutable():
        console.print(f"unroutable {landed.uri}: {reason}")


@dataclass(frozen=True, slots=True)
class Overdue:
    """Datasets with missing deliveries, and the time within which each dataset's deliveries must be judged."""

    missing: Mapping[str, Missing]
    judged_within: Mapping[str, timedelta]
    now: datetime

    def verdict_due(self, item: DeliveryStatus) -> datetime | None:
        """Return the time by which the delivery must be judged; None if it is judged or has no limit."""
        within = self.judged_within.get(item.dataset)
        return item.arrived + within if within is not None and item.judged is None else None

    def is_late(self, item: DeliveryStatus) -> bool:
        due = self.verdict_due(item)
        return due is not None and due < self.now


def _overdue(ledger: Ledger, settings: Settings) -> Overdue:
    from acceptance.announcing.overdue import judged_within, missing
    from acceptance.errors import ContractError
    from flows.installation.contracts import contracts_of

    now, watched = datetime.now(UTC), ledger.datasets.watched()
    try:
        contracts = contracts_of(settings)
    except ContractError:
        return Overdue({}, {}, now)  # `aceite contracts check` reports it; the deliveries are printed all the same
    absent = {
        contract.dataset: missing(contract, watched[contract.dataset], now)
        for contract in contracts
        if contract.dataset in watched
    }
    within = {contract.dataset: judged_within(contract) for contract in contracts}
    return Overdue({dataset: item for dataset, item in absent.items() if item is not None}, within, now)


def _describe(missing: Missing) -> str:
    last = f"last arrived {missing.last.at:%Y-%m-%d %H:%M:%S}" if missing.last else "none ever arrived"
    day = f", of {missing.business_date.isoformat()}" if missing.business_date else ""
    more = f" and {missing.count - 1} before it" if missing.count > 1 else ""
    return f"{last}, the next was due by {missing.since:%Y-%m-%d %H:%M:%S}; missing{day}{more}"


def _warn(console: Terminal, line: str) -> None:
    console.print(line, style="yellow", soft_wrap=True)


def _overdue_as_json(dataset: str, item: Missing) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "last_arrived": item.last.at.isoformat() if item.last else None,
        "due": item.since.isoformat(),
        "missed": item.count,
        "business_date": item.business_date.isoformat() if item.business_date else None,
    }


def _paused_as_json(ledger: Ledger, dataset: str, since: datetime) -> dict[str, Any]:
    return {"dataset": dataset, "since": since.isoformat(), "waiting": ledger.datasets.count_unclaimed(dataset)}


def _certification(place: LocationStatus, certify_within_s: float) -> str:
    ignored = f", {place.ignored} ignored" if place.ignored else ""
    strange = f", {place.unroutable} fit no contract" if place.unroutable else ""
    strange += f" ({place.counted} of them are only counted)" if place.counted else ""
    known = f"s3://{place.bucket}/{place.prefix}: {place.objects} objects listed{ignored}{strange}"
    if place.certified_at is None:
        return f"{known}; not listed to its end yet"
    due = place.certified_at + timedelta(seconds=certify_within_s)
    return f"{known}; all certified since {place.certified_at:%Y-%m-%d %H:%M:%S}, again by {due:%H:%M:%S} (UTC)"


def _location_as_json(place: LocationStatus, certify_within_s: float) -> dict[str, Any]:
    due = place.certified_at and place.certified_at + timedelta(seconds=certify_within_s)
    times = {
        "certified": place.certified_at.isoformat() if place.certified_at else None,
        "certified_again_by": due.isoformat() if due else None,
    }
    known = {
        "bucket": place.bucket,
        "prefix": place.prefix,
        "objects": place.objects,
        "ignored": place.ignored,
        "unroutable": place.unroutable,
    }
    return known | times


def _as_json(item: DeliveryStatus, overdue: Overdue) -> dict[str, Any]:
    due = overdue.verdict_due(item)
    times = {"arrived": item.arrived.isoformat(), "judged": item.judged.isoformat() if item.judged else None}
    late = {"verdict_due": due.isoformat() if due else None, "overdue": overdue.is_late(item)}
    return {**asdict(item), **times, **late}
