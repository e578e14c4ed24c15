"""Routing: the dataset, business date and role of a landed object."""

from collections.abc import Sequence
from dataclasses import dataclass

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.file_groups import GroupKey, Role, locate
from acceptance.errors import UnroutableKey

_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Route:
    """The group that a key belongs to, as a member, marker or manifest."""

    contract: Contract
    group: GroupKey
    role: Role


def routes(bucket: str, key: str, contracts: Sequence[Contract]) -> tuple[Route, ...]:
    """Return the routes of a key, at least one. It can be the signal of several groups, but a member of one only.

    Raises UnroutableKey with the reasons of the nearest contracts.
    """
    matches: list[Route] = []
    misfits: list[tuple[int, str]] = []
    for contract in contracts:
        if contract.template.bucket != bucket:
            continue
        try:
            matches.append(Route(contract, *locate(contract, key)))
        except UnroutableKey as error:
            misfits.append((-contract.template.fitting(key), f"{contract.dataset}: {error}"))
    claims = sorted({route.contract.dataset for route in matches if route.role is Role.MEMBER})
    if len(claims) > 1:
        raise UnroutableKey(f"s3://{bucket}/{key} fits more than one contract: {', '.join(claims)}")
    if not matches:
        raise UnroutableKey(_why_unroutable(bucket, key, misfits))
    return tuple(matches)


def route(landed: LandingObject, contracts: Sequence[Contract]) -> Delivery:
    """Return the delivery of this single object. Raise UnroutableKey as `routes` does, and for a signal."""
    matches = routes(landed.bucket, landed.key, contracts)
    for match in matches:
        if match.role is Role.MEMBER:
            business_date, fields = match.contract.template.read(landed.key)
            return Delivery(match.contract.dataset, business_date, (landed,), fields)
    raise UnroutableKey(f"{landed.uri} is the {matches[0].role} of {matches[0].group.title}, not one of its files")


def watched_locations(contracts: Sequence[Contract]) -> tuple[tuple[str, str], ...]:
    """Return the (bucket, prefix) pairs that list each key of every contract once: none lies inside another."""
    locations: list[tuple[str, str]] = []
    for bucket, prefix in sorted({(contract.template.bucket, contract.template.prefix) for contract in contracts}):
        if not any(bucket == other and prefix.startswith(outer) for other, outer in locations):
            locations.append((bucket, prefix))
    return tuple(locations)


def _why_unroutable(bucket: str, key: str, misfits: Sequence[tuple[int, str]]) -> str:
    if not misfits:
        return f"s3://{bucket}/{key} fits no contract: no contract has files in the bucket {bucket}"
    nearest = [reason for depth, reason in sorted(misfits) if depth == min(misfits)[0]]
    more = f"; and {len(nearest) - _MOST_SHOWN} more" if len(nearest) > _MOST_SHOWN else ""
    return f"s3://{bucket}/{key} fits no contract. {'; '.join(nearest[:_MOST_SHOWN])}{more}"
