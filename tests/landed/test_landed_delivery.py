"""The files of one delivery are judged together: read one by one, added up."""

import hashlib
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from landed_contract import column, contract

from acceptance.deliveries.delivery import Delivery
from acceptance.errors import StepFailed
from aws.s3.objects import list_objects
from landed.delivery import combine, read_members, read_objects
from landed.file import read_landed
from landed.reading.faults import KEPT_FAULTS

HEADER = "id,title,score\n"


@pytest.fixture
def deliver(local_aws, bucket):
    """A delivery of these files, by name, in S3."""
    s3 = local_aws.client("s3")

    def deliver(**files):
        for name, text in files.items():
            s3.put_object(Bucket=bucket, Key=f"movies/20250102/{name}.csv", Body=text.encode())
        return Delivery("movies", date(2025, 1, 2), tuple(list_objects(s3, bucket, "movies/")))

    return deliver


@pytest.fixture
def read(local_aws, deliver):
    def read(of=None, **files):
        delivery = deliver(**files)
        members = read_members(local_aws.client("s3"), delivery, of or contract())
        return combine(delivery, members), members

    return read


def test_the_rows_and_the_fingerprint_of_several_files_are_those_of_one_file_with_all_rows(read, tmp_path):
    rows = [f"{number},title {number},{number}.5\n" for number in range(9)]
    whole = tmp_path / "whole.csv"
    whole.write_text(HEADER + "".join(rows), encoding="utf-8")
    together, members = read(a=HEADER + "".join(rows[:2]), b=HEADER, c=HEADER + "".join(rows[2:]))
    alone = read_landed(whole, contract(), tmp_path)
    assert (together.rows, together.fingerprint, together.faults) == (9, alone.fingerprint, ())
    assert [(member.landed.file, member.file.rows) for member in members] == [("a.csv", 2), ("b.csv", 0), ("c.csv", 7)]


def test_each_file_is_read_by_its_own_header(read):
    together, _ = read(a="score,id,title\n9.5,1,a\n", b=HEADER + "2,b,8\n")
    same, _ = read(a=HEADER + "1,a,9.5\n", b=HEADER + "2,b,8\n")
    assert together.fingerprint == same.fingerprint
    assert (together.header, same.header) == (("score", "id", "title"), ("id", "title", "score"))


def test_every_member_has_its_bytes_and_their_hash(read):
    texts = {"a": HEADER + "1,a,9.5\n", "b": HEADER + "2,é,8\n"}
    together, members = read(**texts)
    assert [member.sha256 for member in members] == [hashlib.sha256(t.encode()).hexdigest() for t in texts.values()]
    assert together.size_bytes == sum(len(text.encode()) for text in texts.values())


def test_a_row_that_moved_to_another_file_changes_nothing_and_a_row_that_is_lost_does(read):
    rows = ["1,a,1\n", "2,b,2\n", "3,c,3\n"]
    split, _ = read(a=HEADER + "".join(rows[:1]), b=HEADER + "".join(rows[1:]))
    moved, _ = read(a=HEADER + "".join(rows[:2]), b=HEADER + rows[2])
    lost, _ = read(a=HEADER + "".join(rows[:2]), b=HEADER)
    assert split.fingerprint == moved.fingerprint != lost.fingerprint


def test_faults_of_all_files_count_and_each_names_its_file(read):
    together, _ = read(a=HEADER + "1,a,1\n", b=HEADER + "x,b,2\n2,c\n", c="id,titel,score\n", d=HEADER + "y,b,z\n")
    assert [str(fault) for fault in together.faults] == [
        "b.csv line 3: 2 cells found, 3 expected: 2,c",
        "c.csv line 1: the header has a column 'titel' that the contract lacks; allowed: id, title, score",
        "c.csv line 1, column title: the header lacks the column 'title'; it has: id, titel, score",
        "d.csv line 2, column id: 'y' is not bigint; allowed: an integer from -9223372036854775808 to "
        "9223372036854775807",
        "d.csv line 2, column score: 'z' is not decimal(4,1); allowed: a number with at most 3 digits before the "
        "point and 1 after it",
    ]
    assert (together.fault_count, together.fingerprint, together.rows) == (5, None, 4)
    assert together.cell_faults == {"id": 1, "score": 1}


def test_no_file_with_many_faults_hides_those_of_the_others(read):
    bad = "x,a,1\n" * (2 * KEPT_FAULTS)
    together, _ = read(a=HEADER + bad, b=HEADER + "1,a,1\n", c=HEADER + bad)
    assert together.fault_count == 4 * KEPT_FAULTS
    assert [fault.file for fault in together.faults] == ["a.csv"] * 10 + ["c.csv"] * 10


def test_one_empty_file_among_good_ones_is_a_fault(read):
    together, _ = read(a=HEADER + "1,a,1\n", b="")
    assert [str(fault) for fault in together.faults] == [
        "b.csv line 1: the file is empty (0 bytes); it lacks even the header"
    ]


def test_a_single_file_is_read_as_before_and_its_faults_name_no_file(read):
    together, (member,) = read(a=HEADER + "x,a,1\n")
    assert together is member.file
    assert str(together.faults[0]).startswith("line 2, column id")


def test_files_of_one_name_in_two_folders_are_told_apart(local_aws, bucket):
    s3 = local_aws.client("s3")
    for folder in ("br", "pt"):
        s3.put_object(Bucket=bucket, Key=f"movies/{folder}/a.csv", Body=b"x")
    delivery = Delivery("movies", date(2025, 1, 2), tuple(list_objects(s3, bucket, "movies/")))
    together = combine(delivery, read_members(s3, delivery, contract(column("id", "bigint"))))
    assert {fault.file for fault in together.faults} == {"br/a.csv", "pt/a.csv"}


def test_only_one_file_is_on_the_disk_at_a_time(local_aws, deliver, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    delivery = deliver(a=HEADER + "1,a,1\n", b=HEADER + "2,b,2\n", c=HEADER + "3,c,3\n")
    most = []

    class Watched:
        """The same client, which notes how many landed files are on the disk when the next one is asked for."""

        def __getattr__(self, name):
            most.append(len(list(Path(tmp_path).glob("*/landed"))))
            return getattr(local_aws.client("s3"), name)

    read_members(Watched(), delivery, contract())
    assert most == [1, 1, 1]  # the one that is being fetched
    assert list(tmp_path.iterdir()) == []


def test_a_member_that_was_replaced_meanwhile_is_named(local_aws, deliver, bucket):
    delivery = deliver(a=HEADER + "1,a,1\n", b=HEADER + "2,b,2\n")
    local_aws.client("s3").put_object(Bucket=bucket, Key="movies/20250102/b.csv", Body=b"other")
    with pytest.raises(StepFailed, match=r"b\.csv: somebody replaced it since"):
        read_members(local_aws.client("s3"), delivery, contract())


def test_a_file_of_others_is_fetched_once_however_many_deliveries_it_is_compared_with(local_aws, deliver):
    delivery = deliver(**{name: HEADER + f"{number},{name},1\n" for number, name in enumerate("abcdef")})
    s3, fetched = local_aws.client("s3"), []
    s3.meta.events.register("before-call.s3.GetObject", lambda **_: fetched.append(1))
    alone = [replace(delivery, members=(member,)) for member in delivery.members]
    for each in alone:
        (own,) = read_members(s3, each, contract())
        others = read_objects(s3, [member for member in delivery.members if member not in each.members], contract())
        together = sum((other.file.fingerprint for other in others), own.file.fingerprint)
        assert together.rows == 6
    assert len(fetched) == 6 + 5  # each by its own delivery; the first of these met the others before they were read


def test_what_was_kept_of_a_file_is_of_that_version_under_that_contract(local_aws, deliver):
    s3 = local_aws.client("s3")
    first = read_objects(s3, deliver(a=HEADER + "1,a,1\n").members, contract())
    again = read_objects(s3, deliver(a=HEADER + "2,b,2\n").members, contract())
    assert first[0].file.fingerprint != again[0].file.fingerprint
    exact = read_objects(s3, deliver(a=HEADER + "2, b,2\n").members, contract())
    trimmed = read_objects(s3, deliver(a=HEADER + "2, b,2\n").members, contract(trim=True))
    assert exact[0].file.fingerprint != trimmed[0].file.fingerprint
    assert trimmed[0].file.fingerprint == again[0].file.fingerprint
