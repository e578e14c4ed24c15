"""The pages of all datasets: rendered one by one, and written to a folder."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from acceptance.evidence.object_keys import page_name
from acceptance.overview.datasets import DatasetOverview
from acceptance.overview.pages import INDEX, Links, dataset_html, index_html

BY_HAND = "by a command, at the time above"


def pages(datasets: Sequence[DatasetOverview], links: Links, made: datetime, kept: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the HTML of each page. The index comes last, so that it leads to no page that is not there."""
    for dataset in datasets:
        yield page_name(dataset.dataset), dataset_html(dataset, links, made, kept)
    yield INDEX, index_html(datasets, links, made, kept)


def write_pages(folder: Path, datasets: Sequence[DatasetOverview], links: Links, made: datetime) -> None:
    """Write all pages to a folder, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, html in pages(datasets, links, made, BY_HAND):
        (folder / name).write_text(html, encoding="utf-8", newline="\n")
