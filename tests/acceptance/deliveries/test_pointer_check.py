"""A pointer is anybody's words: it is obeyed if its keys give what it says, and S3 lists what it names."""

from collections.abc import Mapping
from typing import Any

import pytest
from builders import a_contract
from groups_seen import FOLDER, contract_of, landed

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.pointer import DeliveryPointer, read_event_id, read_pointer, read_pointers
from acceptance.deliveries.pointer_check import delivery_of_keys, refuse_other_versions
from acceptance.deliveries.routing import route
from acceptance.errors import PointerRefused

DAILY = contract_of("{complete: single}", "shop/{business_date:%Y%m%d}/{region}/{file}.csv")
MARKED = contract_of("{complete: marker, marker: _SUCCESS}", "shop/{business_date:%Y%m%d}/{region}/{file}.csv")
OTHER = a_contract("other")
KEY = f"{FOLDER}north/a.csv"


def pointer_of(*objects: LandingObject, contract: Contract = DAILY) -> dict[str, Any]:
    """The pointer that the watcher would send."""
    made = route(objects[0], [contract])
    delivery = Delivery(made.dataset, made.business_date, objects, made.fields)
    return DeliveryPointer.to(delivery).model_dump(mode="json")


def told(said: Mapping[str, Any], contract: Contract = DAILY) -> Delivery:
    return delivery_of_keys(read_pointer(said), contract, [contract, OTHER])


def member(**changed: Any) -> dict[str, Any]:
    """A pointer whose object differs, with the id and the fields that this object gives it."""
    true = pointer_of(landed(KEY))
    made = DeliveryPointer.model_validate({**true, "members": [true["members"][0] | changed]})
    return {**made.model_dump(mode="json"), "id": made.delivery().id}


def test_what_the_watcher_announces_is_obeyed() -> None:
    files = landed(KEY), landed(f"{FOLDER}north/b.csv", "e2", second=1)
    assert told(pointer_of(files[0])) == route(files[0], [DAILY])
    assert told(pointer_of(*files, contract=MARKED), MARKED).members == files


TRUE = pointer_of(landed(KEY))
FORGED = {
    "another bucket": (member(bucket="payroll"), "no contract has files in the bucket payroll"),
    "a key of no contract": (member(key="hr/salaries.csv"), "fits no contract"),
    "a path that leads elsewhere": (member(key=f"{FOLDER}../../hr/salaries.csv"), "fits no contract"),
    "a key of another contract": (member(key="other/20250101/a.csv"), "is no file of"),
    "another date": (TRUE | {"business_date": "2026-01-01"}, "business date 2026-01-01, but its objects give 2025"),
    "another field": (TRUE | {"fields": {"region": "../x", "file": "a"}}, "has the fields"),
    "a field too few": (TRUE | {"fields": {"file": "a"}}, "has the fields"),
    "a field too many": (TRUE | {"fields": TRUE["fields"] | {"more": "x"}}, "has the fields"),
    "the id of another delivery": (TRUE | {"id": "f" * 20}, f"has the id {'f' * 20}, but"),
    "a time in another zone": (member(last_modified="2025-01-02T14:00:00+02:00"), "no time of a listing"),
    "a time without a zone": (member(last_modified="2025-01-02T12:00:00"), "no time of a listing"),
    "a time between seconds": (member(last_modified="2025-01-02T12:00:00.5Z"), "no time of a listing"),
    "two files where one is a delivery": (pointer_of(landed(KEY), landed(f"{FOLDER}north/b.csv")), "is one file"),
    "a file twice": (TRUE | {"members": TRUE["members"] * 2}, "names an object twice"),
    "no file": (TRUE | {"members": []}, "no pointer to a delivery: members"),
    "a revision that never was": (TRUE | {"revision": 0}, "no pointer to a delivery: revision"),
    "no pointer": ("s3://landing/x", "no pointer to a delivery: the whole"),
    "nothing": (None, "no pointer to a delivery"),
    "a block": (TRUE | {"fields": {"$ref": {"block_document_id": "x"}}}, "no pointer to a delivery: fields"),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_pointer_is_refused_in_words_if_its_keys_do_not_give_what_it_says(forged: str) -> None:
    said, why = FORGED[forged]
    with pytest.raises(PointerRefused, match=why):
        told(said)


def test_files_of_several_deliveries_or_a_marker_make_no_delivery() -> None:
    elsewhere = pointer_of(landed(KEY), landed(f"{FOLDER}south/b.csv"), contract=MARKED)
    with pytest.raises(PointerRefused, match="files of several deliveries"):
        told(elsewhere, MARKED)
    with pytest.raises(PointerRefused, match="it is the marker of"):
        told(
            pointer_of(landed(KEY), contract=MARKED) | {"members": member(key=f"{FOLDER}north/_SUCCESS")["members"]},
            MARKED,
        )


def test_many_are_of_one_dataset_each_once_and_no_more_than_a_run_judges() -> None:
    for said, why in (
        ([], "no list of 1 to 200"),
        ({"0": TRUE}, "no list of 1 to 200"),
        ([TRUE] * 201, "no list of 1 to 200"),
        ([TRUE, TRUE], "names a delivery twice"),
        ([TRUE, TRUE | {"dataset": "other", "id": "x"}], "deliveries of one dataset"),
    ):
        with pytest.raises(PointerRefused, match=why):
            read_pointers(said)


def test_an_event_is_named_by_its_id() -> None:
    assert read_event_id(None) is None
    with pytest.raises(PointerRefused, match="event_id"):
        read_event_id({"id": "x"})


@pytest.mark.parametrize("changed", [{"etag": "e2"}, {"size": 11}, {"second": 1}, None], ids=str)
def test_another_version_than_the_one_that_is_there_is_refused(changed: dict[str, Any] | None) -> None:
    delivery = told(TRUE)
    there = {} if changed is None else {KEY: landed(KEY, **changed)}
    with pytest.raises(PointerRefused, match="is not there" if changed is None else "is not the version"):
        refuse_other_versions(delivery, DAILY, there)
    refuse_other_versions(delivery, DAILY, {KEY: landed(KEY)})


def test_bytes_that_are_sent_again_are_the_same_delivery_where_the_contract_says_so() -> None:
    ignoring = contract_of("{complete: single, resent: ignore}", DAILY.template.pattern)
    refuse_other_versions(told(TRUE), ignoring, {KEY: landed(KEY, second=1)})
    for there in (landed(KEY, "e2", second=1), landed(KEY, second=-1)):
        with pytest.raises(PointerRefused, match="is not the version"):
            refuse_other_versions(told(TRUE), ignoring, {KEY: there})
