"""The events of overdue deliveries, overdue verdicts, and paused and resumed datasets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from acceptance.announcing.delivery_events import DATASET, OVERDUE, PAUSED, RESUMED, EventDraft
from acceptance.announcing.messages import message
from acceptance.announcing.overdue import Missing
from acceptance.contract.contract import Contract

NOT_ARRIVED, NO_VERDICT = "not arrived", "no verdict"
MOST_TITLES = 20


@dataclass(frozen=True, slots=True)
class Late:
    """A delivery without a verdict, and when that was due. `state` is how far it came."""

    delivery_id: str
    title: str
    business_date: date
    uri: str
    arrived_at: datetime
    due: datetime
    state: str


def not_arrived(contract: Contract, missing: Missing) -> EventDraft:
    """Return the event for the latest missing delivery; `missed` counts it and those before it."""
    last, day = missing.last, missing.business_date
    expected = day.isoformat() if day else None
    payload: dict[str, Any] = {
        "dataset": contract.dataset,
        "why": NOT_ARRIVED,
        "business_date": expected,
        "since": missing.since.isoformat(),
        "due": missing.due.isoformat(),
        "missed": missing.count,
        "last_business_date": last.business_date.isoformat() if last else None,
        "last_arrived": last.at.isoformat() if last else None,
        "last": last.uri if last else None,
    }
    facts = [
        ("Dataset", contract.dataset),
        ("Date expected", expected or ""),
        ("Due", f"{_time_text(missing.due)}, every {contract.update_every}"),
        ("Missed", f"{missing.count} deliveries since {_time_text(missing.since)}" if missing.count > 1 else ""),
        (
            "Last",
            f"{last.business_date.isoformat()}, arrived {_time_text(last.at)}, {last.uri}"
            if last
            else "none ever arrived",
        ),
    ]
    title = f"{contract.dataset} {expected}" if expected else contract.dataset
    payload["message"] = message(f"{title}: overdue", facts)
    return EventDraft(OVERDUE, _resource(contract.dataset, f"{title} is overdue", expected), payload)


def no_verdict(dataset: str, late: Sequence[Late]) -> EventDraft:
    """Return the event for deliveries that arrived and have no verdict in time, the oldest first."""
    first, days = late[0], sorted({item.business_date.isoformat() for item in late})
    more = f" and {len(late) - 1} more" if len(late) > 1 else ""
    payload: dict[str, Any] = {
        "dataset": dataset,
        "why": NO_VERDICT,
        "business_date": days[0],
        "last_business_date": days[-1],
        "since": first.due.isoformat(),
        "arrived": first.arrived_at.isoformat(),
        "state": first.state,
        "count": len(late),
        "deliveries": [item.delivery_id for item in late],
        "titles": [item.title for item in late[:MOST_TITLES]],
        "last": first.uri,
    }
    facts = [
        ("Dataset", dataset),
        ("Date", " to ".join(dict.fromkeys((days[0], days[-1])))),
        ("Delivery", first.title + more),
        ("Arrived", _time_text(first.arrived_at)),
        ("Verdict due", _time_text(first.due)),
        ("So far", first.state),
    ]
    payload["message"] = message(f"{dataset} {days[0]}: no verdict in time{more}", facts)
    day = days[0] if len(days) == 1 else f"{days[0]}/{days[-1]}"
    return EventDraft(
        OVERDUE, {**_resource(dataset, first.title + more, day), "prefect.resource.id": first.uri}, payload
    )


def paused(dataset: str, since: datetime, waiting: int, reasons: Sequence[str], page: str) -> EventDraft:
    """Return the event. `reasons` are those of the last inconclusive verdicts, newest first; `page` is for resuming."""
    payload: dict[str, Any] = {
        "dataset": dataset,
        "since": since.isoformat(),
        "waiting": waiting,
        "inconclusive": len(reasons),
        "reason": reasons[0] if reasons else None,
        "page": page,
    }
    facts = [
        ("Dataset", dataset),
        ("Paused", _time_text(since)),
        ("Why", f"{len(reasons)} deliveries were inconclusive" if reasons else "a person switched it off"),
        ("The last", reasons[0] if reasons else ""),
        ("Deliveries that wait", str(waiting)),
        ("To resume", "switch the automation on again; Aceite then judges all that wait"),
    ]
    payload["message"] = message(f"{dataset}: validation is paused", facts, {"Automation": page})
    return EventDraft(PAUSED, _resource(dataset, f"{dataset} is paused"), payload)


def resumed(dataset: str, since: datetime, waiting: int) -> EventDraft:
    payload = {"dataset": dataset, "paused_since": since.isoformat(), "waiting": waiting}
    return EventDraft(RESUMED, _resource(dataset, f"{dataset} is resumed"), payload)


def _time_text(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S%z}"


def _resource(dataset: str, name: str, business_date: str | None = None) -> dict[str, str]:
    resource = {
        "prefect.resource.id": f"aceite.dataset.{dataset}",
        "prefect.resource.name": name,
        DATASET: dataset,
    }
    return {**resource, "aceite.business-date": business_date} if business_date else resource
