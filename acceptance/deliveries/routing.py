"""Which dataset and business date a landed object belongs to, and as what."""

from collections.abc import Sequence
from dataclasses import dataclass

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.file_groups import GroupKey, Role, place
from acceptance.errors import UnroutableKey

_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Route:
    """A key is a member of this group, or its marker or manifest."""

    contract: Contract
    group: GroupKey
    role: Role


def routes(bucket: str, key: str, contracts: Sequence[Contract]) -> tuple[Route, ...]:
    """What a key is: at least one thing. It can be the signal of several groups, but a member of one only.

    Raises UnroutableKey with what does not fit those contracts that came near.
    """
    found: list[Route] = []
    misfits: list[tuple[int, str]] = []
    for contract in contracts:
        if contract.template.bucket != bucket:
            continue
        try:
            found.append(Route(contract, *place(contract, key)))
        except UnroutableKey as error:
            misfits.append((-contract.template.fitting(key), f"{contract.dataset}: {error}"))
    claims = sorted({route.contract.dataset for route in found if route.role is Role.MEMBER})
    if len(claims) > 1:
        raise UnroutableKey(f"s3://{bucket}/{key} fits more than one contract: {', '.join(claims)}")
    if not found:
        raise UnroutableKey(_why_nobodys(bucket, key, misfits))
    return tuple(found)


def route(landed: LandingObject, contracts: Sequence[Contract]) -> Delivery:
    """The delivery that the object makes up alone. Raises UnroutableKey as `routes` does, and for a signal."""
    found = routes(landed.bucket, landed.key, contracts)
    for each in found:
        if each.role is Role.MEMBER:
            business_date, fields = each.contract.template.read(landed.key)
            return Delivery(each.contract.dataset, business_date, (landed,), fields)
    raise UnroutableKey(f"{landed.uri} is the {found[0].role} of {found[0].group.title}, and no file of it")


def watched_locations(contracts: Sequence[Contract]) -> tuple[tuple[str, str], ...]:
    """The (bucket, prefix) pairs to list so that each key of every contract is seen once: none lies inside another."""
    locations: list[tuple[str, str]] = []
    for bucket, prefix in sorted({(contract.template.bucket, contract.template.prefix) for contract in contracts}):
        if not any(bucket == other and prefix.startswith(outer) for other, outer in locations):
            locations.append((bucket, prefix))
    return tuple(locations)


def _why_nobodys(bucket: str, key: str, misfits: Sequence[tuple[int, str]]) -> str:
    if not misfits:
        return f"s3://{bucket}/{key} fits no contract: none is watched in the bucket {bucket}"
    nearest = [reason for depth, reason in sorted(misfits) if depth == min(misfits)[0]]
    more = f"; and {len(nearest) - _MOST_SHOWN} more" if len(nearest) > _MOST_SHOWN else ""
    return f"s3://{bucket}/{key} fits no contract. {'; '.join(nearest[:_MOST_SHOWN])}{more}"
