"""The JSON of `aceite status`: names of keys and their meanings stay, and new ones may come."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flows.ledger.status import Only

if TYPE_CHECKING:
    from acceptance.announcing.overdue import Missing
    from acceptance.deliveries.delivery import LandingObject
    from acceptance.deliveries.file_groups import Group
    from blocks.settings import Settings
    from cli.deliveries.overdue import Overdue
    from cli.serving.home import Running
    from flows.ledger import Ledger
    from flows.ledger.sightings import IgnoredObjects
    from flows.ledger.status import DeliveryStatus, LocationStatus


def status_document(
    ledger: Ledger, settings: Settings, running: Running | None, overdue: Overdue, only: Only
) -> dict[str, Any]:
    """Return everything that the ledger has to tell. `only` chooses the deliveries, and its dataset what else is."""

    def chosen(dataset: str) -> bool:
        return only.dataset in (None, dataset)

    return {
        "aws_endpoint": running.aws_endpoint if running else settings.aws_endpoint_url,
        "prefect_api_url": running.prefect_api_url if running else None,
        "watcher": ledger.lease.holder(overdue.now),
        "deliveries": [delivery_document(item, overdue) for item in ledger.status.deliveries(only)],
        "all_deliveries": ledger.status.count_deliveries(),
        "incomplete": [group_document(each, overdue) for each in ledger.groups.open() if chosen(each.key.dataset)],
        "unroutable": [_unroutable(*item) for item in ledger.listing.unroutable(limit=None)],
        "ignored": [_ignored(item) for item in ledger.sightings.ignored()],
        "overdue": [_overdue(dataset, item) for dataset, item in overdue.missing.items() if chosen(dataset)],
        "paused": [_paused(ledger, *item) for item in ledger.datasets.paused().items() if chosen(item[0])],
        "held_back": [_held_back(ledger, *item) for item in overdue.held_back.items() if chosen(item[0])],
        "broken_contracts": list(overdue.broken),
        "locations": [_location(item, settings.certify_within_s) for item in ledger.status.locations()],
    }


def delivery_document(item: DeliveryStatus, overdue: Overdue) -> dict[str, Any]:
    due, wait, known = overdue.verdict_due(item), overdue.wait(item), item.unjudged
    facts = {name: _plain(value) for name, value in asdict(item).items() if name != "unjudged"}
    return {
        **facts,
        "verdict_due": _plain(due),
        "overdue": overdue.is_late(item),
        "waits_for": wait.why if wait else None,
        "announced_again": _plain(wait.announced_again) if wait else None,
        "announced_again_by": _plain(wait.at_the_latest) if wait else None,
        "run": known.claimed_by if known else None,
    }


def group_document(group: Group, overdue: Overdue) -> dict[str, Any]:
    due = overdue.complete_by(group)
    return {
        "dataset": group.key.dataset,
        "business_date": group.key.business_date.isoformat(),
        "fields": dict(group.key.fields),
        "keys": sorted([*group.members, *group.signals]),
        "since": _plain(group.opened_at),
        "waits_for": group.waits_for or None,
        "missing": list(group.missing),
        "due": _plain(due),
        "overdue": due is not None and due < overdue.now,
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date) else value


def _overdue(dataset: str, item: Missing) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "last_arrived": item.last.at.isoformat() if item.last else None,
        "due": item.since.isoformat(),
        "missed": item.count,
        "business_date": _plain(item.business_date),
    }


def _paused(ledger: Ledger, dataset: str, since: datetime) -> dict[str, Any]:
    return {"dataset": dataset, "since": since.isoformat(), "waiting": ledger.datasets.count_unclaimed(dataset)}


def _held_back(ledger: Ledger, dataset: str, why: str) -> dict[str, Any]:
    return {"dataset": dataset, "why": why, "waiting": ledger.datasets.count_unclaimed(dataset)}


def _location(place: LocationStatus, certify_within_s: float) -> dict[str, Any]:
    due = place.certified_at and place.certified_at + timedelta(seconds=certify_within_s)
    return {
        "bucket": place.bucket,
        "prefix": place.prefix,
        "objects": place.objects,
        "ignored": place.ignored,
        "unroutable": place.unroutable,
        "certified": _plain(place.certified_at),
        "certified_again_by": _plain(due),
    }


def _unroutable(landed: LandingObject, reason: str) -> dict[str, Any]:
    times = {"last_modified": landed.last_modified.isoformat()}
    return {"bucket": landed.bucket, "key": landed.key, "size": landed.size, **times, "reason": reason}


def _ignored(item: IgnoredObjects) -> dict[str, Any]:
    return {"reason": item.reason, "objects": item.count, "latest": item.latest.uri}
