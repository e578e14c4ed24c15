"""What a partition must hold after a delivery: the rows of its files, and of others if the contract says so."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from acceptance.contract import Contract
from acceptance.delivery import Delivery, LandingObject
from acceptance.errors import UnroutableKey
from acceptance.fingerprint import Fingerprint
from acceptance.keys.placeholders import fill, partition_values
from acceptance.landing import NamedByColumn

_LATER_AT_MOST = 10


@dataclass(frozen=True, slots=True)
class OtherFile:
    """A landed file of another delivery of the partition that can be read. `later`: it landed after this delivery."""

    landed: LandingObject
    fingerprint: Fingerprint
    later: bool


def others_of_partition(
    contract: Contract, delivery: Delivery, listed: Sequence[LandingObject]
) -> tuple[LandingObject, ...]:
    """Of what is listed, the files of other deliveries whose rows go into the partition of this one."""
    ours, wanted = {member.key for member in delivery.members}, partition_values(contract, delivery)
    return tuple(landed for landed in listed if landed.key not in ours and _lies_in(contract, landed, wanted))


def is_later(delivery: Delivery, landed: LandingObject) -> bool:
    """Whether its pipeline need not have run yet. What landed in the same second may be either, so it is later."""
    return landed.last_modified >= max(member.last_modified for member in delivery.members)


def expected(own: Fingerprint, others: Sequence[OtherFile], table: Fingerprint) -> tuple[OtherFile, ...]:
    """The other files whose rows the partition must have: all earlier ones, and those later ones that it has already.

    A later delivery may be in the table or not: its own run judges that. If no choice of later files makes the sides
    equal, the sides differ; expected is then a choice with as many rows as the table, and if there is none, no later
    file.
    """
    earlier = tuple(other for other in others if not other.later)
    later = [other for other in others if other.later][:_LATER_AT_MOST]
    choices = [(*earlier, *chosen) for number in range(len(later) + 1) for chosen in combinations(later, number)]
    equal = [choice for choice in choices if total(own, choice) == table]
    as_many = [choice for choice in choices if total(own, choice).rows == table.rows]
    return next(iter((*equal, *as_many)), earlier)


def total(own: Fingerprint, others: Sequence[OtherFile]) -> Fingerprint:
    for other in others:
        own += other.fingerprint
    return own


def files_named(contract: Contract, delivery: Delivery) -> tuple[str, ...]:
    """The values by which the rows of this delivery are known, if a column of the table names the file of each row."""
    holds = contract.partition_holds
    if not isinstance(holds, NamedByColumn):
        return ()
    return tuple(
        dict.fromkeys(
            str(fill(holds.value, delivery, member, fields)) for member, fields in _fields(contract, delivery)
        )
    )


def _fields(contract: Contract, delivery: Delivery) -> Iterator[tuple[LandingObject, Mapping[str, str]]]:
    for member in sorted(delivery.members):
        yield member, contract.template.read(member.key)[1]


def _lies_in(contract: Contract, landed: LandingObject, wanted: Mapping[str, str]) -> bool:
    try:
        business_date, fields = contract.template.read(landed.key)
    except UnroutableKey:
        return False
    alone = Delivery(contract.dataset, business_date, (landed,), fields)
    return partition_values(contract, alone) == wanted
