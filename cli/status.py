"""`aceite status`: deliveries, verdicts, what is in flight, what is overdue."""

from __future__ import annotations

import json as json_module
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from cli.options import Contracts, Home, Json

if TYPE_CHECKING:
    from blocks.settings import Settings
    from flows.ledger import Ledger
    from flows.ledger.status import DeliveryStatus, LocationStatus


def status(json: Json = False, contracts: Contracts = None, home: Home = None) -> None:
    """Deliveries, verdicts, what is in flight. Reads the ledger; works while `aceite up` runs on the same home."""
    from cli.connection import share_settings
    from cli.running import find_running
    from flows.ledger import ledger_url, open_ledger

    settings = share_settings()
    running = find_running(settings.home.expanduser())
    with open_ledger(ledger_url(settings)) as ledger:
        if json:
            document = {
                "aws_endpoint": running.aws_endpoint if running else settings.aws_endpoint_url,
                "prefect_api_url": running.prefect_api_url if running else None,
                "deliveries": [_as_json(item) for item in ledger.status.deliveries()],
                "overdue": [_overdue_as_json(*item) for item in _overdue(ledger, settings)],
                "locations": [_location_as_json(item, settings.certify_within_s) for item in ledger.status.locations()],
            }
            sys.stdout.write(json_module.dumps(document, indent=2) + "\n")
        else:
            _print(ledger, Console(), running.ui_url if running else None, settings)


def _print(ledger: Ledger, console: Console, ui_url: str | None, settings: Settings) -> None:
    from cli.verdicts import plain

    console.print(f"Prefect UI: {ui_url}" if ui_url else "`aceite up` is not running on this home")
    deliveries = ledger.status.deliveries()
    table = Table("Arrived (UTC)", "Dataset", "Date", "Key", "Rev", "State", "Verdict", "Reason", box=None)
    for item in deliveries:
        key = item.keys[0].rsplit("/", 1)[-1] + (f" +{len(item.keys) - 1}" if len(item.keys) > 1 else "")
        arrived = item.arrived.strftime("%Y-%m-%d %H:%M:%S")
        style = {"accepted": "green", "rejected": "red", "inconclusive": "yellow"}.get(item.verdict or "", "")
        about = (arrived, item.dataset, item.business_date, plain(key), str(item.revision))
        table.add_row(*about, item.state, item.verdict or "", plain(item.reason or ""), style=style)
    console.print(table if deliveries else "no deliveries yet")
    for place in ledger.status.locations():
        console.print(_certification(place, settings.certify_within_s), markup=False, highlight=False, soft_wrap=True)
    for dataset, last, due in _overdue(ledger, settings):
        said = f"overdue {dataset}: last arrived {last:%Y-%m-%d %H:%M:%S}, the next was due by {due:%Y-%m-%d %H:%M:%S}"
        console.print(f"{said} (UTC)", style="yellow", markup=False, highlight=False, soft_wrap=True)
    for landed, reason in ledger.seen.unroutable():
        console.print(f"unroutable {landed.uri}: {reason}", markup=False, highlight=False)


def _overdue(ledger: Ledger, settings: Settings) -> list[tuple[str, datetime, datetime]]:
    """Dataset, its last arrival, and when the next was due by the frequency that its contract promises."""
    from acceptance.errors import ContractError
    from flows.contracts import contracts_of

    try:
        contracts = contracts_of(settings)
    except ContractError:
        return []  # `contracts check` tells; the deliveries are there all the same
    arrivals, now = ledger.status.last_arrivals(), datetime.now(UTC)
    found = [(each.dataset, arrivals.get(each.dataset), each.update_every) for each in contracts]
    due = [(dataset, last, last + every) for dataset, last, every in found if last is not None and every is not None]
    return [item for item in due if item[2] < now]


def _overdue_as_json(dataset: str, last: datetime, due: datetime) -> dict[str, str]:
    return {"dataset": dataset, "last_arrived": last.isoformat(), "due": due.isoformat()}


def _certification(place: LocationStatus, certify_within_s: float) -> str:
    ignored = f", {place.ignored} ignored" if place.ignored else ""
    known = f"s3://{place.bucket}/{place.prefix}: {place.objects} objects seen{ignored}"
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
    known = {"bucket": place.bucket, "prefix": place.prefix, "objects": place.objects, "ignored": place.ignored}
    return known | times


def _as_json(item: DeliveryStatus) -> dict[str, Any]:
    times = {"arrived": item.arrived.isoformat(), "judged": item.judged.isoformat() if item.judged else None}
    return {**asdict(item), **times}
