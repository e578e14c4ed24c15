from datetime import UTC, datetime, timedelta, timezone

import pytest
from evidence_builder import MEMBER, accepted

from acceptance.evidence.reports.formatting import (
    bytes_text,
    count_text,
    duration_text,
    files_text,
    moment_text,
)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.00 kB"), (9_994, "9.99 kB"), (9_996, "10.0 kB"),
     (99_960, "100 kB"), (999_499, "999 kB"), (999_500, "1.00 MB"), (21_234_567, "21.2 MB"), (5 * 10**15, "5000 TB")],
)  # fmt: skip
def test_sizes_have_three_digits_and_a_unit(size_bytes: int, text: str) -> None:
    assert bytes_text(size_bytes) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 ms"), (-3, "0 ms"), (0.0004, "0 ms"), (0.84, "840 ms"), (0.9996, "1.0 s"), (59.94, "59.9 s"),
     (59.96, "1 min 00 s"), (125, "2 min 05 s"), (3599.6, "1 h 00 min"), (90_061, "25 h 01 min")],
)  # fmt: skip
def test_durations_are_as_exact_as_they_are_short(seconds: float, text: str) -> None:
    assert duration_text(timedelta(seconds=seconds)) == text


def test_counts_are_grouped_without_a_comma_or_a_point() -> None:
    assert count_text(1234567) == "1\u202f234\u202f567"


def test_moments_are_told_in_utc() -> None:
    west = datetime(2026, 11, 23, 5, 12, 5, tzinfo=timezone(timedelta(hours=-3)))
    assert moment_text(west) == moment_text(west.astimezone(UTC).replace(tzinfo=None)) == "2026-11-23 08:12:05 UTC"


def test_a_delivery_of_several_files_is_named_by_its_first() -> None:
    later = MEMBER.model_copy(update={"key": "z/z.csv"})
    delivery = accepted().delivery
    assert files_text(delivery) == "flights 2013-01-01.csv"
    assert (
        files_text(delivery.model_copy(update={"members": (later, MEMBER, later)}))
        == "flights 2013-01-01.csv and 2 more"
    )
