"""Prints what `aceite status` shows to people: the deliveries, oldest first, and then what else needs to be known.

The newest delivery, and what a person has to do, stand at the end: that is where a terminal is read from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cli.deliveries.addresses import Addresses
from cli.deliveries.lines import Line, print_below, print_lines, print_sentence
from cli.deliveries.overdue import Overdue
from cli.terminal import Terminal
from flows.ledger.status import NO_VERDICT, Only

if TYPE_CHECKING:
    from acceptance.announcing.overdue import Missing
    from acceptance.deliveries.file_groups import Group
    from flows.ledger import Ledger
    from flows.ledger.status import DeliveryStatus, LocationStatus

_RESUME = "switch its automation on again in Prefect"
_MOST_MISSING = 5
_MOST_UNROUTABLE = 5
_TIME = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Listed:
    """Prints the deliveries that were chosen, and everything else if none were chosen.

    `queued` tells the place of a delivery's run in the queue.
    """

    ledger: Ledger
    overdue: Overdue
    addresses: Addresses
    certify_within_s: float
    only: Only

    def print(self, console: Terminal, shown: Sequence[DeliveryStatus], queued: Mapping[str, str]) -> None:
        if self.only.is_all:
            for place in self.ledger.status.locations():
                print_sentence(console, certification(place, self.certify_within_s, self.overdue.now))
            self._print_no_deliveries(console)
        console.print()
        self._print_deliveries(console, shown, queued)
        if self.only.business_date is None and not self.only.verdicts:
            self._print_datasets(console)

    def _print_deliveries(self, console: Terminal, shown: Sequence[DeliveryStatus], queued: Mapping[str, str]) -> None:
        counts = self.ledger.status.count_verdicts(self.only)
        if not shown:
            console.print("no deliveries yet" if self.only.is_all else "no such deliveries")
            return
        print_lines(console, [line_of(item, self.overdue, self.addresses, queued) for item in reversed(shown)])
        words = [f"{number} {'without a verdict' if word == NO_VERDICT else word}" for word, number in counts.items()]
        total = sum(counts.values())
        number = f"{len(shown)} of {total}" if total > len(shown) else str(total)
        more = "; --last shows more" if total > len(shown) else ""
        noun = "delivery" if total == 1 else "deliveries"
        print_sentence(console, f"{number} {noun}: {', '.join(sorted(words))}{more}", "dim")

    def _print_no_deliveries(self, console: Terminal) -> None:
        """Print the objects of which no delivery was made."""
        for item in self.ledger.sightings.ignored():
            many = f"{item.count} objects" if item.count > 1 else "1 object"
            print_sentence(console, f"ignored {many}: {item.reason}; the latest:")
            console.print(f"    {item.latest.uri}", soft_wrap=True)
        found = self.ledger.listing.unroutable(limit=None)
        if len(found) > _MOST_UNROUTABLE:
            more = f"{len(found)} unroutable objects, here the latest; `aceite status --json` has all"
            print_sentence(console, more, "yellow")
        for landed, reason in reversed(found[:_MOST_UNROUTABLE]):
            console.print(f"unroutable {landed.uri}", style="yellow", soft_wrap=True)
            print_below(console, [reason.removeprefix(landed.uri).strip()], style="yellow")

    def _print_datasets(self, console: Terminal) -> None:
        for group in self.ledger.groups.open():
            if self.only.dataset in (None, group.key.dataset):
                _print_lack(console, group, self.overdue)
        for dataset, missing in self.overdue.missing.items():
            if self.only.dataset in (None, dataset):
                warn(console, f"overdue {dataset}: {_describe(missing)} (UTC)")
        paused = self.ledger.datasets.paused()
        for dataset in sorted({*paused, *self.overdue.held_back}):
            if self.only.dataset in (None, dataset):
                self._print_paused(console, dataset, paused.get(dataset))
        if self.only.dataset is None:
            for broken in self.overdue.broken:
                warn(console, f"a contract is held back until it is corrected: {broken}")

    def _print_paused(self, console: Terminal, dataset: str, since: datetime | None) -> None:
        waiting = self.ledger.datasets.count_unclaimed(dataset)
        many = "1 delivery waits" if waiting == 1 else f"{waiting} deliveries wait"
        at = f" since {since:{_TIME}} (UTC)" if since else ""
        if (why := self.overdue.held_back.get(dataset)) is None:
            warn(console, f"paused {dataset}:{at}, {many}; {_RESUME}")
        elif waiting:
            warn(console, f"held back {dataset}:{at}, {many}; {why}")
        else:
            print_sentence(console, f"not watched {dataset}:{at}, nothing of it waits; {why}", "dim")


def line_of(item: DeliveryStatus, overdue: Overdue, addresses: Addresses, queued: Mapping[str, str]) -> Line:
    """Return the line of a delivery; below it why it is not accepted, or what it waits for."""
    others = f" and {len(item.keys) - 1} more" if len(item.keys) > 1 else ""
    again = f" (revision {item.revision})" if item.revision > 1 else ""
    below, pages = [item.reason or ""], [addresses.evidence(item.evidence)] if item.evidence else []
    if item.unjudged is not None:
        below, run = _waiting(item, overdue), item.unjudged.claimed_by
        below += [queued[item.id]] if item.id in queued else []
        pages = [page] if run and (page := addresses.run(run)) else []
    return Line(
        word=item.verdict or ("queued" if item.id in queued else item.state),
        dataset=item.dataset,
        business_date=item.business_date,
        file=item.keys[0].rsplit("/", 1)[-1] + others + again,
        age=overdue.now - item.arrived,
        below=[] if item.verdict == "accepted" else [each for each in below if each],
        addresses=[] if item.verdict == "accepted" else pages,
    )


def _waiting(item: DeliveryStatus, overdue: Overdue) -> list[str]:
    """Return why a delivery has no verdict: how its last run ended, what it waits for, and since when it is late."""
    wait, due = overdue.wait(item), overdue.verdict_due(item)
    ended = item.unjudged.run_ended if item.unjudged else None
    sentences = [ended] if ended else []
    sentences += [f"waits for {wait.why.removeprefix(f'{ended}; ')}"] if wait else []
    sentences += [f"overdue: its verdict was due by {due:{_TIME}} (UTC)"] if due and overdue.is_late(item) else []
    return sentences


def warn(console: Terminal, sentence: str) -> None:
    """Print a sentence that a person should act on."""
    print_sentence(console, sentence, "yellow")


def lack(group: Group, overdue: Overdue) -> tuple[str, ...]:
    """Return why a group is not complete and until when it waits; then each file that it lacks, as far as is known."""
    why = group.waits_for or "the watcher has not decided on it yet"
    due = overdue.complete_by(group)
    more = len(group.missing) - _MOST_MISSING
    return (
        why + (f"; due by {due:{_TIME}} (UTC)" if due else ""),
        *(f"missing: {each}" for each in group.missing[:_MOST_MISSING]),
        *([f"and {more} more; `aceite status --json` has them"] if more > 0 else []),
    )


def _print_lack(console: Terminal, group: Group, overdue: Overdue) -> None:
    first, *missing = lack(group, overdue)
    warn(console, f"incomplete {group.key.title}: {first}")
    for each in missing:
        console.print(f"    {each}", style="yellow", soft_wrap=True)


def _describe(missing: Missing) -> str:
    last = f"last arrived {missing.last.at:{_TIME}}" if missing.last else "none ever arrived"
    day = f", of {missing.business_date.isoformat()}" if missing.business_date else ""
    more = f" and {missing.count - 1} before it" if missing.count > 1 else ""
    return f"{last}, the next was due by {missing.since:{_TIME}}; missing{day}{more}"


def certification(place: LocationStatus, certify_within_s: float, now: datetime) -> str:
    """Return how much of a landing location is known, since when for certain, and when for certain again."""
    ignored = f", {place.ignored} ignored" if place.ignored else ""
    strange = f", {place.unroutable} fit no contract" if place.unroutable else ""
    strange += f" ({place.counted} of them are only counted)" if place.counted else ""
    many = "1 object" if place.objects == 1 else f"{place.objects} objects"
    known = f"s3://{place.bucket}/{place.prefix}: {many} listed{ignored}{strange}"
    if place.certified_at is None:
        return f"{known}; not listed to its end yet"
    due = place.certified_at + timedelta(seconds=certify_within_s)
    again = f"again by {due:%H:%M:%S}" if due > now else f"which was due again by {due:{_TIME}}"
    return f"{known}; all certified since {place.certified_at:{_TIME}}, {again} (UTC)"
