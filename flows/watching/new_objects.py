"""Classifies new objects of a listing: a delivery, a part of one, an ignored object, or an unroutable one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from acceptance.announcing.delivery_events import arrived, unroutable
from acceptance.contract.contract import Contract, Resent, Single
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.file_groups import Group
from acceptance.deliveries.key_ranges import ListingChanges
from acceptance.deliveries.routing import Route, routes
from acceptance.errors import UnroutableKey
from acceptance.judging.judge import Judged
from flows.ledger import Ledger
from flows.ledger.writes import NewObject
from flows.watching.file_groups import Grouping, Standing


class NewObjects:
    """Classifies new objects. `standing`, which returns existing verdicts, is asked only at a location's first look."""

    def __init__(
        self, ledger: Ledger, contracts: Mapping[str, Contract], grouping: Grouping, standing: Standing
    ) -> None:
        self._ledger = ledger
        self._contracts = contracts
        self._grouping = grouping
        self._standing = standing

    def of(
        self, bucket: str, found: ListingChanges, now: datetime, *, first_look: bool
    ) -> tuple[list[NewObject], list[Group]]:
        sighted: list[NewObject] = []
        grouped: list[tuple[Route, LandingObject]] = []
        again = frozenset(found.resent)
        for landed in (*found.new, *found.resent):
            new_object, parts = self._sight(landed, landed in again, first_look)
            sighted.append(new_object)
            grouped += [(part, landed) for part in parts]
        gone = [(part, key) for key in found.gone for part in self._parts(bucket, key)]
        return self._numbered(sighted, first_look), self._grouping.changed(grouped, gone, now, first_look)

    def fits(self, landed: LandingObject) -> bool:
        try:
            routes(landed.bucket, landed.key, tuple(self._contracts.values()))
        except UnroutableKey:
            return False
        return True

    def _sight(self, landed: LandingObject, resent: bool, first_look: bool) -> tuple[NewObject, list[Route]]:
        if landed.key.endswith("/") and landed.size == 0:
            return NewObject(landed, ignored="a folder mark of the S3 console"), []
        try:
            found = routes(landed.bucket, landed.key, tuple(self._contracts.values()))
        except UnroutableKey as error:
            return NewObject(landed, event=unroutable(landed, str(error)), unroutable=str(error)), []
        for each in found:
            if isinstance(each.contract.completion, Single):
                return self._single(landed, each, resent, first_look), []
        return NewObject(landed, ignored=_before_all(found, first_look)), list(found)

    def _single(self, landed: LandingObject, route: Route, resent: bool, first_look: bool) -> NewObject:
        contract = route.contract
        if resent and contract.resent is Resent.IGNORE:
            return NewObject(landed, ignored="the same bytes were delivered before")
        if why := _before_all([route], first_look):
            return NewObject(landed, ignored=why)
        takes = sum((step.within for step in contract.steps), timedelta())
        delivery = Delivery(contract.dataset, route.group.business_date, (landed,), dict(route.group.fields))
        return NewObject(landed, delivery, pipeline_takes=takes)

    def _parts(self, bucket: str, key: str) -> list[Route]:
        """Return the groups that a key belongs to, as a member or as a signal file."""
        try:
            found = routes(bucket, key, tuple(self._contracts.values()))
        except UnroutableKey:
            return []
        return [each for each in found if not isinstance(each.contract.completion, Single)]

    def _numbered(self, sighted: Sequence[NewObject], first_look: bool) -> list[NewObject]:
        """Return the objects with the revision and the event of each delivery."""
        keys: dict[str, list[tuple[str, ...]]] = {}
        for new_object in sighted:
            if new_object.delivery is not None:
                keys.setdefault(new_object.delivery.dataset, []).append((new_object.landed.key,))
        before = {dataset: self._ledger.listing.revisions(dataset, these) for dataset, these in keys.items()}
        judged = self._standing([each.delivery for each in sighted if each.delivery is not None]) if first_look else {}
        return [_numbered_one(new_object, before, judged) for new_object in sighted]


def _numbered_one(
    new_object: NewObject, before: Mapping[str, Mapping[tuple[str, ...], int]], standing: Mapping[str, Judged]
) -> NewObject:
    delivery = new_object.delivery
    if delivery is None:
        return new_object
    judged = standing.get(delivery.id)
    if judged:  # by a run under a ledger that was lost
        return replace(new_object, delivery=replace(delivery, revision=judged.revision), judged=judged)
    revision = before[delivery.dataset].get((new_object.landed.key,), 0) + 1
    delivery = replace(delivery, revision=revision)
    return replace(new_object, delivery=delivery, event=arrived(delivery))


def _before_all(found: Sequence[Route], first_look: bool) -> str | None:
    """Return why an object of a location's first look is not announced; None if it is."""
    if not first_look or any(each.contract.baseline.announces(each.group.business_date) for each in found):
        return None
    return f"{found[0].group.business_date} is before the dataset's first business date that is announced"
