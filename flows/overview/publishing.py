"""Publishes the pages over all datasets in the evidence bucket: by a command, or by the watcher.

They stand beside the evidence, so their links to it lead wherever the bucket is served from. They are no evidence:
nothing seals them, no Object Lock is asked for, and each is replaced by the next.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from acceptance.errors import AceiteError, StepFailed
from acceptance.evidence.object_keys import REPORTS, page_name
from acceptance.overview.datasets import DatasetOverview
from acceptance.overview.pages import INDEX, Links, dataset_html, index_html
from aws.s3.writes import put
from blocks.settings import Settings, read_settings
from flows.installation.current_contracts import CurrentContracts
from flows.ledger import Ledger
from flows.overview.gathering import gather
from flows.overview.pages import BY_HAND
from flows.threads import in_threads

PUBLISH_EVERY_S = 60
MOST_PAGES = 100
"""Pages of datasets that the watcher puts in one look, those that wait longest; the next look puts the others."""
INDEX_AT_LEAST_EVERY = timedelta(hours=1)
"""So that an old index says that the watcher is not at work."""
KEPT_PAGE = "by the watcher, which puts it again when something of this dataset changes"
KEPT_INDEX = (
    "by the watcher, which puts it again within a minute when something changes, and every hour: if it is older, no "
    "watcher is at work"
)


def links_in(bucket: str, settings: Settings) -> Links:
    """Return the links of pages that stand in the evidence bucket."""
    return Links(settings.aws_endpoint_url, settings.aws_region, beside=bucket)


@dataclass
class Publisher:
    """Puts the pages that show something else than before. It remembers this until its process ends, then puts all.

    `shown` says what each page shows that was put, the longest ago first.
    """

    s3: Any
    bucket: str
    links: Links
    kept_page: str = BY_HAND
    kept_index: str = BY_HAND
    stay_alive: Callable[[], None] | None = None
    shown: dict[str, int] = field(default_factory=dict)
    _index_put: datetime | None = None

    def publish(self, datasets: Sequence[DatasetOverview], now: datetime, most: int | None = None) -> int:
        """Put what changed, at most so many pages of datasets, and then the index. Return how many pages were put.

        The index is put once each dataset has a page, so it leads to no page that is not there. Raises StepFailed.
        """
        changed = [each for each in datasets if self.shown.get(page_name(each.dataset)) != hash(each)]
        waited = {name: place for place, name in enumerate(self.shown)}
        changed.sort(key=lambda each: waited.get(page_name(each.dataset), -1))
        chosen = changed[:most]
        for some in (chosen[:1], chosen[1:]):  # if the first one is denied, the others are not tried
            in_threads(lambda each: self._put_page(each, now), some, stay_alive=self.stay_alive)
        if any(page_name(each.dataset) not in self.shown for each in datasets):
            return len(chosen)
        return len(chosen) + self._put_index(datasets, now)

    def _put_page(self, dataset: DatasetOverview, now: datetime) -> None:
        name = page_name(dataset.dataset)
        self._put(name, dataset_html(dataset, self.links, now, self.kept_page))
        self.shown.pop(name, None)
        self.shown[name] = hash(dataset)

    def _put_index(self, datasets: Sequence[DatasetOverview], now: datetime) -> int:
        is_old = self._index_put is None or now - self._index_put >= INDEX_AT_LEAST_EVERY
        shows = hash(tuple(datasets))
        if self.shown.get(INDEX) == shows and not is_old:
            return 0
        self._put(INDEX, index_html(datasets, self.links, now, self.kept_index))
        self.shown[INDEX], self._index_put = shows, now
        return 1

    def _put(self, name: str, html: str) -> None:
        put(self.s3, self.bucket, REPORTS + name, html.encode(), "text/html; charset=utf-8", PUBLISH_EVERY_S)


@dataclass(frozen=True)
class PublishedPages:
    """The watcher's pages: each look reads the ledger, and puts what changed."""

    ledger: Ledger
    contracts: CurrentContracts
    publisher: Publisher

    def look(self, now: datetime) -> None:
        """Publish what changed.

        Raises:
            StepFailed: a page could not be made or put. No fault of a page may end the watcher.
            AceiteError: the watcher has to end.
        """
        try:
            self.publisher.publish(
                gather(self.ledger, self.contracts.usable, now, broken=self.contracts.why_broken), now, MOST_PAGES
            )
        except AceiteError:
            raise
        except Exception as error:
            raise StepFailed(f"make the pages over all datasets: {type(error).__name__}: {error}") from error


def published_pages(
    ledger: Ledger,
    contracts: CurrentContracts,
    evidence_s3: Any,
    bucket: str,
    stay_alive: Callable[[], None],
) -> PublishedPages:
    """Return the pages that a watcher keeps current."""
    links = links_in(bucket, read_settings())
    publisher = Publisher(evidence_s3, bucket, links, KEPT_PAGE, KEPT_INDEX, stay_alive)
    return PublishedPages(ledger, contracts, publisher)
