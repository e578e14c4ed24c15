"""Groups for tests: objects as a listing shows them, and a group that has seen some."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from contract_texts import delivering, watched

from acceptance.contract.contract import Contract
from acceptance.deliveries.completeness import Complete, Incomplete, Need, Waiting, decide, mark_notified
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.file_groups import Group, Role, absorb, completed, locate, relisted

NOON = datetime(2025, 1, 2, 12, tzinfo=UTC)
DAILY = "shop/{business_date:%Y%m%d}/{file}.csv"
FOLDER = "shop/20250101/"


def minutes(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def contract_of(value: str, pattern: str = DAILY) -> Contract:
    return watched(delivering(value, pattern))


def landed(name: str, etag: str = "e1", size: int = 10, second: int = 0) -> LandingObject:
    """An object in the folder of the day; a name with a slash is a whole key."""
    key = name if "/" in name else FOLDER + name
    return LandingObject("landing", key, etag, size, NOON + timedelta(seconds=second))


def sees(group: Group, contract: Contract, now: datetime, *objects: LandingObject, gone: Iterable[str] = ()) -> Group:
    """The group after these objects of it were seen in a listing."""
    placed = [(each, locate(contract, each.key)) for each in objects]
    assert {key for _, (key, _) in placed} <= {group.key}
    return absorb(
        group,
        contract,
        now,
        members=[each for each, (_, role) in placed if role is Role.MEMBER],
        signals=[each for each, (_, role) in placed if role is not Role.MEMBER],
        gone=[FOLDER + name for name in gone],
    )


def group_of(contract: Contract, *objects: LandingObject) -> Group:
    """The group of the first of these objects, which all are seen at noon."""
    return sees(Group(locate(contract, objects[0].key)[0]), contract, NOON, *objects)


def relists(group: Group, contract: Contract, now: datetime) -> Group:
    """The group after a listing that shows what it knows."""
    return relisted(group, contract, [*group.members.values(), *group.signals.values()], now)


def the_delivery(found: Complete | Waiting | Incomplete) -> Delivery:
    assert isinstance(found, Complete), found
    return found.delivery


def names(delivery: Delivery) -> list[str]:
    return [member.file for member in delivery.members]


def delivered(group: Group, contract: Contract, now: datetime) -> tuple[Group, Delivery]:
    """The group after its delivery; what is needed for it is there."""
    found = decide(group, contract, now)
    if isinstance(found, Waiting) and found.needs and found.needs[-1] is Need.LISTING:
        group = relists(group, contract, now)
        found = decide(group, contract, now, uploads=())
    delivery = the_delivery(found)
    return completed(group, contract, delivery, now), delivery


def tells(group: Group, contract: Contract, now: datetime) -> tuple[Group, Incomplete]:
    found = decide(group, contract, now)
    assert isinstance(found, Incomplete), found
    return mark_notified(group, found), found
