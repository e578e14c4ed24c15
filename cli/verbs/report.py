"""`aceite report` writes the history of a dataset as one HTML page, or a small static site over all datasets."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import Contracts, Home, NotedHead, UsageProblem, writable_file
from cli.terminal import Terminal

if TYPE_CHECKING:
    from acceptance.evidence.audit import Audit
    from acceptance.overview.datasets import DatasetOverview
    from blocks.settings import Settings

SITE = Path("aceite-report")
_OURS = b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Stands at the beginning of each page that Aceite writes, and of hardly any other one."""
_HEAD_BYTES = 1000
_LAST = 100


def _path(text: str) -> Path:
    if not text:
        raise typer.BadParameter("the value is empty; give a path, or omit the option")
    return Path(text)


Dataset = Annotated[
    str | None,
    typer.Argument(help="The id of the contract; without one, an index over all datasets.", show_default=False),
]
Last = Annotated[
    int | None,
    typer.Option(
        "--last",
        min=1,
        metavar="NUMBER",
        help=f"Number of deliveries on a page, the newest. [default: {_LAST}; without a dataset, 30]",
        show_default=False,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        parser=_path,
        help="File to write; - for standard output. Without a dataset, the folder. "
        f"[default: <dataset>.html; without a dataset, {SITE}]",
        show_default=False,
    ),
]
Publish = Annotated[
    bool, typer.Option("--publish", help="Put the index and its pages into the evidence bucket, below reports/.")
]


def report(
    dataset: Dataset = None,
    last: Last = None,
    output: Output = None,
    publish: Publish = False,
    noted_head: NotedHead = None,
    contracts: Contracts = None,
    home: Home = None,
) -> int:
    """Write the history of a dataset as one HTML page, for auditors; or an index over all datasets, for everyone.

    The history shows the verdicts that a trusted key sealed, their trend, the checks that failed, and whether the seals
    hold. Exit code 0, or 1 if the evidence is not as it was sealed; the page shows what differs.

    The index says which datasets are well, late, broken or paused, and leads to a page for each and to the evidence. It
    is made from the ledger: no evidence is read, nor verified. With ACEITE_PUBLISH_REPORTS=true the watcher publishes
    it, and keeps it current.
    """
    from cli.serving.connection import share_settings

    if dataset is None:
        folder = _site_folder(output, noted_head, publish=publish)
        return _publish_site(share_settings(), last) if publish else _write_site(share_settings(), folder, last)
    if publish:
        raise UsageProblem("--publish is for the index over all datasets: leave out the dataset, or the option")
    file = None
    if str(output) != "-":
        file = writable_file(output or Path(f"{dataset.replace('/', '-')}.html"), "--output")
        _refuse_foreign([file])
    return _write_history(share_settings(), dataset, file, last or _LAST, noted_head)


def _refuse_foreign(files: Iterable[Path]) -> None:
    """Raise UsageProblem if a page would replace a file that Aceite did not write."""
    for file in files:
        if file.exists() and _OURS not in file.read_bytes()[:_HEAD_BYTES]:
            raise UsageProblem(
                f"{file} is there already, and is no page of Aceite: give another path with --output, or move it away"
            )


def _write_history(settings: Settings, dataset: str, file: Path | None, last: int, noted_head: str | None) -> int:
    """Write the page, to standard output if there is no file. Return the exit code."""
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
    if file is None:
        sys.stdout.buffer.write(page.encode())
    else:
        file.write_text(page, encoding="utf-8", newline="\n")
        _print(f"{len(newest)} of {len(done.signed)} deliveries of {dataset}: {file}", done)
    return int(bool(done.flaws))


def _site_folder(output: Path | None, noted_head: str | None, *, publish: bool) -> Path:
    """Return the folder of the index. Raise UsageProblem for what only the history of a dataset takes."""
    if noted_head is not None:
        raise UsageProblem("--noted-head is about the history of one dataset: name the dataset too")
    if publish and output is not None:
        raise UsageProblem("--publish puts the pages into the evidence bucket: leave out --output, or --publish")
    if str(output) == "-":
        raise UsageProblem("the index has several pages, and standard output takes one: give a folder, or a dataset")
    folder = output or SITE
    if folder.exists() and not folder.is_dir():
        raise UsageProblem(f"--output {folder} is a file; without a dataset, give a folder for the pages")
    return folder


def _write_site(settings: Settings, folder: Path, last: int | None) -> int:
    from acceptance.evidence.object_keys import page_name
    from acceptance.overview.pages import INDEX, Links
    from blocks.settings import SANDBOX_ACCESS_KEY
    from flows.overview.pages import write_pages

    now = datetime.now(UTC)
    datasets = _gather(settings, now, last)
    _refuse_foreign(folder / name for name in (INDEX, *(page_name(each.dataset) for each in datasets)))
    write_pages(folder, datasets, Links(settings.aws_endpoint_url, settings.aws_region), now)
    console = Terminal(stderr=True, soft_wrap=True)
    console.print(f"{_counted(datasets)}: {folder / INDEX}")
    if settings.aws_access_key_id == SANDBOX_ACCESS_KEY:
        console.print("the sandbox opens no link from a file; with --publish, links to evidence open", style="dim")
    return 0


def _publish_site(settings: Settings, last: int | None) -> int:
    from acceptance.errors import StepFailed
    from acceptance.evidence.object_keys import REPORTS, page_url
    from acceptance.overview.pages import INDEX
    from aws.calls import was_denied
    from aws.s3.encryption import encrypt_writes
    from blocks.build import aws_credentials
    from flows.overview.publishing import Publisher, links_in

    now, bucket = datetime.now(UTC), settings.evidence_bucket
    datasets = _gather(settings, now, last, required=True)
    s3: Any = encrypt_writes(aws_credentials(settings).get_client("s3"), bucket, settings.evidence_encryption)
    try:
        Publisher(s3, bucket, links_in(bucket, settings)).publish(datasets, now)
    except StepFailed as error:
        hint = "the policy that `aceite policy watcher` prints with ACEITE_PUBLISH_REPORTS=true allows it"
        raise StepFailed(f"{error}; {hint}" if was_denied(error) else str(error)) from error
    address = page_url(f"s3://{bucket}/{REPORTS}{INDEX}", settings.aws_endpoint_url, settings.aws_region)
    Terminal(stderr=True, soft_wrap=True).print(f"{_counted(datasets)}: {address}")
    return 0


def _gather(
    settings: Settings, now: datetime, last: int | None, *, required: bool = False
) -> tuple[DatasetOverview, ...]:
    """Return how each dataset is. Raise UsageProblem if a ledger is required and there is none."""
    from cli.deliveries.existing_ledger import NO_LEDGER, existing_ledger_url
    from flows.installation.current_contracts import current_contracts, usable_contracts
    from flows.ledger import open_ledger
    from flows.overview.gathering import LAST, gather

    found, url = current_contracts(settings), existing_ledger_url(settings)
    if not settings.contracts.exists():
        usable_contracts(settings)  # raises
    if required and url == NO_LEDGER:
        raise UsageProblem("without a ledger the pages would say that nothing was judged, so none is published")
    with open_ledger(url) as ledger:
        return gather(ledger, found.usable, now, last or LAST, found.why_broken)


def _counted(datasets: tuple[DatasetOverview, ...]) -> str:
    from acceptance.overview.datasets import ATTENTION

    many = "1 dataset" if len(datasets) == 1 else f"{len(datasets)} datasets"
    troubled = sum(each.health[0] in ATTENTION for each in datasets)
    return f"{many}, {troubled} of them {'needs' if troubled == 1 else 'need'} attention" if troubled else many


def _print(summary: str, done: Audit) -> None:
    console = Terminal(stderr=True, soft_wrap=True)
    console.print(summary)
    for flaw in done.flaws:
        console.print(f"✘ {flaw}", style="red")


def _no_evidence(s3: Any, bucket: str, dataset: str) -> str:
    from flows.evidence.audit import datasets_with_evidence

    known = ", ".join(datasets_with_evidence(s3, bucket)) or "none"
    return f"s3://{bucket}/ has no sealed evidence of {dataset!r}; datasets with evidence: {known}"
