"""Waits for verdicts, and prints them for people or as JSON."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.live import Live
from rich.table import Table

from acceptance.deliveries.delivery import Delivery
from acceptance.judging.judge import Judged, Verdict
from blocks.build import aws_credentials
from blocks.settings import Settings
from cli.deliveries.addresses import Addresses
from cli.deliveries.lines import SIGNS, STYLES, Line, print_lines
from cli.options import EXIT_ACCEPTED, EXIT_INCONCLUSIVE, EXIT_REJECTED
from cli.terminal import Terminal, print_json, short
from flows.evidence.verdicts import read_verdict
from flows.ledger import ledger_url, open_ledger

_POLL_S = 0.5


def await_verdicts(
    settings: Settings, deliveries: Sequence[Delivery], timeout_s: float, console: Terminal
) -> dict[str, Judged]:
    """Return the verdicts that arrive in time, by delivery id. Show the progress of each delivery meanwhile."""
    s3: Any = aws_credentials(settings).get_client("s3")
    judged: dict[str, Judged] = {}
    deadline = time.monotonic() + timeout_s
    with open_ledger(ledger_url(settings)) as ledger, Live(console=console, transient=True) as live:
        while len(judged) < len(deliveries) and time.monotonic() < deadline:
            for delivery in deliveries:
                if delivery.id not in judged and (judgement := read_verdict(s3, settings.evidence_bucket, delivery)):
                    judged[delivery.id] = judgement
            states = {status.id: status.state for status in ledger.status.of_ids([each.id for each in deliveries])}
            live.update(_progress(deliveries, judged, states))
            if len(judged) < len(deliveries):
                time.sleep(_POLL_S)
    return judged


def exit_code(deliveries: Sequence[Delivery], judged: Mapping[str, Judged]) -> int:
    """Return the exit code of the worst verdict: rejected, then inconclusive or none in time, then accepted."""
    verdicts = {judged[delivery.id].verdict if delivery.id in judged else None for delivery in deliveries}
    if Verdict.REJECTED in verdicts:
        return EXIT_REJECTED
    return EXIT_ACCEPTED if verdicts <= {Verdict.ACCEPTED} else EXIT_INCONCLUSIVE


def print_verdicts(
    deliveries: Sequence[Delivery], judged: Mapping[str, Judged], console: Terminal, addresses: Addresses
) -> None:
    """Print a line for each delivery, and below it the whole reason and the address of the evidence."""
    print_lines(console, [line_of(delivery, judged.get(delivery.id), addresses) for delivery in deliveries])


def line_of(delivery: Delivery, judgement: Judged | None, addresses: Addresses, *first: str) -> Line:
    """Return the line of a delivery. Below it stand `first`, the reason and the address of the evidence."""
    others = len(delivery.members) - 1
    return Line(
        word=judgement.verdict.value if judgement else "no verdict",
        dataset=delivery.dataset,
        business_date=delivery.business_date,
        file=delivery.first.file + (f" and {others} more" if others else ""),
        below=[*first, judgement.reason if judgement else "there is none yet: `aceite status` says what it waits for"],
        addresses=[addresses.evidence(judgement.evidence_uri)] if judgement else [],
    )


def print_as_json(deliveries: Sequence[Delivery], judged: Mapping[str, Judged]) -> None:
    document = {"deliveries": [_as_json(delivery, judged.get(delivery.id)) for delivery in deliveries]}
    print_json(document)


def _as_json(delivery: Delivery, judgement: Judged | None) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "dataset": delivery.dataset,
        "business_date": delivery.business_date.isoformat(),
        "keys": [member.key for member in delivery.members],
        "revision": judgement.revision if judgement else None,
        "verdict": judgement.verdict.value if judgement else None,
        "reason": judgement.reason if judgement else None,
        "evidence": judgement.evidence_uri if judgement else None,
        "judged": judgement.judged_at.isoformat() if judgement else None,
    }


def _progress(deliveries: Sequence[Delivery], judged: Mapping[str, Judged], states: Mapping[str, str]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for delivery in deliveries:
        judgement = judged.get(delivery.id)
        state = judgement.verdict.value if judgement else states.get(delivery.id, "landed")
        table.add_row(SIGNS.get(state, "…"), short(delivery.title), state, style=STYLES.get(state, ""))
    return table
