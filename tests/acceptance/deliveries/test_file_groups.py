"""Which objects belong together, and what is news of them."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from contract_texts import delivering, watched
from groups_seen import NOON, contract_of, delivered, group_of, landed, minutes, names, sees
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from acceptance.contract.contract import Contract, Count
from acceptance.deliveries.completeness import Complete, Incomplete, Need, Waiting, decide, mark_notified
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.file_groups import Group, GroupKey, Role, completed, group_prefix, locate, relisted
from acceptance.deliveries.landed_manifest import Entry
from acceptance.deliveries.routing import route, routes
from acceptance.errors import UnroutableKey

MARKED = contract_of("{complete: marker, marker: _SUCCESS}")
BY_REGION = contract_of("{complete: marker, marker: _SUCCESS}", "shop/{business_date:%Y%m%d}/{region}/{file}.csv")
BY_FILE = contract_of("{complete: marker, marker: '{file}.done'}")
LISTED = contract_of("{complete: manifest, manifest: 'manifest*.json'}")
COUNTED = contract_of("{complete: count, files: 2}")
IGNORING = contract_of("{complete: count, files: 2, resent: ignore}")
DAY = date(2025, 1, 1)
SINGLE = contract_of("{complete: single}")


def placed(contract, key: str) -> tuple[dict[str, str], Role]:
    group, role = locate(contract, key)
    assert (group.dataset, group.business_date) == ("orders", DAY)
    return dict(group.fields), role


@pytest.mark.parametrize(
    ("contract", "key", "fields", "role"),
    [
        (MARKED, "shop/20250101/a.csv", {}, Role.MEMBER),
        (MARKED, "shop/20250101/_SUCCESS", {}, Role.MARKER),
        (BY_REGION, "shop/20250101/br/a.csv", {"region": "br"}, Role.MEMBER),
        (BY_REGION, "shop/20250101/br/_SUCCESS", {"region": "br"}, Role.MARKER),
        (BY_FILE, "shop/20250101/a.csv", {"file": "a"}, Role.MEMBER),
        (BY_FILE, "shop/20250101/a.done", {"file": "a"}, Role.MARKER),
        (BY_FILE, "shop/20250101/a.csv.done", {"file": "a"}, Role.MARKER),
        (LISTED, "shop/20250101/manifest.json", {}, Role.MANIFEST),
        (LISTED, "shop/20250101/manifest-7.json", {}, Role.MANIFEST),
        (SINGLE, "shop/20250101/a.csv", {"file": "a"}, Role.MEMBER),
    ],
)
def test_a_key_is_a_member_a_marker_or_a_manifest_of_its_group(contract, key, fields, role) -> None:
    assert placed(contract, key) == (fields, role)


@pytest.mark.parametrize(
    "key", ["shop/20250101/_SUCCESS2", "shop/_SUCCESS", "shop/20250101/x/_SUCCESS", "shop/20250230/_SUCCESS"]
)
def test_a_marker_elsewhere_is_unroutable(key: str) -> None:
    with pytest.raises(UnroutableKey, match="orders: "):
        routes("landing", key, [MARKED])


def test_a_marker_is_no_file_of_data_even_where_a_file_may_have_any_name() -> None:
    contract = contract_of("{complete: marker, marker: '*.done'}", "shop/{business_date:%Y%m%d}/{file}")
    assert placed(contract, "shop/20250101/all.done") == ({}, Role.MARKER)
    assert placed(contract, "shop/20250101/all.don") == ({}, Role.MEMBER)


def test_one_marker_can_speak_for_several_datasets_in_a_folder() -> None:
    text = "{complete: marker, marker: _SUCCESS}"
    films = contract_of(text, "shop/{business_date:%Y%m%d}/films-{file}.csv")
    other = watched(delivering(text, "shop/{business_date:%Y%m%d}/{file}.txt").replace("id: orders\n", "id: other\n"))
    found = routes("landing", "shop/20250101/_SUCCESS", [films, other])
    assert [(each.group.dataset, each.role) for each in found] == [("orders", Role.MARKER), ("other", Role.MARKER)]
    assert [each.group.dataset for each in routes("landing", "shop/20250101/a.txt", [films, other])] == ["other"]


def test_a_marker_is_not_a_delivery() -> None:
    with pytest.raises(UnroutableKey, match="_SUCCESS is the marker of orders 2025-01-01, not one of its files"):
        route(landed("_SUCCESS"), [MARKED])


@pytest.mark.parametrize(
    ("contract", "fields", "prefix"),
    [
        (MARKED, (), "shop/20250101/"),
        (BY_REGION, (("region", "br"),), "shop/20250101/br/"),
        (BY_FILE, (("file", "a"),), "shop/20250101/a."),
        (SINGLE, (("file", "a"),), "shop/20250101/a.csv"),
        (contract_of("{complete: count, files: 9}", "shop/{business_date:%Y%m%d}_{file}.csv"), (), "shop/20250101_"),
        (contract_of("{complete: marker, marker: 'x{business_date:%Y%m%d}'}", "shop/{business_date:%Y%m%d}_{file}.csv"),
         (), "shop/"),
    ],
)  # fmt: skip
def test_a_group_lies_below_what_all_its_keys_start_with(contract, fields, prefix) -> None:
    assert group_prefix(contract, GroupKey("orders", DAY, fields)) == prefix


def test_groups_of_other_days_and_fields_have_other_ids() -> None:
    keys = [GroupKey("a", DAY), GroupKey("b", DAY), GroupKey("a", date(2025, 1, 2))]
    keys += [GroupKey("a", DAY, (("x", "1"),)), GroupKey("a", DAY, (("x", "1"), ("y", "1")))]
    assert len({key.id for key in keys}) == len(keys)
    assert keys[-1].title == "a 2025-01-01 x=1 y=1"


def test_what_is_known_already_changes_nothing() -> None:
    group = group_of(MARKED, landed("a.csv"), landed("_SUCCESS"))
    assert sees(group, MARKED, minutes(5), landed("a.csv"), landed("_SUCCESS"), gone=["other.csv"]) is group


def test_the_time_of_a_group_begins_with_its_first_file() -> None:
    group = sees(group_of(COUNTED, landed("a.csv")), COUNTED, minutes(5), landed("b.csv"))
    assert (group.opened_at, group.changed_at) == (NOON, minutes(5))


def test_files_that_went_leave_the_group_and_the_time_of_an_empty_group_ends() -> None:
    group = sees(group_of(MARKED, landed("a.csv"), landed("_SUCCESS")), MARKED, minutes(1), gone=["a.csv"])
    assert (list(group.members), group.signal, group.opened_at) == ([], landed("_SUCCESS"), NOON)
    group = sees(group, MARKED, minutes(2), gone=["_SUCCESS"])
    assert (group.signal, group.opened_at) == (None, None)


def test_a_listing_of_the_group_replaces_what_was_known_and_leaves_out_what_is_of_others() -> None:
    group = group_of(MARKED, landed("a.csv"), landed("b.csv"), landed("_SUCCESS"))
    strangers = [landed("readme.txt"), landed("shop/20250102/c.csv"), landed("shop/20250102/_SUCCESS")]
    listing = [landed("_SUCCESS"), landed("b.csv", "e2"), landed("c.csv"), *strangers]
    group = relisted(group, MARKED, listing, minutes(1))
    assert list(group.members.values()) == [landed("b.csv", "e2"), landed("c.csv")]
    assert (group.listed, group.changed_at) == (True, minutes(1))
    assert sees(group, MARKED, minutes(2), landed("c.csv")).listed
    assert not sees(group, MARKED, minutes(2), landed("d.csv")).listed


def test_a_file_that_is_put_again_with_its_bytes_is_an_amendment_unless_it_is_to_be_ignored() -> None:
    for contract, news in ((COUNTED, True), (IGNORING, False)):
        group, _ = delivered(group_of(contract, landed("a.csv"), landed("b.csv")), contract, NOON)
        again = sees(group, contract, minutes(1), landed("a.csv", second=60))
        assert (again.opened_at is not None) is news
        assert isinstance(decide(again, contract, minutes(1)), Complete) is news
        assert sees(again, contract, minutes(2), landed("a.csv", "e2", second=120)).opened_at is not None


def test_a_file_that_was_deleted_and_put_again_with_its_bytes_can_be_ignored() -> None:
    group, _ = delivered(group_of(IGNORING, landed("a.csv"), landed("b.csv")), IGNORING, NOON)
    group = sees(group, IGNORING, minutes(1), gone=["a.csv"])
    assert sees(group, IGNORING, minutes(2), landed("a.csv", second=120)).opened_at is None


def test_a_group_can_be_written_down_and_read_again() -> None:
    group, _ = delivered(group_of(MARKED, landed("é.csv"), landed("_SUCCESS")), MARKED, NOON)
    group = sees(group, MARKED, minutes(3), landed("b.csv"))
    stored = TypeAdapter(Group)
    assert stored.validate_json(stored.dump_json(group)) == group


FILES = st.lists(
    st.tuples(st.sampled_from([f"{name}.csv" for name in "abcdefg"]), st.sampled_from(["e1", "e2"])),
    min_size=1,
    unique_by=lambda file: file[0],
)


@given(files=FILES, data=st.data())
@pytest.mark.parametrize("contract", [MARKED, contract_of("{complete: quiet, quiet_for: 1m}")], ids=["marker", "quiet"])
def test_the_order_in_which_files_come_does_not_change_the_delivery(contract, files, data) -> None:
    there = [landed(name, etag) for name, etag in files]
    deliveries = []
    for label in ("one order", "another order"):
        objects = data.draw(st.permutations(there + ([landed("_SUCCESS")] if contract.signal else [])), label=label)
        group = Group(GroupKey("orders", DAY))
        for number, each in enumerate(objects):
            group = sees(group, contract, minutes(number / 10), each)
        deliveries.append(delivered(group, contract, minutes(9))[1])
    one, other = deliveries
    assert (one.id, one.revision, one.members) == (other.id, other.revision, other.members)
    assert names(one) == sorted(name for name, _ in files)


@given(files=FILES, data=st.data())
def test_however_a_listing_is_cut_into_pages_a_counted_delivery_is_the_same(files, data) -> None:
    contract = replace(COUNTED, completion=Count(len(files), timedelta(hours=2)))
    there = [landed(name, etag) for name, etag in files]
    whole = decide(group_of(contract, *there), contract, NOON)
    group = Group(GroupKey("orders", DAY))
    rest = list(data.draw(st.permutations(there), label="order"))
    while rest:
        size = data.draw(st.integers(1, len(rest)), label="page")
        assert not isinstance(decide(group, contract, NOON), Complete)
        group, rest = sees(group, contract, NOON, *rest[:size]), rest[size:]
    assert decide(group, contract, NOON) == whole


def test_the_delivery_of_a_single_file_is_that_of_its_route() -> None:
    file = landed("a.csv")
    assert delivered(group_of(SINGLE, file), SINGLE, NOON)[1] == route(file, [SINGLE])


def test_the_fields_of_a_delivery_are_those_of_its_first_file() -> None:
    _, delivery = delivered(group_of(COUNTED, landed("b.csv"), landed("a.csv")), COUNTED, NOON)
    assert delivery.fields == {"file": "a"}
    assert delivery.title == "orders 2025-01-01 a.csv and 1 more"


CONTRACTS = [
    SINGLE,
    MARKED,
    LISTED,
    COUNTED,
    IGNORING,
    contract_of("{complete: quiet, quiet_for: 1m}"),
    contract_of("{complete: marker, marker: '*.done', resent: ignore}"),
]
HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(["a.csv", "b.csv", "c.csv", "_SUCCESS", "x.done", "manifest.json"]),
        st.sampled_from(["put", "same bytes", "delete"]),
        st.integers(0, 130),  # minutes that go by before it
    ),
    max_size=20,
)


class Watcher:
    """Sees every change of a bucket, asks for what is needed, and keeps what came of it."""

    def __init__(self, contract: Contract, listed: tuple[Entry, ...]) -> None:
        self.contract, self.listed, self.now = contract, listed, NOON
        self.bucket: dict[str, LandingObject] = {}
        self.groups: dict[GroupKey, Group] = {}
        self.deliveries: list[Delivery] = []
        self.told_of: set[GroupKey] = set()

    def happens(self, number: int, name: str, what: str) -> None:
        before = self.bucket.pop(landed(name).key, None)
        if what != "delete":
            etag = before.etag if before and what == "same bytes" else f"e{number}"
            self.bucket[landed(name).key] = landed(name, etag, second=number)
        try:
            key, _ = locate(self.contract, landed(name).key)
        except UnroutableKey:
            return
        there = [self.bucket[landed(name).key]] if what != "delete" else []
        group = self.groups.get(key, Group(key))
        self.groups[key] = sees(group, self.contract, self.now, *there, gone=[] if there else [name])

    def ticks(self, later: float) -> None:
        self.now += timedelta(minutes=later)
        for group in list(self.groups.values()):
            self.groups[group.key] = self.after(group, self.found(group))

    def found(self, group: Group) -> tuple[Group, Complete | Waiting | Incomplete]:
        answers: dict[str, Any] = {}
        for _ in Need:
            found = decide(group, self.contract, self.now, **answers)
            if not isinstance(found, Waiting) or not found.needs:
                return group, found
            answers |= {"manifest": self.listed, "uploads": ()}
            if Need.LISTING in found.needs:
                group = relisted(group, self.contract, self.bucket.values(), self.now)
        raise AssertionError(f"all that is needed was given, and still {found}")

    def after(self, before: Group, decided: tuple[Group, Complete | Waiting | Incomplete]) -> Group:
        group, found = decided
        if isinstance(found, Incomplete):
            self.told_of.add(group.key)
            return mark_notified(group, found)
        if isinstance(found, Waiting):
            return group
        if found.delivery.members != before.delivered:
            assert found.delivery.revision == before.revision + 1
            self.deliveries.append(found.delivery)
        return completed(group, self.contract, found.delivery, self.now)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: type(contract.completion).__name__)
@given(happenings=HAPPENINGS, listed=st.sets(st.sampled_from("abc"), min_size=1))
def test_whatever_happens_a_file_that_stays_is_delivered_or_told_of_and_nothing_is_delivered_twice(
    contract: Contract, happenings: list[tuple[str, str, int]], listed: set[str]
) -> None:
    watcher = Watcher(contract, tuple(Entry(f"shop/20250101/{name}.csv") for name in sorted(listed)))
    for number, (name, what, later) in enumerate(happenings):
        watcher.ticks(later)
        watcher.happens(number, name, what)
    for later in (0, 2, 118, 2, 120):
        watcher.ticks(later)
    assert len(watcher.deliveries) == len({delivery.id for delivery in watcher.deliveries})
    for key, group in watcher.groups.items():
        assert set(group.members.values()) <= set(watcher.bucket.values())
        assert set(group.members.values()) <= set(group.delivered) or key in watcher.told_of
