"""Tells the story of one object, from its listing to its verdict, to people or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.text import Text

from acceptance.contract.contract import Single
from acceptance.deliveries.delivery import LandingObject
from acceptance.evidence.reports.formatting import bytes_text, duration_text, moment_text
from acceptance.untrusted_text import one_line
from cli.deliveries.addresses import Addresses
from cli.deliveries.documents import delivery_document, group_document
from cli.deliveries.lines import STYLES
from cli.deliveries.listed import lack
from cli.deliveries.object_facts import DeliveryFacts, ObjectFacts
from cli.deliveries.overdue import Overdue
from cli.terminal import Terminal

if TYPE_CHECKING:
    from acceptance.evidence.manifest import EvidenceManifest
    from flows.ledger.sightings import Sighting

_LABEL = 11


class Step(NamedTuple):
    """A step of the story. An address is never broken into lines."""

    label: str
    said: str
    address: str | None = None
    style: str = ""


def print_story(console: Terminal, facts: ObjectFacts, overdue: Overdue, addresses: Addresses) -> None:
    """Print the steps, each with its label, the sentences broken between words where the terminal ends."""
    console.print(facts.uri, soft_wrap=True)
    for step in _steps(facts, overdue, addresses):
        parts = [part.plain for part in Text(one_line(step.said)).wrap(console, max(20, console.width - _LABEL - 2))]
        for number, part in enumerate([*parts, step.address] if step.address else parts):
            label = "" if number else step.label
            console.print(f"  {label:<{_LABEL}}{part.rstrip()}", style=step.style, soft_wrap=True)


def story_document(facts: ObjectFacts, overdue: Overdue) -> dict[str, Any]:
    """Return the story as JSON."""
    sighting = facts.sighting
    return {
        "uri": facts.uri,
        "in_s3": _object(facts.in_s3) if facts.in_s3 else None,
        "location": facts.location,
        "listed": sighting.listed.isoformat() if sighting else None,
        "listed_version": _object(sighting.landed) if sighting else None,
        "routes": [
            {
                "dataset": each.group.dataset,
                "business_date": each.group.business_date.isoformat(),
                "fields": dict(each.group.fields),
                "role": each.role.value,
            }
            for each in facts.routes
        ],
        "unroutable": (sighting and sighting.unroutable) or facts.unroutable or None,
        "ignored": sighting.ignored if sighting else None,
        "groups": [group_document(each, overdue) for each in facts.groups],
        "deliveries": [
            {
                **delivery_document(each.status, overdue),
                "claimed_by": each.claim.flow_run_id if each.claim else None,
                "judgements": [_judgement(seal) for seal in each.judgements],
            }
            for each in facts.deliveries
        ],
        "not_answered": dict(facts.troubles),
    }


def _judgement(seal: EvidenceManifest) -> dict[str, Any]:
    result = seal.result
    return {
        "revision": result.revision,
        "verdict": result.verdict.value,
        "judged": result.judged.isoformat(),
        "prefix": seal.prefix,
    }


def _object(landed: LandingObject) -> dict[str, Any]:
    return {"etag": landed.etag, "size": landed.size, "last_modified": landed.last_modified.isoformat()}


def _steps(facts: ObjectFacts, overdue: Overdue, addresses: Addresses) -> Iterator[Step]:
    yield from _listing(facts)
    yield from _routing(facts)
    for group in facts.groups:
        if group.opened_at is not None:
            why, *missing = lack(group, overdue)
            yield Step("waits", f"for other files of {group.key.title}: {why}", style="yellow")
            yield from (Step("", each, style="yellow") for each in missing)
    for each in facts.deliveries:
        yield from _of_delivery(each, overdue, addresses)
    for place, trouble in facts.troubles.items():
        yield Step("unknown", f"{place} did not answer: {trouble}", style="yellow")


def _listing(facts: ObjectFacts) -> Iterator[Step]:
    there, seen = facts.in_s3, facts.sighting
    if not {"AWS", "S3"} & facts.troubles.keys():
        yield Step("in S3", _version(there) if there else "there is no object of this key now")
    below = f"below {facts.location}" if facts.location else "and now it lies in no landing location"
    if seen is not None:
        yield Step("listed", f"{moment_text(seen.listed)}, {below}{_newer(seen, there)}")
    elif facts.location is None:
        yield Step("listed", "no: it lies in no landing location, so the watcher does not look there", style="yellow")
    else:
        when = "not yet: the next listing finds it" if there else "nothing of this key, ever"
        yield Step("listed", f"{when}, {below}", style="yellow")


def _newer(seen: Sighting, there: LandingObject | None) -> str:
    if there is None or there == seen.landed:
        return ""
    return f"; that was the version of {moment_text(seen.landed.last_modified)}, and the next listing finds this one"


def _routing(facts: ObjectFacts) -> Iterator[Step]:
    for route in facts.routes:
        single = isinstance(route.contract.completion, Single)
        role = "" if single else f", a {route.role.value} of a delivery of several files"
        yield Step("routed", f"to {route.group.title}{role}")
    seen = facts.sighting
    if not facts.routes:
        why = (seen and seen.unroutable) or facts.unroutable
        yield Step("routed", f"no: {why.removeprefix(facts.uri).strip()}", style="yellow")
    if seen is not None and seen.ignored:
        yield Step("ignored", f"it makes no delivery: {seen.ignored}", style="yellow")


def _of_delivery(facts: DeliveryFacts, overdue: Overdue, addresses: Addresses) -> Iterator[Step]:
    status = facts.status
    others = f", with {len(status.keys) - 1} other files" if len(status.keys) > 1 else ""
    yield Step("delivery", f"{status.id}, revision {status.revision}{others}, found {moment_text(status.arrived)}")
    if status.announced is not None:
        often = "once" if status.announcements == 1 else f"{status.announcements} times, last"
        yield Step("announced", f"{often} at {moment_text(status.announced)}")
    for seal in facts.judgements[:-1]:
        told = f"revision {seal.result.revision}: {seal.result.verdict}, {moment_text(seal.result.judged)}"
        yield Step("before", told)
    yield from _running(facts, addresses)
    if status.judged is None:
        if wait := overdue.wait(status):
            yield Step("waits", f"for {wait.why}", style="yellow")
        if (due := overdue.verdict_due(status)) and overdue.is_late(status):
            yield Step("overdue", f"its verdict was due by {moment_text(due)}", style="yellow")
        return
    verdict = status.verdict or ""
    after = duration_text(status.judged - status.arrived)
    yield Step(
        "verdict",
        f"{verdict} at {moment_text(status.judged)}, {after} after it was found",
        None,
        STYLES.get(verdict, ""),
    )
    yield Step("", status.reason or "", None, STYLES.get(verdict, ""))
    if status.evidence:
        yield Step("evidence", "the page, and beside it what it is made of:", addresses.evidence(status.evidence))


def _running(facts: DeliveryFacts, addresses: Addresses) -> Iterator[Step]:
    if facts.queued:
        yield Step("queued", facts.queued)
    if facts.evidence is not None:
        run = facts.evidence.run
        yield Step("judged by", f"run {run.flow_run_name}, {moment_text(run.started)}", run.url)
    if facts.claim is not None:
        at, id_ = moment_text(facts.claim.claimed_at), facts.claim.flow_run_id
        why = ", to judge it again" if facts.judgements else ""
        yield Step("claimed", f"by run {id_} at {at}{why}", addresses.run(id_))
    elif facts.status.unjudged is not None and (known := facts.status.unjudged.claimed_by):
        yield Step("claimed", f"by run {known}", addresses.run(known))


def _version(landed: LandingObject) -> str:
    return f"{bytes_text(landed.size)}, last modified {moment_text(landed.last_modified)}, etag {landed.etag}"
