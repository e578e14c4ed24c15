"""What a contract says of deliveries of several files."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from contract_texts import ORDERS, delivering, problems, the_problem, watched

from acceptance.contract.contract import Baseline, Completion, Count, Manifest, Marker, Quiet, Resent, Single
from acceptance.contract.keys.template import KeyTemplate

TWO_HOURS = timedelta(hours=2)
DAILY = "shop/{business_date:%Y%m%d}/{file}.csv"
NUMBERED = "shop/{business_date:%Y%m%d}/{file}_of_{total}.csv"


def the_completion(value: str, pattern: str = DAILY) -> Completion:
    return watched(delivering(value, pattern)).completion


def test_a_contract_that_says_nothing_of_deliveries_has_one_for_each_file() -> None:
    contract = watched(ORDERS)
    assert (contract.completion, contract.resent, contract.baseline) == (Single(), Resent.REPORT, Baseline())
    assert contract.group_fields == ("region", "file")
    assert watched(delivering("{complete: single}")).completion == Single()


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("_SUCCESS", "shop/{business_date:%Y%m%d}/_SUCCESS"),
        ("'{file}.done'", "shop/{business_date:%Y%m%d}/{file}.done"),
        ("'*.done'", "shop/{business_date:%Y%m%d}/*.done"),
        ("'orders-{business_date:%Y-%m-%d}.ok'", "shop/{business_date:%Y%m%d}/orders-{business_date:%Y-%m-%d}.ok"),
    ],
)
def test_a_marker_lies_in_the_folder_of_its_files(name: str, pattern: str) -> None:
    completion = the_completion(f"{{complete: marker, marker: {name}, within: 30m}}")
    assert isinstance(completion, Marker)
    assert (completion.signal.pattern, completion.within) == (pattern, timedelta(minutes=30))


def test_a_marker_lies_above_the_folders_that_tell_its_files_apart() -> None:
    completion = the_completion("{complete: marker, marker: _SUCCESS}", "shop/{business_date:%Y%m%d}/{file}/part.csv")
    assert isinstance(completion, Marker)
    assert completion.signal.pattern == "shop/{business_date:%Y%m%d}/_SUCCESS"


def test_the_other_kinds_of_completion() -> None:
    manifest = the_completion("{complete: manifest, manifest: 'manifest*.json'}")
    assert isinstance(manifest, Manifest)
    assert manifest.signal == KeyTemplate("landing", "shop/{business_date:%Y%m%d}/manifest*.json", ())
    assert manifest.within == TWO_HOURS
    assert the_completion("{complete: count, files: 3, within: 10m}") == Count(3, timedelta(minutes=10))
    assert the_completion("{complete: count, files: '{total}'}", NUMBERED) == Count("total", TWO_HOURS)
    quiet = "{complete: quiet, quiet_for: 90s, at_least: 2, within: 1h}"
    assert the_completion(quiet) == Quiet(timedelta(seconds=90), 2, timedelta(hours=1))
    assert the_completion("{complete: quiet}") == Quiet(timedelta(minutes=5), 1, TWO_HOURS)


@pytest.mark.parametrize(
    ("value", "shared"),
    [
        ("{complete: count, files: 3}", ("region",)),
        ("{complete: marker, marker: _SUCCESS}", ("region",)),
        ("{complete: marker, marker: '{file}.done'}", ("region", "file")),
    ],
)
def test_the_files_of_a_delivery_share_all_fields_but_file_unless_each_has_a_marker(
    value: str, shared: tuple[str, ...]
) -> None:
    assert watched(delivering(value)).group_fields == shared


@pytest.mark.parametrize(
    ("value", "since"),
    [
        ("{}", date.min),
        ("{baseline: announce}", date.min),
        ("{baseline: ignore}", None),
        ("{baseline: since 2025-03-01}", date(2025, 3, 1)),
        ("{first_business_date: 2024-01-01}", date(2024, 1, 1)),
        ("{first_business_date: 2024-01-01, baseline: announce}", date.min),
        ("{first_business_date: 2024-01-01, baseline: ignore}", None),
        ("{first_business_date: 2024-01-01, baseline: since 2025-03-01}", date(2025, 3, 1)),
    ],
)
def test_what_is_there_at_the_first_start_is_announced_from_a_business_date_on(value: str, since: date | None) -> None:
    baseline = watched(delivering(value)).baseline
    assert baseline == Baseline(since)
    assert baseline.announces(date(2025, 3, 1)) is (since is not None)
    assert baseline.announces(date(2023, 12, 31)) is (since == date.min)


def test_identical_bytes_can_be_ignored() -> None:
    assert watched(delivering("{resent: ignore}")).resent is Resent.IGNORE


REFUSED = [
    ("a kind that we have not", "{complete: markr, marker: x}", DAILY, "found 'markr'; allowed: single, marker,"),
    ("a misspelt kind", "{complete: markr}", DAILY, "did you mean 'marker'?"),
    ("a kind that is a number", "{complete: 3}", DAILY, "found 3, a text is needed"),
    ("a misspelt key", "{complete: marker, marker: _SUCCESS, witin: 1h}", DAILY, "did you mean 'within'?"),
    ("a key of another kind", "{complete: marker, marker: _OK, files: 3}", DAILY,
     "files goes with `complete: count`, found `complete: marker`"),
    ("a marker without its kind", "{marker: _SUCCESS}", DAILY,
     "marker goes with `complete: marker`, found `complete: single`, the default"),
    ("a deadline of nothing", "{within: 1h}", DAILY, "`complete: marker` or `manifest` or `count` or `quiet`"),
    ("a list", "[single]", DAILY, "found a list, a mapping is needed"),
    ("a marker without a name", "{complete: marker}", DAILY, "such as _SUCCESS or '{file}.done'"),
    ("a marker that is a number", "{complete: marker, marker: 7}", DAILY, "found 7, a text is needed"),
    ("a marker in another folder", "{complete: marker, marker: ok/_SUCCESS}", DAILY, "'ok/_SUCCESS' holds a '/'"),
    ("a marker of an unknown field", "{complete: marker, marker: '{fil}.done'}", DAILY,
     "unknown placeholder {fil} in '{fil}.done'; allowed: {file}, {business_date:%Y%m%d}"),
    ("an open brace", "{complete: marker, marker: '{file.done'}", DAILY, "'{' stands alone"),
    ("two wildcards side by side", "{complete: marker, marker: '**.done'}", DAILY, "* and * stand side by side"),
    ("a field beside a wildcard", "{complete: marker, marker: '{file}*'}", DAILY, "{file} and * stand side by side"),
    ("a marker that every file fits", "{complete: marker, marker: '*.csv'}", DAILY, "fits every file of the delivery"),
    ("a marker of any name", "{complete: marker, marker: '*'}", DAILY, "fits every file of the delivery"),
    ("a marker like the file", "{complete: marker, marker: '{file}.csv'}", DAILY, "fits every file of the delivery"),
    ("a marker of several regions", "{complete: marker, marker: _SUCCESS}",
     "shop/{business_date:%Y%m%d}/{region}-{file}.csv",
     "does not tell {region}, so it could be of several deliveries; write it into the name, such as '{region}__SUC"),
    ("a marker of several days", "{complete: marker, marker: '*.ok'}", "shop/{file}_{business_date:%Y%m%d}.csv",
     "'*.ok' in shop/ does not tell {business_date:%Y%m%d}"),
    ("a marker above its region", "{complete: marker, marker: _OK}", "shop/{business_date:%Y%m%d}/{file}/{region}.csv",
     "does not tell {region}"),
    ("a manifest without a name", "{complete: manifest, within: 1h}", DAILY, "such as manifest.json"),
    ("a manifest that every file fits", "{complete: manifest, manifest: '*'}", DAILY, "fits every file"),
    ("a count of nothing", "{complete: count}", DAILY, "found nothing; a whole number from 1 is needed"),
    ("a count of 0", "{complete: count, files: 0}", DAILY, "found 0; a whole number from 1 is needed"),
    ("a count that is true", "{complete: count, files: true}", DAILY, "found true; a whole number"),
    ("half a file", "{complete: count, files: 1.5}", DAILY, "found 1.5; a whole number"),
    ("a count in words", "{complete: count, files: three}", DAILY, "found 'three'; a number is needed, or one field"),
    ("a count of two fields", "{complete: count, files: '{file}{total}'}", NUMBERED, "or one field of the key"),
    ("a count by date", "{complete: count, files: '{business_date:%Y}'}", NUMBERED, "or one field of the key"),
    ("a count by an open brace", "{complete: count, files: '{total'}", NUMBERED, "'{' stands alone"),
    ("a count by an unknown field", "{complete: count, files: '{totl}'}", NUMBERED, "did you mean 'total'?"),
    ("a count by the file", "{complete: count, files: '{file}'}", NUMBERED, "no field that the files of a delivery"),
    ("a count of files that nothing tells apart", "{complete: count, files: 2}", "shop/{business_date:%Y%m%d}.csv",
     "has no field {file}, so a delivery has one file"),
    ("a total of files that nothing tells apart", "{complete: count, files: '{total}'}",
     "shop/{business_date:%Y%m%d}/{part}_of_{total}.csv", "has no field {file}; name so what tells"),
    ("a quiet that outlasts the deadline", "{complete: quiet, quiet_for: 1h, within: 1h}", DAILY,
     "within (1:00:00) ends before the files can have been quiet for 1:00:00"),
    ("a quiet of no files", "{complete: quiet, at_least: 0}", DAILY, "found 0; a whole number from 1"),
    ("a duration without a unit", "{complete: quiet, quiet_for: 300}", DAILY, "a duration is such as 30s"),
    ("a deadline of days", "{complete: count, files: 2, within: 49h}", DAILY, "at most 48h"),
    ("another policy for the same bytes", "{resent: reports}", DAILY, "did you mean 'report'?"),
    ("a date that does not exist", "{first_business_date: 2025-02-30}", DAILY, "found '2025-02-30'; a date is needed"),
    ("a date without hyphens", "{first_business_date: 20250201}", DAILY, "found 20250201; a date is needed"),
    ("another baseline", "{baseline: ignor}", DAILY, "did you mean 'ignore'?"),
    ("a baseline since no date", "{baseline: since}", DAILY, "allowed: announce, ignore, since 2024-01-31"),
    ("a baseline since an impossible date", "{baseline: since 2025-13-01}", DAILY, "found 'since 2025-13-01'"),
    ("a baseline that is a list", "{baseline: [ignore]}", DAILY, "found a list, a text is needed"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "pattern", "message"), [pytest.param(*case[1:], id=case[0]) for case in REFUSED])
def test_a_delivery_cannot_be(value: str, pattern: str, message: str) -> None:
    assert message in the_problem(delivering(f"{value}  # here", pattern))


def test_each_problem_has_the_line_of_its_own_key() -> None:
    text = delivering("\n      complete: quiet\n      quiet_for: long\n      resent: no")
    lines = text.splitlines()
    assert [lines[problem.line - 1].split(":")[0].strip() for problem in problems(text)] == ["quiet_for", "resent"]


def test_a_delivery_without_vendor_is_refused() -> None:
    text = delivering("{complete: single}").replace("delivery\n    vendor: aceite\n", "delivery  # here\n")
    assert "write `vendor: aceite`" in the_problem(text)


def test_a_delivery_of_another_vendor_is_not_looked_at() -> None:
    text = delivering("{complete: maybe}")
    start = text.rindex("vendor: aceite")
    assert watched(text[:start] + "vendor: other" + text[start + len("vendor: aceite") :]).completion == Single()


def test_a_refused_location_says_nothing_of_its_marker() -> None:
    text = delivering("{complete: marker, marker: _SUCCESS}", "shop/{file}.csv")
    assert [problem.message.split(":")[0] for problem in problems(text)] == ["servers[0].location"]


def test_contracts_differ_by_their_completion() -> None:
    contract = watched(ORDERS)
    assert replace(contract, completion=Count(2, TWO_HOURS)) != contract
