"""Which dataset and business date a landed object belongs to."""

from collections.abc import Sequence

from acceptance.contract import Contract
from acceptance.delivery import Delivery, LandingObject
from acceptance.errors import UnroutableKey

_MOST_SHOWN = 3


def route(landed: LandingObject, contracts: Sequence[Contract]) -> Delivery:
    """The delivery that the object makes up. Raises UnroutableKey with what does not fit those that came near."""
    found: dict[str, Delivery] = {}
    misfits: list[tuple[int, str]] = []
    for contract in contracts:
        if contract.template.bucket != landed.bucket:
            continue
        try:
            business_date, fields = contract.template.read(landed.key)
        except UnroutableKey as error:
            misfits.append((-contract.template.fitting(landed.key), f"{contract.dataset}: {error}"))
        else:
            found[contract.dataset] = Delivery(contract.dataset, business_date, (landed,), fields)
    if len(found) > 1:
        raise UnroutableKey(f"{landed.uri} fits more than one contract: {', '.join(sorted(found))}")
    for delivery in found.values():
        return delivery
    if not misfits:
        raise UnroutableKey(f"{landed.uri} fits no contract: none is watched in the bucket {landed.bucket}")
    nearest = [reason for depth, reason in sorted(misfits) if depth == min(misfits)[0]]
    more = f"; and {len(nearest) - _MOST_SHOWN} more" if len(nearest) > _MOST_SHOWN else ""
    raise UnroutableKey(f"{landed.uri} fits no contract. {'; '.join(nearest[:_MOST_SHOWN])}{more}")


def watched_locations(contracts: Sequence[Contract]) -> tuple[tuple[str, str], ...]:
    """The (bucket, prefix) pairs to list so that each key of every contract is seen once: none lies inside another."""
    locations: list[tuple[str, str]] = []
    for bucket, prefix in sorted({(contract.template.bucket, contract.template.prefix) for contract in contracts}):
        if not any(bucket == other and prefix.startswith(outer) for other, outer in locations):
            locations.append((bucket, prefix))
    return tuple(locations)
