"""The rows that a partition must hold after a delivery: those of its files, and of others if the contract says so."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations

from acceptance.contract.contract import Contract
from acceptance.contract.landing_format import NamedByColumn
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.placeholders import fill, partition_values
from acceptance.errors import UnroutableKey
from acceptance.proof.fingerprint import Fingerprint

_LATER_AT_MOST = 24
"""The most files of which every subset is tried: half of them at a time, 4,096 sums."""


@dataclass(frozen=True, slots=True)
class OtherFile:
    """A readable landed file of another delivery of the partition. `later`: it landed after this delivery."""

    landed: LandingObject
    fingerprint: Fingerprint
    later: bool


def others_of_partition(
    contract: Contract, delivery: Delivery, listed: Sequence[LandingObject]
) -> tuple[LandingObject, ...]:
    """Return the listed files of other deliveries whose rows go into the partition of this one."""
    own, partition = {member.key for member in delivery.members}, partition_values(contract, delivery)
    return tuple(landed for landed in listed if landed.key not in own and _lies_in(contract, landed, partition))


def is_later(delivery: Delivery, landed: LandingObject) -> bool:
    """Return True if its pipeline may not have run yet. A file that landed in the same second counts as later."""
    return landed.last_modified >= max(member.last_modified for member in delivery.members)


def expected(own: Fingerprint, others: Sequence[OtherFile], table: Fingerprint) -> tuple[OtherFile, ...] | None:
    """Return the other files whose rows the partition must hold: all earlier ones, and the later ones it already holds.

    The table may lack a later delivery: that delivery's own run judges it. If no choice of later files makes the sides
    equal, return a choice with as many rows as the table, or else no later file. With too many later files to try every
    choice, try them in the order of their landing; return None if that does not decide, although the table's number of
    rows is possible.
    """
    earlier = tuple(other for other in others if not other.later)
    later = sorted((other for other in others if other.later), key=lambda other: other.landed.last_modified)
    least = total(own, earlier)
    for number, fingerprint in enumerate(accumulate((other.fingerprint for other in later), initial=least)):
        if fingerprint == table:
            return (*earlier, *later[:number])
    missing = table - least
    if len(later) > _LATER_AT_MOST:
        return None if 0 <= missing.rows <= total(_NOTHING, later).rows else earlier
    equal = _chosen(later, lambda of: (of.rows, of.high, of.low), missing)
    return (*earlier, *(equal or _chosen(later, lambda of: (of.rows,), missing) or ()))


def undecided(others: Sequence[OtherFile]) -> str:
    """Return why the expected rows are unknown."""
    later = sum(other.later for other in others)
    return (
        f"{later} files of the partition landed after this delivery, and Aceite cannot tell which the table holds: "
        f"at most {_LATER_AT_MOST} can be tried in every way. Validate it again when their pipelines have run, or let "
        "a column name the file of each row (partition_holds: {column: ...})"
    )


def total(own: Fingerprint, others: Sequence[OtherFile]) -> Fingerprint:
    for other in others:
        own += other.fingerprint
    return own


def _chosen(
    later: Sequence[OtherFile], by: Callable[[Fingerprint], tuple[int, ...]], missing: Fingerprint
) -> tuple[OtherFile, ...] | None:
    """Return a subset of these files with the missing sum. It looks up what one half lacks in the other half's sums."""
    half = len(later) // 2
    sums = {by(total(_NOTHING, choice)): choice for choice in _choices(later[half:])}
    for choice in _choices(later[:half]):
        rest = sums.get(by(missing - total(_NOTHING, choice)))
        if rest is not None:
            return (*choice, *rest)
    return None


_NOTHING = Fingerprint(0, 0, 0)


def _choices(files: Sequence[OtherFile]) -> Iterator[tuple[OtherFile, ...]]:
    for number in range(len(files) + 1):
        yield from combinations(files, number)


def files_named(contract: Contract, delivery: Delivery) -> tuple[str, ...]:
    """Return the values that mark the rows of this delivery, if a column of the table names the file of each row."""
    holds = contract.partition_holds
    if not isinstance(holds, NamedByColumn):
        return ()
    marks = (
        str(fill(holds.value, delivery, member, contract.template.read(member.key)[1]))
        for member in sorted(delivery.members)
    )
    return tuple(dict.fromkeys(marks))


def _lies_in(contract: Contract, landed: LandingObject, partition: Mapping[str, str]) -> bool:
    try:
        business_date, fields = contract.template.read(landed.key)
    except UnroutableKey:
        return False
    alone = Delivery(contract.dataset, business_date, (landed,), fields)
    return partition_values(contract, alone) == partition
