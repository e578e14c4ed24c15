"""`aceite status`: deliveries, verdicts, what is in flight."""

from __future__ import annotations

import json as json_module
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from cli.options import Contracts, Home, Json

if TYPE_CHECKING:
    from flows.ledger import DeliveryStatus, Ledger


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
                "deliveries": [_as_json(item) for item in ledger.statuses()],
            }
            sys.stdout.write(json_module.dumps(document, indent=2) + "\n")
        else:
            _print(ledger, Console(), running.ui_url if running else None)


def _print(ledger: Ledger, console: Console, ui_url: str | None) -> None:
    from cli.verdicts import plain

    console.print(f"Prefect UI: {ui_url}" if ui_url else "`aceite up` is not running on this home")
    deliveries = ledger.statuses()
    table = Table("Arrived (UTC)", "Dataset", "Date", "Key", "Rev", "State", "Verdict", "Reason", box=None)
    for item in deliveries:
        key = item.keys[0].rsplit("/", 1)[-1] + (f" +{len(item.keys) - 1}" if len(item.keys) > 1 else "")
        arrived = item.arrived.strftime("%Y-%m-%d %H:%M:%S")
        style = {"accepted": "green", "rejected": "red", "inconclusive": "yellow"}.get(item.verdict or "", "")
        about = (arrived, item.dataset, item.business_date, plain(key), str(item.revision))
        table.add_row(*about, item.state, item.verdict or "", plain(item.reason or ""), style=style)
    console.print(table if deliveries else "no deliveries yet")
    for uri, reason in ledger.unroutable():
        console.print(f"unroutable {uri}: {reason}", markup=False, highlight=False)


def _as_json(item: DeliveryStatus) -> dict[str, Any]:
    times = {"arrived": item.arrived.isoformat(), "judged": item.judged.isoformat() if item.judged else None}
    return {**asdict(item), **times}
