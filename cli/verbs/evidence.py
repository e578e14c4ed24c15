"""`aceite evidence verify` checks evidence against its manifests; `aceite evidence schema` prints its schemas."""

from __future__ import annotations

import re
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import Contracts, Home, Json, UsageProblem
from cli.terminal import Terminal, print_json

if TYPE_CHECKING:
    from acceptance.evidence.audit import Audit

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Check evidence against its manifests.")


Target = Annotated[
    str,
    typer.Argument(
        metavar="DELIVERY|DATASET",
        help="A dataset, or one delivery by its id or its s3:// prefix.",
        show_default=False,
    ),
]
NotedHead = Annotated[
    str | None,
    typer.Option(
        "--noted-head",
        metavar="SHA256",
        help="SHA-256 of a manifest, as noted elsewhere; the chain must contain it.",
        show_default=False,
    ),
]


class SchemaName(StrEnum):
    EVIDENCE = "evidence"
    MANIFEST = "manifest"


@app.callback()
def _evidence() -> None:
    """Check evidence against its manifests."""


@app.command()
def verify(
    target: Target,
    noted_head: NotedHead = None,
    json: Json = False,
    contracts: Contracts = None,
    home: Home = None,
) -> int:
    """Check every manifest of the dataset, and every file that they seal.

    Exit code 0: all is as it was sealed; 1: something was changed, added, removed or moved; 2: it could not be read.
    """
    from acceptance.errors import StepFailed
    from acceptance.evidence.audit import audit
    from blocks.build import aws_credentials
    from cli.serving.connection import share_settings
    from flows.evidence.audit import dataset_of_prefix, read_stored

    settings = share_settings()
    s3, console = aws_credentials(settings).get_client("s3"), Terminal(stderr=True, soft_wrap=True)
    try:
        prefix = _prefix_of(s3, settings.evidence_bucket, target)
        dataset = dataset_of_prefix(prefix) if prefix else target
        stored = read_stored(s3, settings.evidence_bucket, dataset, [prefix] if prefix else None)
        if not stored.links and not any(kept.digests for kept in stored.files.values()):
            raise UsageProblem(_no_evidence(s3, settings.evidence_bucket, target))
        done = audit(stored, noted_head.lower() if noted_head else None)
    except StepFailed as error:
        raise StepFailed(f"the evidence cannot be read: {error}") from error
    if json:
        print_json(_as_json(dataset, prefix, len(stored.files), done))
    else:
        _print(console, dataset, prefix, len(stored.files), done)
    return int(bool(done.flaws))


@app.command()
def schema(
    name: Annotated[SchemaName, typer.Argument(help="The document.")] = SchemaName.EVIDENCE,
    contracts: Contracts = None,
    home: Home = None,
) -> None:
    """Print the JSON schema of evidence.json or of a manifest, as this version writes them."""
    from acceptance.evidence.schemas import generated

    sys.stdout.buffer.write(generated(name.value).encode())


def _prefix_of(s3: Any, bucket: str, target: str) -> str | None:
    """Return the prefix of the delivery that the target names; None if it names a dataset."""
    from flows.evidence.audit import prefix_of_delivery

    if target.startswith("s3://"):
        root = f"s3://{bucket}/"
        if not re.fullmatch(re.escape(root) + r"deliveries/.+/\d{4}-\d\d-\d\d/[^/]+/?", target):
            raise UsageProblem(f"{target!r} is not a delivery; write {root}deliveries/<dataset>/<date>/<delivery>/")
        return target.removeprefix(root).rstrip("/") + "/"
    if not re.fullmatch(r"[0-9a-f]{20}", target):
        return None
    prefix = prefix_of_delivery(s3, bucket, target)
    if prefix is None:
        raise UsageProblem(f"s3://{bucket}/ has no evidence of a delivery {target}")
    return prefix


def _no_evidence(s3: Any, bucket: str, target: str) -> str:
    from flows.evidence.audit import datasets_with_evidence

    known = ", ".join(datasets_with_evidence(s3, bucket)) or "none"
    return f"s3://{bucket}/ has no evidence of {target!r}; datasets with evidence: {known}"


def _as_json(dataset: str, prefix: str | None, deliveries: int, done: Audit) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "delivery": prefix,
        "intact": not done.flaws,
        "manifests": len(done.manifests),
        "deliveries": deliveries,
        "head": {"number": done.head, "sha256": done.head_sha256},
        "flaws": [{"where": flaw.where, "manifest": flaw.number, "message": flaw.message} for flaw in done.flaws],
    }


def _print(console: Terminal, dataset: str, prefix: str | None, deliveries: int, done: Audit) -> None:
    for flaw in done.flaws:
        console.print(f"✘ {flaw}", style="red")
    counts = f"{len(done.manifests)} manifests and {deliveries} {'delivery' if deliveries == 1 else 'deliveries'}"
    summary = f"{len(done.flaws)} not as sealed" if done.flaws else "all as sealed"
    console.print(
        f"{'✘' if done.flaws else '✔'} {prefix or dataset}: {counts} read, {summary}",
        style="red" if done.flaws else "green",
    )
    if done.head_sha256:
        console.print(f"last manifest: number {done.head}, SHA-256 {done.head_sha256}")
