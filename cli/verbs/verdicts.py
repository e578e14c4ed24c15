"""Waits for verdicts and shows them, to people and to programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from acceptance.deliveries.delivery import Delivery
from acceptance.judging.judge import Judged, Verdict
from blocks.build import aws_credentials
from blocks.settings import Settings
from cli.options import EXIT_ACCEPTED, EXIT_INCONCLUSIVE, EXIT_REJECTED
from flows.evidence.verdicts import read_verdict
from flows.ledger import ledger_url, open_ledger

STYLES = {Verdict.ACCEPTED: "green", Verdict.REJECTED: "red", Verdict.INCONCLUSIVE: "yellow"}
SIGNS = {Verdict.ACCEPTED: "✔", Verdict.REJECTED: "✘", Verdict.INCONCLUSIVE: "?"}
_LOOK_EVERY_S = 0.5
_CELL_WIDTH = 110


def await_verdicts(
    settings: Settings, deliveries: Sequence[Delivery], timeout_s: float, console: Console
) -> dict[str, Judged]:
    """Verdicts by delivery id, as far as they came in time. Shows how far each delivery is."""
    s3: Any = aws_credentials(settings).get_client("s3")
    judged: dict[str, Judged] = {}
    deadline = time.monotonic() + timeout_s
    with open_ledger(ledger_url(settings)) as ledger, Live(console=console, transient=True) as live:
        while len(judged) < len(deliveries) and time.monotonic() < deadline:
            for delivery in deliveries:
                if delivery.id not in judged and (found := read_verdict(s3, settings.evidence_bucket, delivery)):
                    judged[delivery.id] = found
            states = {status.id: status.state for status in ledger.status.deliveries()}
            live.update(_progress(deliveries, judged, states))
            if len(judged) < len(deliveries):
                time.sleep(_LOOK_EVERY_S)
    return judged


def plain(text: str) -> Text:
    """For a cell of a table: never markup, whatever a file's name or content looks like; the evidence has all of it."""
    shown = " ".join(text.split())
    return Text(shown if len(shown) <= _CELL_WIDTH else shown[: _CELL_WIDTH - 1].rstrip() + "…")


def exit_code(deliveries: Sequence[Delivery], judged: Mapping[str, Judged]) -> int:
    """Of the worst: a rejection before anything that could not be judged, or was not judged in time."""
    verdicts = {judged[delivery.id].verdict if delivery.id in judged else None for delivery in deliveries}
    if Verdict.REJECTED in verdicts:
        return EXIT_REJECTED
    return EXIT_ACCEPTED if verdicts <= {Verdict.ACCEPTED} else EXIT_INCONCLUSIVE


def print_verdicts(deliveries: Sequence[Delivery], judged: Mapping[str, Judged], console: Console) -> None:
    table = Table("", "Delivery", "Verdict", "Reason", box=None, padding=(0, 2, 0, 0))
    for delivery in deliveries:
        found = judged.get(delivery.id)
        if found is None:
            table.add_row("…", plain(delivery.title), "no verdict yet", "")
            continue
        cells = (plain(delivery.title), found.verdict.value, plain(found.reason))
        table.add_row(SIGNS[found.verdict], *cells, style=STYLES[found.verdict])
    console.print(table)
    for found in (judged[delivery.id] for delivery in deliveries if delivery.id in judged):
        console.print(f"evidence: {found.evidence_uri}", markup=False, highlight=False, soft_wrap=True)


def print_json(deliveries: Sequence[Delivery], judged: Mapping[str, Judged]) -> None:
    document = {"deliveries": [_as_json(delivery, judged.get(delivery.id)) for delivery in deliveries]}
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def _as_json(delivery: Delivery, found: Judged | None) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "dataset": delivery.dataset,
        "business_date": delivery.business_date.isoformat(),
        "keys": [member.key for member in delivery.members],
        "verdict": found.verdict.value if found else None,
        "reason": found.reason if found else None,
        "evidence": found.evidence_uri if found else None,
        "judged": found.judged_at.isoformat() if found else None,
    }


def _progress(deliveries: Sequence[Delivery], judged: Mapping[str, Judged], states: Mapping[str, str]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for delivery in deliveries:
        found = judged.get(delivery.id)
        state = found.verdict.value if found else states.get(delivery.id, "landed")
        sign, style = (SIGNS[found.verdict], STYLES[found.verdict]) if found else ("…", "")
        table.add_row(sign, plain(delivery.title), state, style=style)
    return table
