"""`aceite up` prints a line for each verdict, `aceite status --watch` for each change: once, whatever is looked at."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from builders import a_delivery

from acceptance.announcing.delivery_events import arrived
from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.key_ranges import KeyRange
from blocks.settings import Settings
from cli.deliveries.addresses import Addresses
from cli.deliveries.news import News
from cli.terminal import Terminal
from flows.ledger import Ledger, open_ledger, sqlite_url
from flows.ledger.listing import Certified
from flows.ledger.status import Only
from flows.ledger.writes import NewObject

NOW = datetime.now(UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(sqlite_url(tmp_path / "ledger.db")) as ledger:
        yield ledger


class Window:
    """What stands in a terminal that shows the news."""

    def __init__(self, ledger: Ledger, tmp_path: Path, **choice: object) -> None:
        self.written = StringIO()
        settings = Settings(home=tmp_path, contracts=tmp_path)
        addresses = Addresses("http://there", None)
        self.news = News(ledger, settings, addresses, Terminal(file=self.written, width=80), **choice)
        self.news.look()

    def look(self) -> list[str]:
        """The new lines, without the age and what stands below them."""
        self.written.truncate(self.written.seek(0))
        self.news.look()
        return [
            " ".join(line.split()[1:3] + line.split()[5:])
            for line in self.written.getvalue().splitlines()
            if line[0] != " "
        ]


def land(ledger: Ledger, file: str, at: datetime, dataset: str = "orders") -> Delivery:
    delivery = a_delivery(f"{dataset}/20260102/{file}", dataset=dataset)
    page = Certified(
        "landing", file, None, (KeyRange(certified_at=at),), (NewObject(delivery.first, delivery, arrived(delivery)),)
    )
    ledger.listing.commit(page, at)
    return delivery


def judge(ledger: Ledger, delivery: Delivery, at: datetime, verdict: str = "accepted") -> None:
    facts = {"judged_at": at, "verdict": verdict, "reason": "it is so", "evidence": "s3://evidence/x/"}
    ledger.announcements.record({delivery.id: facts}, at)


def test_each_verdict_is_printed_once(ledger: Ledger, tmp_path: Path) -> None:
    before = land(ledger, "before.csv", NOW - timedelta(minutes=2))
    judge(ledger, before, NOW - timedelta(minutes=1))
    window = Window(ledger, tmp_path, verdicts_only=True)
    assert window.look() == [], "what was judged before is no news"
    first, second = (land(ledger, file, NOW) for file in ("a.csv", "b.csv"))
    assert window.look() == []
    judge(ledger, first, NOW, "rejected")
    assert window.look() == ["rejected 2026-01-02 orders a.csv"]
    judge(ledger, second, NOW)  # at the same moment of the watcher's clock
    assert window.look() == ["accepted 2026-01-02 orders b.csv"]
    assert window.look() == []


def test_a_rejected_delivery_comes_with_its_reason_and_its_page(ledger: Ledger, tmp_path: Path) -> None:
    window = Window(ledger, tmp_path, verdicts_only=True)
    judge(ledger, land(ledger, "a.csv", NOW), NOW, "rejected")
    window.look()
    assert window.written.getvalue().splitlines()[1:] == ["    it is so", "    http://there/evidence/x/evidence.html"]


def test_who_watches_sees_a_delivery_come_and_go_on(ledger: Ledger, tmp_path: Path) -> None:
    window = Window(ledger, tmp_path)
    delivery = land(ledger, "a.csv", NOW)
    assert window.look() == ["landed 2026-01-02 orders a.csv"]
    ledger.announcements.record({delivery.id: {"claimed_at": NOW, "claimed_by": "run"}}, NOW)
    assert window.look() == ["claimed 2026-01-02 orders a.csv"]
    ledger.announcements.record({delivery.id: {}}, NOW + timedelta(seconds=1))
    assert window.look() == [], "a look that changes nothing is no news"
    judge(ledger, delivery, NOW + timedelta(seconds=2))
    assert window.look() == ["accepted 2026-01-02 orders a.csv"]


def test_who_watches_sees_only_what_was_chosen(ledger: Ledger, tmp_path: Path) -> None:
    window = Window(ledger, tmp_path, only=Only(dataset="others"))
    land(ledger, "a.csv", NOW)
    land(ledger, "b.csv", NOW, "others")
    assert window.look() == ["landed 2026-01-02 others b.csv"]


def test_what_is_told_elsewhere_is_not_told_again(ledger: Ledger, tmp_path: Path) -> None:
    delivery = land(ledger, "a.csv", NOW)
    window = Window(ledger, tmp_path, verdicts_only=True, besides={delivery.id})
    judge(ledger, delivery, NOW)
    assert window.look() == []
