"""The events of overdue deliveries, overdue verdicts, and paused and resumed datasets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from acceptance.announcing.delivery_events import DATASET, OVERDUE, PAUSED, RESUMED, EventDraft
from acceptance.announcing.messages import message
from acceptance.announcing.overdue import Missing
from acceptance.contract.contract import Contract
from acceptance.messages.languages import ENGLISH, Language, date_text, moment_text
from acceptance.messages.message import Message
from acceptance.messages.phrases import duration

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


def not_arrived(contract: Contract, missing: Missing, language: Language = ENGLISH) -> EventDraft:
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
    title = f"{contract.dataset} {expected}" if expected else contract.dataset
    subject = Message("{delivery}: overdue", delivery=title)
    payload["message"] = message(subject, _missed(contract, missing, language), language=language)
    return EventDraft(OVERDUE, _resource(contract.dataset, f"{title} is overdue", expected), payload)


def _missed(contract: Contract, missing: Missing, language: Language) -> Iterator[tuple[str, str]]:
    yield Message("Dataset"), contract.dataset
    yield Message("Date expected"), date_text(missing.business_date, language) if missing.business_date else ""
    due, every = moment_text(missing.due, language), duration(contract.update_every or timedelta())
    yield Message("Due"), Message("{moment}, every {duration}", moment=due, duration=every)
    if missing.count > 1:
        since = moment_text(missing.since, language)
        missed = Message.counted(
            "{count} delivery since {moment}", "{count} deliveries since {moment}", missing.count, moment=since
        )
        yield Message("Missed"), missed
    if last := missing.last:
        told = {"date": date_text(last.business_date, language), "moment": moment_text(last.at, language)}
        yield Message("Last"), Message("{date}, arrived {moment}, {file}", file=last.uri, **told)
    else:
        yield Message("Last"), Message("none ever arrived")


def no_verdict(dataset: str, late: Sequence[Late], language: Language = ENGLISH) -> EventDraft:
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
    subject: str = Message("{delivery}: no verdict in time", delivery=f"{dataset} {days[0]}")
    payload["message"] = message(_and_more(subject, late), _unjudged(dataset, late, language), language=language)
    day = days[0] if len(days) == 1 else f"{days[0]}/{days[-1]}"
    return EventDraft(
        OVERDUE, {**_resource(dataset, first.title + more, day), "prefect.resource.id": first.uri}, payload
    )


def _unjudged(dataset: str, late: Sequence[Late], language: Language) -> Iterator[tuple[str, str]]:
    first, days = late[0], sorted({item.business_date for item in late})
    one, last = date_text(days[0], language), date_text(days[-1], language)
    yield Message("Dataset"), dataset
    yield Message("Date"), one if len(days) == 1 else Message("{first} to {last}", first=one, last=last)
    yield Message("Delivery"), _and_more(first.title, late)
    yield Message("Arrived"), moment_text(first.arrived_at, language)
    yield Message("Verdict due"), moment_text(first.due, language)
    yield Message("So far"), first.state


def _and_more(text: str, late: Sequence[Late]) -> str:
    return Message("{file} and {number} more", file=text, number=len(late) - 1) if len(late) > 1 else text


def paused(
    dataset: str, since: datetime, waiting: int, reasons: Sequence[str], page: str, language: Language = ENGLISH
) -> EventDraft:
    """Return the event. `reasons` are those of the last inconclusive verdicts, newest first; `page` is for resuming."""
    payload: dict[str, Any] = {
        "dataset": dataset,
        "since": since.isoformat(),
        "waiting": waiting,
        "inconclusive": len(reasons),
        "reason": reasons[0] if reasons else None,
        "page": page,
    }
    number = len(reasons)
    failed = Message.counted("{count} delivery was inconclusive", "{count} deliveries were inconclusive", number)
    facts: list[tuple[str, str]] = [
        (Message("Dataset"), dataset),
        (Message("Paused"), moment_text(since, language)),
        (Message("Why"), failed if reasons else Message("a person switched it off")),
        (Message("The last"), reasons[0] if reasons else ""),
        (Message("Deliveries that wait"), Message("{number}", number=waiting)),
        (Message("To resume"), Message("switch the automation on again; Aceite then judges all that wait")),
    ]
    subject = Message("{dataset}: validation is paused", dataset=dataset)
    payload["message"] = message(subject, facts, {Message("Automation"): page}, language)
    return EventDraft(PAUSED, _resource(dataset, f"{dataset} is paused"), payload)


def held_back(dataset: str, since: datetime, waiting: int, why: str, language: Language = ENGLISH) -> EventDraft:
    """Return the event of a pause for want of a contract. `why` says what is the matter with it."""
    payload: dict[str, Any] = {
        "dataset": dataset,
        "since": since.isoformat(),
        "waiting": waiting,
        "inconclusive": 0,
        "reason": why,
        "page": "",
    }
    resume = Message("correct the contract, or put it back; Aceite then judges all that wait")
    facts: list[tuple[str, str]] = [
        (Message("Dataset"), dataset),
        (Message("Paused"), moment_text(since, language)),
        (Message("Why"), why),
        (Message("Deliveries that wait"), Message("{number}", number=waiting)),
        (Message("To resume"), resume),
    ]
    subject = Message("{dataset}: validation is paused", dataset=dataset)
    payload["message"] = message(subject, facts, language=language)
    return EventDraft(PAUSED, _resource(dataset, f"{dataset} is paused"), payload)


def resumed(dataset: str, since: datetime, waiting: int) -> EventDraft:
    payload = {"dataset": dataset, "paused_since": since.isoformat(), "waiting": waiting}
    return EventDraft(RESUMED, _resource(dataset, f"{dataset} is resumed"), payload)


def _resource(dataset: str, name: str, business_date: str | None = None) -> dict[str, str]:
    resource = {
        "prefect.resource.id": f"aceite.dataset.{dataset}",
        "prefect.resource.name": name,
        DATASET: dataset,
    }
    return {**resource, "aceite.business-date": business_date} if business_date else resource
