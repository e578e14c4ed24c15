"""A delivery of which no run could be told is told to people, with what it has, what is allowed and what to do."""

from dataclasses import replace

import pytest
from groups_seen import (
    FOLDER,
    NOON,
    contract_of,
    delivered,
    group_of,
    landed,
    minutes,
    relists,
    sees,
    tells,
    the_delivery,
)

from acceptance.announcing.delivery_events import incomplete
from acceptance.contract.contract import Contract
from acceptance.deliveries.completeness import Incomplete, Waiting, decide
from acceptance.deliveries.delivery import LandingObject
from acceptance.deliveries.file_groups import Group
from acceptance.deliveries.landed_manifest import Entry

MARKED = contract_of("{complete: marker, marker: _SUCCESS, within: 2h}")
LISTED = contract_of("{complete: manifest, manifest: manifest.json, within: 2h}")
COUNTED = contract_of("{complete: count, files: 4000, within: 2h}")
QUIET = contract_of("{complete: quiet, quiet_for: 5m, within: 2h}")
MD5 = "d41d8cd98f00b204e9800998ecf8427e"
SUCCESS, MANIFEST = landed("_SUCCESS"), landed("manifest.json")


def parts(number: int) -> list[LandingObject]:
    return [landed(f"part-{each:05}.csv", MD5, 10_000) for each in range(number)]


def is_told(group: Group, contract: Contract) -> Incomplete:
    """What is said of the group an hour later, when all that S3 must be asked was asked."""
    entries = [Entry(key) for key in group.members]
    found = decide(relists(group, contract, NOON), contract, minutes(60), uploads=(), manifest=entries)
    assert isinstance(found, Incomplete), found
    return found


@pytest.mark.parametrize(
    ("contract", "signals"), [(MARKED, [SUCCESS]), (LISTED, [MANIFEST]), (COUNTED, []), (QUIET, [])]
)
def test_a_delivery_of_4000_files_is_told_at_once_with_its_size_the_limit_and_what_to_do(contract, signals) -> None:
    group = group_of(contract, *parts(4_000), *signals)
    found = is_told(group, contract)
    assert found.why == (
        "the list of 4,000 files has 608,133 bytes; Prefect accepts 523,264 for a run, which is about 3,441 "
        "such files: send fewer and larger files, or split the delivery"
    )
    assert (found.missing, found.overdue) == ((), False)
    draft = incomplete(group, contract, found)
    assert draft.name == "delivery.incomplete"
    assert found.why in draft.payload["message"]["body"]


def test_it_is_told_once_and_again_only_when_its_files_are_others() -> None:
    group = relists(group_of(MARKED, *parts(4_000), SUCCESS), MARKED, NOON)
    group, first = tells(group, MARKED, NOON)
    assert decide(group, MARKED, minutes(1)) == Waiting(first.why)
    assert decide(group, MARKED, minutes(600)) == Waiting(first.why), "nor when the deadline has passed"
    group = relists(sees(group, MARKED, minutes(601), landed("one-more.csv")), MARKED, minutes(601))
    _, second = tells(group, MARKED, minutes(601))
    assert "the list of 4,001 files" in second.why


def test_once_there_are_fewer_files_it_is_a_delivery() -> None:
    group, _ = tells(relists(group_of(MARKED, *parts(4_000), SUCCESS), MARKED, NOON), MARKED, NOON)
    gone = [each.file for each in parts(4_000)]
    group = sees(group, MARKED, minutes(5), landed("merged.csv"), gone=gone)
    _, delivery = delivered(group, MARKED, minutes(5))
    assert (delivery.revision, [each.key for each in delivery.members]) == (1, [FOLDER + "merged.csv"])


def test_a_delivery_that_grows_too_large_keeps_its_revisions_so_far() -> None:
    group, first = delivered(group_of(MARKED, *parts(2_000), SUCCESS), MARKED, NOON)
    grown = relists(sees(group, MARKED, minutes(1), *parts(4_000)), MARKED, minutes(1))
    grown, _ = tells(grown, MARKED, minutes(1))
    assert (grown.revision, grown.delivered) == (1, first.members)
    less = [each.file for each in parts(4_000)[3_000:]]
    _, second = delivered(sees(grown, MARKED, minutes(2), gone=less), MARKED, minutes(2))
    assert (second.revision, len(second.members)) == (2, 3_000)


def test_what_counts_is_the_size_of_the_list_and_not_the_number_of_files() -> None:
    long_keys = [landed("k" * 990 + f"{each:04}.csv", MD5) for each in range(600)]
    assert "the list of 600 files" in is_told(group_of(QUIET, *long_keys), QUIET).why
    short = replace(relists(group_of(QUIET, *parts(3_400)), QUIET, NOON), listed=True)
    assert len(the_delivery(decide(short, QUIET, minutes(60), uploads=())).members) == 3_400
