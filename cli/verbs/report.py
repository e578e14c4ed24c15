"""`aceite report` writes the history of a dataset as one HTML page."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import Contracts, Home, NotedHead, UsageProblem, writable_file
from cli.terminal import Terminal

if TYPE_CHECKING:
    from acceptance.evidence.audit import Audit


def report(
    dataset: Annotated[str, typer.Argument(help="The id of the contract.", show_default=False)],
    last: Annotated[int, typer.Option("--last", min=1, help="Number of deliveries, the newest first.")] = 100,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; - for standard output. [default: <dataset>.html]"),
    ] = None,
    noted_head: NotedHead = None,
    contracts: Contracts = None,
    home: Home = None,
) -> int:
    """Write the history of a dataset as one HTML page, for auditors.

    It shows the verdicts that a trusted key sealed, their trend, the checks that failed, and whether the seals hold.
    Exit code 0, or 1 if the evidence is not as it was sealed; the page shows what differs.
    """
    from cli.serving.connection import share_settings

    file = writable_file(output or Path(f"{dataset.replace('/', '-')}.html"), "--output")
    settings = share_settings()  # whoever gave a wrong one is told before Prefect is imported
    from acceptance.evidence.audit import audit
    from acceptance.evidence.reports.dataset_page import dataset_html
    from blocks.build import aws_credentials
    from flows.evidence.audit import read_evidence, read_stored
    from flows.installation.seal_keys import seal_keys

    s3, bucket = aws_credentials(settings).get_client("s3"), settings.evidence_bucket
    trusted = seal_keys(settings).trusted
    done = audit(read_stored(s3, bucket, dataset, trusted), trusted, noted_head)
    if not done.manifests:
        raise UsageProblem(_no_evidence(s3, bucket, dataset))
    newest = read_evidence(s3, bucket, list(done.signed.values())[-last:])
    page = dataset_html(dataset, done, newest, f"s3://{bucket}/", datetime.now(UTC))
    if str(output) == "-":
        sys.stdout.buffer.write(page.encode())
    else:
        file.write_text(page, encoding="utf-8", newline="\n")
        _print(f"{len(newest)} of {len(done.signed)} deliveries of {dataset}: {file}", done)
    return int(bool(done.flaws))


def _print(summary: str, done: Audit) -> None:
    console = Terminal(stderr=True, soft_wrap=True)
    console.print(summary)
    for flaw in done.flaws:
        console.print(f"✘ {flaw}", style="red")


def _no_evidence(s3: Any, bucket: str, dataset: str) -> str:
    from flows.evidence.audit import datasets_with_evidence

    known = ", ".join(datasets_with_evidence(s3, bucket)) or "none"
    return f"s3://{bucket}/ has no sealed evidence of {dataset!r}; datasets with evidence: {known}"
