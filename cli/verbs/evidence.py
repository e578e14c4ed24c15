"""`aceite evidence` checks evidence against its manifests, prints the key that seals it, and its schemas."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import Contracts, Home, Json, NotedHead, UsageProblem
from cli.terminal import Terminal, print_document, print_json
from cli.usage import InOneStyle

if TYPE_CHECKING:
    from acceptance.evidence.audit import Audit
    from acceptance.evidence.signatures import PublicKey, Trusted

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Check evidence against its manifests.")


Target = Annotated[
    str,
    typer.Argument(
        metavar="DELIVERY|DATASET",
        help="A dataset, or one delivery by its id or its s3:// prefix.",
        show_default=False,
    ),
]
PublicKeys = Annotated[
    list[Path] | None,
    typer.Option(
        "--public-key",
        metavar="FILE",
        help="Public key (PEM) with which evidence may be sealed; may be repeated. [default: those of the home]",
        show_default=False,
    ),
]


class SchemaName(StrEnum):
    EVIDENCE = "evidence"
    MANIFEST = "manifest"


@app.callback()
def _evidence() -> None:
    """Check evidence against its manifests."""


@app.command(cls=InOneStyle)
def verify(
    target: Target,
    noted_head: NotedHead = None,
    public_key: PublicKeys = None,
    json: Json = False,
    contracts: Contracts = None,
    home: Home = None,
) -> int:
    """Check every manifest of the dataset, who signed it, and every file below the dataset's prefixes.

    Exit code 0: all is as it was sealed; 1: something was changed, added, removed or moved; 2: it could not be read.
    """
    from cli.serving.connection import share_settings

    settings = share_settings()  # whoever gave a wrong one is told before Prefect is imported
    from acceptance.errors import StepFailed
    from acceptance.evidence.audit import audit
    from blocks.build import aws_credentials
    from flows.evidence.audit import dataset_of_prefix, read_stored
    from flows.installation.seal_keys import seal_keys

    trusted = _given(public_key) if public_key else seal_keys(settings).trusted
    s3, console = aws_credentials(settings).get_client("s3"), Terminal(stderr=True, soft_wrap=True)
    try:
        prefix = prefix_of(s3, settings.evidence_bucket, target)
        dataset = dataset_of_prefix(prefix) if prefix else target
        stored = read_stored(s3, settings.evidence_bucket, dataset, trusted, [prefix] if prefix else None)
        if not stored.links and not any(kept.digests for kept in stored.files.values()):
            raise UsageProblem(_no_evidence(s3, settings.evidence_bucket, target))
        done = audit(stored, trusted, noted_head)
    except StepFailed as error:
        raise StepFailed(f"the evidence cannot be read: {error}") from error
    if json:
        print_json(_as_json(dataset, prefix, len(stored.files), done))
    else:
        _print(console, dataset, prefix, len(stored.files), done)
    return int(bool(done.flaws))


@app.command(cls=InOneStyle)
def key(
    rotate: Annotated[bool, typer.Option("--rotate", help="Make a new key, and seal with it from now on.")] = False,
    trust: Annotated[
        Path | None,
        typer.Option(
            "--trust",
            metavar="FILE",
            help="Believe also what the key of this public part (PEM) sealed.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
    contracts: Contracts = None,
    home: Home = None,
) -> int:
    """Print the public part of the key that seals evidence, for whoever verifies it elsewhere.

    The first need makes the key. After --rotate, what the old key sealed is still believed.
    """
    from acceptance.errors import SettingsError
    from cli.serving.connection import share_settings
    from flows.installation.seal_keys import seal_keys

    keys = seal_keys(share_settings())
    if rotate and keys.kms_key:
        raise UsageProblem("AWS keeps this key: make a new one there, and name it in ACEITE_SEAL_KMS_KEY")
    if trust is not None:
        keys.trust(_read_public(trust))
    sealing = keys.rotate() if rotate else keys.signing(make=True)
    if rotate and keys.required:
        raise SettingsError("ACEITE_SEAL_KEY_ID names the old key: change it to the new one")
    if json:
        document = {"id": sealing.public.id, "algorithm": sealing.public.algorithm, "place": keys.place}
        print_json({**document, "public_key": sealing.public.pem.decode()})
    else:
        told = f"{sealing.public.algorithm} key {sealing.public.id}, in {keys.place}"
        Terminal(stderr=True, soft_wrap=True).print(told)
        print_document(sealing.public.pem.decode())
    return 0


def _given(files: Sequence[Path]) -> Trusted:
    from acceptance.evidence.signatures import trusting

    return trusting(*map(_read_public, files))


def _read_public(file: Path) -> PublicKey:
    from acceptance.evidence.signatures import PublicKey

    try:
        return PublicKey.of(file.read_bytes())
    except OSError as error:
        raise UsageProblem(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageProblem(f"{file}: {error}; `aceite evidence key` prints one") from error


@app.command(cls=InOneStyle)
def schema(
    name: Annotated[
        SchemaName, typer.Argument(metavar="|".join(SchemaName), help="The document.")
    ] = SchemaName.EVIDENCE,
    contracts: Contracts = None,
    home: Home = None,
) -> None:
    """Print the JSON schema of evidence.json or of a manifest, as this version writes them."""
    from acceptance.evidence.schemas import generated

    sys.stdout.buffer.write(generated(name.value).encode())


def prefix_of(s3: Any, bucket: str, target: str) -> str | None:
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
    from acceptance.errors import did_you_mean
    from flows.evidence.audit import datasets_with_evidence

    known = datasets_with_evidence(s3, bucket)
    near = did_you_mean(target, known)
    return f"s3://{bucket}/ has no evidence of {target!r}{near} datasets with evidence: {', '.join(known) or 'none'}"


def _as_json(dataset: str, prefix: str | None, deliveries: int, done: Audit) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "delivery": prefix,
        "intact": not done.flaws,
        "manifests": len(done.manifests),
        "unsigned_up_to": done.unsigned,
        "deliveries": deliveries,
        "in_flight": done.in_flight,
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
    if done.unsigned:
        console.print(
            f"! sealed without a signature that can be checked here up to number {done.unsigned}: nothing shows who "
            "sealed it",
            style="yellow",
        )
    if done.in_flight:
        console.print(f"{done.in_flight} not sealed yet: their runs put the evidence a moment ago")
    if done.head_sha256:
        console.print(f"last manifest: number {done.head}, SHA-256 {done.head_sha256}")
