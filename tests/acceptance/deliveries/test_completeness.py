"""When a group of files is a delivery, and what people are told when it is not."""

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
    names,
    relists,
    sees,
    tells,
    the_delivery,
)

from acceptance.announcing.delivery_events import MOST_KEYS, incomplete
from acceptance.deliveries.completeness import Complete, Incomplete, Need, Waiting, deadline, decide, mark_notified
from acceptance.deliveries.file_groups import completed, relisted
from acceptance.deliveries.landed_manifest import DigestOf, Entry, Unreadable

SINGLE = contract_of("{complete: single}")
MARKED = contract_of("{complete: marker, marker: _SUCCESS, within: 2h}")
BY_FILE = contract_of("{complete: marker, marker: '{file}.done', within: 2h}")
LISTED = contract_of("{complete: manifest, manifest: 'manifest*.json', within: 2h}")
COUNTED = contract_of("{complete: count, files: 2, within: 2h}")
NUMBERED = contract_of(
    "{complete: count, files: '{total}', within: 2h}", "shop/{business_date:%Y%m%d}/{file}_of_{total}.csv"
)
QUIET = contract_of("{complete: quiet, quiet_for: 5m, at_least: 2, within: 2h}")

A, B, C, SUCCESS, MANIFEST = map(landed, ("a.csv", "b.csv", "c.csv", "_SUCCESS", "manifest.json"))
MD5, SHA256 = "0" * 32, "1" * 64


def entries(*names: str) -> tuple[Entry, ...]:
    return tuple(Entry(FOLDER + name) for name in names)


# one file


def test_a_single_file_is_a_delivery_at_once_and_a_replaced_one_is_amended() -> None:
    group, first = delivered(group_of(SINGLE, A), SINGLE, NOON)
    assert (first.revision, first.members, deadline(group, SINGLE)) == (1, (A,), None)
    assert decide(group, SINGLE, minutes(1)) == Waiting("nothing has landed since the last delivery")
    replaced = landed("a.csv", "e2")
    _, second = delivered(sees(group, SINGLE, minutes(2), replaced), SINGLE, minutes(2))
    assert (second.revision, second.members) == (2, (replaced,))
    assert second.id != first.id


# marker


def test_a_marked_group_is_listed_after_the_marker_was_seen_and_its_files_are_those_of_that_listing() -> None:
    group = group_of(MARKED, A, B)
    assert decide(group, MARKED, minutes(1)) == Waiting("no marker has landed; files landed: 2", missing=(SUCCESS.key,))
    group = sees(group, MARKED, minutes(2), SUCCESS)
    found = decide(group, MARKED, minutes(2))
    assert isinstance(found, Waiting)
    assert found.needs == (Need.LISTING,)
    group = relisted(group, MARKED, [SUCCESS, B, C], minutes(3))  # meanwhile one went and one came
    assert the_delivery(decide(group, MARKED, minutes(3))).members == (B, C)


def test_a_listing_from_before_the_marker_does_not_count() -> None:
    group = relists(group_of(MARKED, A), MARKED, minutes(1))
    found = decide(sees(group, MARKED, minutes(2), SUCCESS), MARKED, minutes(2))
    assert isinstance(found, Waiting)
    assert found.needs == (Need.LISTING,)


def test_a_marker_that_went_before_the_listing_completes_nothing() -> None:
    group = relisted(group_of(MARKED, A, SUCCESS), MARKED, [A], minutes(1))
    assert decide(group, MARKED, minutes(1)) == Waiting("no marker has landed; files landed: 1", missing=(SUCCESS.key,))


def test_a_marker_without_a_file_is_told_at_once_and_once() -> None:
    group = relists(group_of(MARKED, SUCCESS), MARKED, NOON)
    group, finding = tells(group, MARKED, NOON)
    assert finding.missing == ("shop/20250101/{file}.csv",)
    assert finding.why == "the marker s3://landing/shop/20250101/_SUCCESS has landed, but no file that it covers"
    assert not finding.overdue
    assert isinstance(decide(group, MARKED, minutes(500)), Waiting)
    again = relists(sees(group, MARKED, minutes(1), landed("_SUCCESS", "e2")), MARKED, minutes(1))
    assert isinstance(decide(again, MARKED, minutes(1)), Incomplete), "a new marker is a new statement"
    late = relists(sees(group, MARKED, minutes(1), A), MARKED, minutes(1))
    assert the_delivery(decide(late, MARKED, minutes(1))).members == (A,)


def test_a_late_file_makes_an_amended_delivery_with_all_files_that_are_there() -> None:
    group, first = delivered(group_of(MARKED, A, B, SUCCESS), MARKED, NOON)
    group, second = delivered(sees(group, MARKED, minutes(9), C, gone=["a.csv"]), MARKED, minutes(9))
    assert (first.revision, names(first)) == (1, ["a.csv", "b.csv"])
    assert (second.revision, names(second)) == (2, ["b.csv", "c.csv"])
    _, third = delivered(sees(group, MARKED, minutes(10), landed("b.csv", "e2")), MARKED, minutes(10))
    assert (third.revision, names(third)) == (3, ["b.csv", "c.csv"])


def test_files_that_are_cleaned_up_and_a_marker_put_again_are_no_news() -> None:
    group, _ = delivered(group_of(MARKED, A, B, SUCCESS), MARKED, NOON)
    fewer = sees(group, MARKED, minutes(1), landed("_SUCCESS", second=60), gone=["a.csv"])
    assert (fewer.opened_at, decide(fewer, MARKED, minutes(900))) == (
        None,
        Waiting("nothing has landed since the last delivery"),
    )


def test_a_marker_put_again_when_all_files_are_gone_is_told() -> None:
    group, _ = delivered(group_of(MARKED, A, SUCCESS), MARKED, NOON)
    group = sees(group, MARKED, minutes(1), landed("_SUCCESS", second=60), gone=["a.csv"])
    assert isinstance(decide(relists(group, MARKED, minutes(1)), MARKED, minutes(1)), Incomplete)


def test_each_file_can_have_a_marker_of_its_own() -> None:
    group = group_of(BY_FILE, A)
    _, finding = tells(group, BY_FILE, minutes(120))
    assert finding.missing == ("shop/20250101/a.done",)
    _, delivery = delivered(sees(group, BY_FILE, minutes(1), landed("a.done")), BY_FILE, minutes(1))
    assert names(delivery) == ["a.csv"]


# deadline


def test_a_group_that_is_not_complete_at_its_deadline_is_told_once_with_what_is_missing() -> None:
    group = sees(group_of(MARKED, A), MARKED, minutes(100), B)
    assert deadline(group, MARKED) == minutes(120)
    assert isinstance(decide(group, MARKED, minutes(119)), Waiting)
    group, finding = tells(group, MARKED, minutes(120))
    assert finding == Incomplete(("shop/20250101/_SUCCESS",), "no marker has landed; files landed: 2", overdue=True)
    group = sees(group, MARKED, minutes(130), C)
    assert isinstance(decide(group, MARKED, minutes(900)), Waiting)


def test_a_group_that_was_told_of_is_a_delivery_when_the_rest_comes_late() -> None:
    group, _ = tells(group_of(MARKED, A), MARKED, minutes(120))
    group, delivery = delivered(sees(group, MARKED, minutes(200), SUCCESS), MARKED, minutes(200))
    assert delivery.revision == 1
    assert not group.overdue


def test_an_amendment_has_a_deadline_of_its_own() -> None:
    group, _ = tells(group_of(MARKED, A), MARKED, minutes(120))
    group, _ = delivered(sees(group, MARKED, minutes(200), SUCCESS), MARKED, minutes(200))
    group = sees(group, MARKED, minutes(300), B, gone=["_SUCCESS"])
    assert deadline(group, MARKED) == minutes(420)
    assert isinstance(decide(group, MARKED, minutes(419)), Waiting)
    assert isinstance(decide(group, MARKED, minutes(420)), Incomplete)


# manifest


def test_a_manifest_is_read_and_its_files_make_the_delivery() -> None:
    group = group_of(LISTED, A, MANIFEST)
    found = decide(group, LISTED, NOON)
    assert isinstance(found, Waiting)
    assert found.needs == (Need.MANIFEST,)
    read = entries("a.csv", "b.csv")
    assert decide(group, LISTED, minutes(1), manifest=read) == Waiting(
        "files that have not landed: 1 of the 2 in the manifest", missing=(B.key,)
    )
    group = sees(group, LISTED, minutes(2), B)
    assert the_delivery(decide(group, LISTED, minutes(2), manifest=read)).members == (A, B)


def test_at_the_deadline_the_files_that_a_manifest_lists_and_that_did_not_come_are_named() -> None:
    found = decide(group_of(LISTED, A, MANIFEST), LISTED, minutes(120), manifest=entries("a.csv", "b.csv", "c.csv"))
    assert found == Incomplete((B.key, C.key), "files that have not landed: 2 of the 3 in the manifest", overdue=True)
    assert decide(group_of(LISTED, A), LISTED, minutes(120)) == Incomplete(
        ("shop/20250101/manifest*.json",), "no manifest has landed; files landed: 1", overdue=True
    )


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (Entry(A.key, size=11), "shop/20250101/a.csv has 10 bytes, the manifest says 11"),
        (Entry(A.key, etag="e2"), "shop/20250101/a.csv has the etag e1, the manifest says e2"),
    ],
)
def test_a_file_that_is_not_as_the_manifest_says_is_named(entry: Entry, why: str) -> None:
    group = group_of(LISTED, A, B, MANIFEST)
    read = (entry, Entry(B.key, size=10, etag="E1"))
    assert decide(group, LISTED, minutes(1), manifest=read) == Waiting(why, missing=(A.key,))
    assert decide(group, LISTED, minutes(120), manifest=read) == Incomplete((A.key,), why, overdue=True)
    right = sees(group, LISTED, minutes(3), replace(A, etag="e2", size=entry.size or 10))
    assert the_delivery(decide(right, LISTED, minutes(3), manifest=read)).revision == 1


def test_checksums_are_verified_on_the_bytes_when_all_files_are_there() -> None:
    read = (Entry(A.key, md5=MD5, sha256=SHA256), Entry(B.key))
    group = group_of(LISTED, A, MANIFEST)
    assert isinstance(decide(group, LISTED, NOON, manifest=read), Waiting)
    group = sees(group, LISTED, minutes(1), B)
    asked = (DigestOf(A, "md5"), DigestOf(A, "sha256"))
    found = decide(group, LISTED, minutes(1), manifest=read)
    assert isinstance(found, Waiting)
    assert (found.needs, found.digests) == ((Need.DIGESTS,), asked)
    right = dict(zip(asked, (MD5, SHA256), strict=True))
    assert the_delivery(decide(group, LISTED, minutes(1), manifest=read, digests=right)).members == (A, B)
    wrong = right | {asked[1]: "2" * 64}
    found = decide(group, LISTED, minutes(120), manifest=read, digests=wrong)
    assert isinstance(found, Incomplete)
    assert found.missing == (A.key,)
    assert found.why == f"{A.key} has sha256 {'2' * 64}, the manifest says {SHA256}"


def test_an_etag_that_is_the_md5_verifies_it() -> None:
    file = landed("a.csv", etag=MD5)
    found = decide(group_of(LISTED, file, MANIFEST), LISTED, NOON, manifest=(Entry(file.key, md5=MD5),))
    assert the_delivery(found).members == (file,)


@pytest.mark.parametrize(
    "key", ["shop/20250102/a.csv", "shop/20250101/readme.txt", "shop/20250101/manifest.json", "x/y"]
)
def test_a_manifest_that_lists_what_is_no_file_of_the_delivery_is_told_at_once(key: str) -> None:
    found = decide(group_of(LISTED, A, MANIFEST), LISTED, NOON, manifest=(Entry(A.key), Entry(key)))
    assert isinstance(found, Incomplete)
    assert (found.missing, found.overdue) == ((key,), False)
    assert f"files outside of this delivery, shop/20250101/{{file}}.csv: {key}" in found.why


def test_a_manifest_that_cannot_be_followed_is_told_at_once_for_each_version() -> None:
    group = group_of(LISTED, A, MANIFEST)
    found = decide(group, LISTED, NOON, manifest=Unreadable("not UTF-8"))
    assert found == Incomplete((), "not UTF-8", overdue=False)
    group = mark_notified(group, found)
    assert decide(group, LISTED, minutes(1), manifest=Unreadable("not UTF-8")) == Waiting("not UTF-8")
    group = sees(group, LISTED, minutes(2), landed("manifest.json", "e2"))
    assert decide(group, LISTED, minutes(2), manifest=Unreadable("not UTF-8")) == found
    assert isinstance(decide(group, LISTED, minutes(2), manifest=entries("a.csv")), Complete)


def test_a_manifest_that_is_too_large_is_not_read() -> None:
    found = decide(group_of(LISTED, A, landed("manifest.json", size=5_000_001)), LISTED, NOON)
    assert isinstance(found, Incomplete)
    assert found.why.endswith("manifest.json is invalid: it has 5,000,001 bytes; at most 5,000,000 are allowed")


def test_two_manifests_are_told() -> None:
    found = decide(group_of(LISTED, A, MANIFEST, landed("manifest2.json")), LISTED, NOON, manifest=entries("a.csv"))
    assert isinstance(found, Incomplete)
    assert "2 manifests have landed, but a delivery has one: shop/20250101/manifest.json, " in found.why


def test_a_file_that_no_manifest_lists_is_left_out_and_told_at_the_deadline() -> None:
    read = entries("a.csv")
    group = group_of(LISTED, A, B, MANIFEST)
    found = decide(group, LISTED, minutes(10), manifest=read)
    assert the_delivery(found).members == (A,)
    assert isinstance(found, Complete)
    assert found.left_out == (B.key,)
    group = completed(group, LISTED, found.delivery, minutes(10))
    assert isinstance(decide(group, LISTED, minutes(129), manifest=read), Waiting)
    late = decide(group, LISTED, minutes(130), manifest=read)
    assert isinstance(late, Incomplete)
    assert late.why.endswith(f"files landed after the complete delivery that its manifest does not list: {B.key}")


def test_a_new_manifest_amends_the_delivery() -> None:
    group = group_of(LISTED, A, B, MANIFEST)
    first = the_delivery(decide(group, LISTED, NOON, manifest=entries("a.csv")))
    group = completed(group, LISTED, first, NOON)
    group = sees(group, LISTED, minutes(1), landed("manifest.json", "e2"))
    second = the_delivery(decide(group, LISTED, minutes(1), manifest=entries("a.csv", "b.csv")))
    assert (second.revision, names(second)) == (2, ["a.csv", "b.csv"])
    assert completed(group, LISTED, second, minutes(1)).opened_at is None


def test_a_manifest_put_again_that_says_the_same_completes_the_same_delivery() -> None:
    group = group_of(LISTED, A, MANIFEST)
    first = the_delivery(decide(group, LISTED, NOON, manifest=entries("a.csv")))
    group = sees(completed(group, LISTED, first, NOON), LISTED, minutes(1), landed("manifest.json", second=60))
    assert the_delivery(decide(group, LISTED, minutes(1), manifest=entries("a.csv"))) == first


def test_a_listed_file_that_is_replaced_amends_the_delivery_if_the_manifest_allows_it() -> None:
    for read, amended in ((entries("a.csv"), True), ((Entry(A.key, etag="e1"),), False)):
        group = group_of(LISTED, A, MANIFEST)
        group = completed(group, LISTED, the_delivery(decide(group, LISTED, NOON, manifest=read)), NOON)
        found = decide(sees(group, LISTED, minutes(1), landed("a.csv", "e2")), LISTED, minutes(1), manifest=read)
        assert isinstance(found, Complete) is amended


# count


def test_a_number_of_files_makes_a_delivery() -> None:
    group = group_of(COUNTED, A)
    assert decide(group, COUNTED, minutes(119)) == Waiting(
        "files landed: 1 of 2", missing=(f"1 more of {FOLDER}{{file}}.csv",)
    )
    assert decide(group, COUNTED, minutes(120)) == Incomplete(
        ("1 more of shop/20250101/{file}.csv",), "files landed: 1 of 2", overdue=True
    )
    assert the_delivery(decide(sees(group, COUNTED, minutes(1), B), COUNTED, minutes(1))).members == (A, B)


def test_the_number_of_files_can_stand_in_the_key() -> None:
    first, second, third = (landed(f"{number}_of_3.csv") for number in (1, 2, 3))
    group = group_of(NUMBERED, first, third)
    _, finding = tells(group, NUMBERED, minutes(120))
    assert finding.missing == ("1 more of shop/20250101/{file}_of_3.csv",)
    assert the_delivery(decide(sees(group, NUMBERED, minutes(1), second), NUMBERED, minutes(1))).fields == {
        "file": "1",
        "total": "3",
    }


@pytest.mark.parametrize("total", ["x", "-1", "1.0", "٣", "9" * 10])
def test_a_total_that_is_no_number_is_told_at_once(total: str) -> None:
    found = decide(group_of(NUMBERED, landed(f"1_of_{total}.csv")), NUMBERED, NOON)
    assert isinstance(found, Incomplete)
    assert found.why.endswith(f"is {total!r}, which is not a number of files")


def test_more_files_than_make_a_delivery_are_named_at_once() -> None:
    group, finding = tells(group_of(COUNTED, C, A, B), COUNTED, NOON)
    assert (finding.missing, finding.overdue) == ((), False)
    assert finding.why == f"files landed: 3, more than the 2 of the delivery: {A.key}, {B.key}, {C.key}"
    assert isinstance(decide(group, COUNTED, minutes(500)), Waiting)
    _, finding = tells(sees(group, COUNTED, minutes(1), landed("d.csv")), COUNTED, minutes(1))
    assert "files landed: 4, more" in finding.why
    _, delivery = delivered(sees(group, COUNTED, minutes(1), gone=["c.csv"]), COUNTED, minutes(1))
    assert names(delivery) == ["a.csv", "b.csv"]


def test_a_replaced_file_of_a_counted_delivery_amends_it() -> None:
    group, _ = delivered(group_of(COUNTED, A, B), COUNTED, NOON)
    _, second = delivered(sees(group, COUNTED, minutes(1), landed("b.csv", "e2")), COUNTED, minutes(1))
    assert (second.revision, names(second)) == (2, ["a.csv", "b.csv"])


def test_a_file_too_many_after_a_counted_delivery_is_told() -> None:
    group, _ = delivered(group_of(COUNTED, A, B), COUNTED, NOON)
    found = decide(sees(group, COUNTED, minutes(1), C), COUNTED, minutes(1))
    assert isinstance(found, Incomplete)
    assert not found.overdue


# quiet


def test_a_quiet_group_is_complete_when_nothing_changed_and_nothing_is_uploaded() -> None:
    group = sees(group_of(QUIET, A), QUIET, minutes(3), B)
    assert "files still land" in decide(group, QUIET, minutes(7.9)).why  # type: ignore[union-attr]
    found = decide(group, QUIET, minutes(8))
    assert isinstance(found, Waiting)
    assert found.needs == (Need.UPLOADS, Need.LISTING)
    assert decide(group, QUIET, minutes(8), uploads=()) == found, "it was not listed after uploads were looked for"
    assert the_delivery(decide(relists(group, QUIET, minutes(8)), QUIET, minutes(8), uploads=())).members == (A, B)


def test_an_upload_in_progress_holds_its_group_and_no_other() -> None:
    group = relists(group_of(QUIET, A, B), QUIET, minutes(5))
    elsewhere = ["shop/20250102/c.csv", "shop/20250101/c.txt"]
    assert isinstance(decide(group, QUIET, minutes(5), uploads=elsewhere), Complete)
    found = decide(group, QUIET, minutes(5), uploads=[*elsewhere, C.key])
    assert found == Waiting(f"multipart uploads are in progress: {C.key}", missing=(C.key,))
    assert decide(group, QUIET, minutes(120), uploads=[C.key]) == Incomplete(
        (C.key,), f"multipart uploads are in progress: {C.key}", overdue=True
    )


def test_an_upload_that_ended_while_it_was_looked_for_is_in_the_listing_and_quiet_begins_again() -> None:
    group = relisted(group_of(QUIET, A, B), QUIET, [A, B, C], minutes(5))
    assert isinstance(decide(group, QUIET, minutes(5), uploads=()), Waiting)
    group = relists(group, QUIET, minutes(10))
    assert the_delivery(decide(group, QUIET, minutes(10), uploads=())).members == (A, B, C)


def test_a_replaced_or_deleted_file_is_no_quiet() -> None:
    group = sees(group_of(QUIET, A, B, C), QUIET, minutes(4), landed("a.csv", "e2"))
    assert "files still land" in decide(group, QUIET, minutes(6)).why  # type: ignore[union-attr]
    group = sees(group, QUIET, minutes(7), gone=["c.csv"])
    assert "files still land" in decide(group, QUIET, minutes(10)).why  # type: ignore[union-attr]


def test_fewer_files_than_the_least_are_told_at_the_deadline() -> None:
    assert decide(group_of(QUIET, A), QUIET, minutes(120)) == Incomplete(
        ("1 more of shop/20250101/{file}.csv",), "files landed: 1 of at least 2", overdue=True
    )


def test_files_that_never_end_are_told_at_the_deadline() -> None:
    group = sees(group_of(QUIET, A, B), QUIET, minutes(119), C)
    found = decide(group, QUIET, minutes(120))
    assert isinstance(found, Incomplete)
    assert (
        "files still land: the last change was at 2025-01-02 13:59:00+00:00, and none may follow for 0:05:00"
        in found.why
    )


def test_a_late_file_of_a_quiet_group_waits_for_quiet_again() -> None:
    group, _ = delivered(group_of(QUIET, A, B), QUIET, minutes(5))
    group = sees(group, QUIET, minutes(9), C)
    assert isinstance(decide(relists(group, QUIET, minutes(10)), QUIET, minutes(10), uploads=()), Waiting)
    _, second = delivered(group, QUIET, minutes(14))
    assert (second.revision, names(second)) == (2, ["a.csv", "b.csv", "c.csv"])


# the event


def test_the_event_of_an_incomplete_group_names_what_is_missing_and_what_is_there() -> None:
    contract = contract_of(
        "{complete: marker, marker: _SUCCESS, within: 2h}", "shop/{business_date:%Y%m%d}/{region}/{file}.csv"
    )
    group = group_of(contract, landed("shop/20250101/br/b.csv"), landed("shop/20250101/br/a.csv"))
    _, finding = tells(group, contract, minutes(120))
    draft = incomplete(group, contract, finding)
    assert draft.name == "delivery.incomplete"
    assert draft.resource["prefect.resource.id"] == "s3://landing/shop/20250101/br/"
    assert draft.resource["prefect.resource.name"] == "orders 2025-01-01 region=br"
    payload = dict(draft.payload)
    assert "no marker has landed; files landed: 2" in payload.pop("message")["body"]
    assert payload == {
        "dataset": "orders",
        "business_date": "2025-01-01",
        "fields": {"region": "br"},
        "why": "no marker has landed; files landed: 2",
        "overdue": True,
        "missing": ["shop/20250101/br/_SUCCESS"],
        "missing_count": 1,
        "keys": ["shop/20250101/br/a.csv", "shop/20250101/br/b.csv"],
        "key_count": 2,
        "signals": [],
        "deadline": "2025-01-02T14:00:00+00:00",
        "revision": 0,
    }


def test_an_event_does_not_grow_with_its_group() -> None:
    group = group_of(LISTED, *(landed(f"{number:05}.csv") for number in range(2_000)))
    finding = Incomplete(tuple(f"{number}.csv" for number in range(3_000)), "many", overdue=True)
    payload = incomplete(group, LISTED, finding).payload
    assert (len(payload["missing"]), payload["missing_count"]) == (MOST_KEYS, 3_000)
    assert (len(payload["keys"]), payload["key_count"]) == (MOST_KEYS, 2_000)
