"""The times of ORC: those of the writer's clock, of whatever zone and century, and those in UTC."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.orc
import pytest
from landed_contract import column, contract
from orc_files import DATA, SECONDARY, literals, orc, orc_by_hand, orc_in_zone, unsigned

from landed.file import read_landed, rows_of_buckets
from landed.formats.orc.opening import orc_records

BOTH = "struct<here:timestamp,there:timestamp with local time zone>"
FIRST_OF_2015 = 1_420_070_400
ZONES = ["UTC", "America/Sao_Paulo", "America/New_York", "Europe/Lisbon", "Asia/Tokyo", "Australia/Lord_Howe"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "landed"


def cells(path: Path) -> list[tuple[str | None, ...]]:
    """All cells as the reader writes them, with the nanoseconds that a canonical text has not."""
    records = orc_records(path)
    return [tuple(record) for record in records.read(range(len(records.columns)), lambda *_: None)]


def moments(first: int, last: int) -> list[datetime]:
    """The moments when clocks are put forward and back, and others between these years."""
    chosen, start = random.Random(7), datetime(first, 1, 1, tzinfo=UTC)
    hours = int((datetime(last, 1, 1, tzinfo=UTC) - start) / timedelta(hours=1))
    seconds = [3600 * chosen.randrange(hours) + chosen.randrange(3600) for _ in range(500)]
    around = [
        datetime(2018, 2, 18, 1, 30, tzinfo=UTC), datetime(2018, 2, 18, 2, 30, tzinfo=UTC),
        datetime(2018, 11, 4, 2, 59, 59, tzinfo=UTC), datetime(2018, 11, 4, 3, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 58, 998000, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC),
    ]  # fmt: skip
    return around + [start + timedelta(seconds=second, milliseconds=chosen.choice([0, 1, 998])) for second in seconds]


@pytest.mark.parametrize("zone", ZONES)
def test_a_local_time_is_what_the_clock_of_its_writer_showed_and_one_in_utc_is_itself(path: Path, zone: str):
    clock, times = ZoneInfo(zone), moments(1, 9999)
    path.write_bytes(orc_in_zone(zone, BOTH, [(each, each) for each in (time.astimezone(clock) for time in times)]))
    shown = [time.astimezone(clock).replace(tzinfo=None) for time in times]
    assert cells(path) == [(text(here), f"{text(there)}+00") for here, there in zip(shown, times, strict=True)]
    of = contract(column("here", "timestamp"), column("there", "timestamp"), format="orc")
    landed = read_landed(path, of, path.parent)
    assert (landed.faults, landed.rows) == ((), len(times))


@pytest.mark.parametrize("zone", ZONES)
def test_since_zones_have_rules_arrow_reads_the_same(path: Path, zone: str):
    clock, epoch = ZoneInfo(zone), datetime(1970, 1, 1, tzinfo=UTC)
    # Arrow asks whether a time is before 1970 only when it is one of another zone, and is then a second off.
    times = [time for time in moments(1950, 2200) if abs(time - epoch) > timedelta(days=1)]
    path.write_bytes(orc_in_zone(zone, BOTH, [(each, each) for each in (time.astimezone(clock) for time in times)]))
    table = pyarrow.orc.read_table(path)
    arrows = zip(*(table[name].cast(pa.int64()).to_pylist() for name in ("here", "there")), strict=True)
    assert cells(path) == [(of_nanoseconds(here), f"{of_nanoseconds(there)}+00") for here, there in arrows]


def text(time: datetime) -> str:
    fraction = f".{time.microsecond:06}000" if time.microsecond else ""
    return f"{time.year:04}-{time:%m-%d %H:%M:%S}{fraction}"


def of_nanoseconds(since_1970: int) -> str:
    seconds, fraction = divmod(since_1970, 10**9)
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{time:%Y-%m-%d %H:%M:%S}{f'.{fraction:09}' if fraction else ''}"


def test_a_local_time_is_one_of_the_contracts_zone_and_a_time_in_utc_is_not(path: Path):
    time = datetime(2026, 1, 2, 3, 4, 5, 123000, tzinfo=UTC)
    path.write_bytes(orc_in_zone("UTC", BOTH, [(time, time)]))
    of = contract(
        column("here", "timestamp"), column("there", "timestamp"), format="orc", zone="America/Sao_Paulo"
    )  # fmt: skip
    [(_, found)] = rows_of_buckets(path, of, path.parent, 1, {0})
    assert found == ("2026-01-02 06:04:05.123000", "2026-01-02 03:04:05.123000")


OF_JAVA = [
    "0001-01-01 00:00:00", "1500-02-28 12:00:00.500000000", "1582-10-04 12:00:00", "1582-10-15 00:00:00",
    "1800-06-01 12:34:56.789000000", "1899-12-31 12:00:00", "1905-01-01 00:00:00", "1913-12-31 23:00:00",
    "1931-12-01 12:00:00", "1969-12-31 20:59:58.500000000", "1969-12-31 23:59:59.000500000", "1970-01-01 00:00:00",
    "2018-02-17 23:30:00", "2018-11-04 01:00:00", "2020-07-01 01:02:03.123456789", "9999-12-31 23:59:59.999000000",
]  # fmt: skip


@pytest.mark.parametrize("zone", ["sao_paulo", "tokyo", "gmt_offset", "new_york_proleptic"])
def test_times_and_days_of_javas_writer_are_those_that_it_was_given(zone: str):
    """orc-core 2.1.1 wrote these files from java.sql.Timestamp, with this zone as the one of its machine.

    Java's days before 1582-10-15 are Julian unless the writer says otherwise, and its zones have no rules before 1900.
    """
    path = Path(__file__).parent / "orc_of_java" / f"{zone}.orc"
    assert [(time, day) for _, time, day in cells(path)] == [(time, time[:10]) for time in OF_JAVA]


@pytest.mark.parametrize("unit", ["us", "ns"])
def test_a_time_before_1970_keeps_its_fraction_which_arrow_writes_as_a_negative_one(path: Path, unit: str):
    counts = [-1, -999, -1_000, -1_500_000, -999_999_999, -1_000_000_000, -86_400_000_000_001, 1, 0]
    path.write_bytes(orc({"c": pa.array(counts, pa.timestamp(unit))}))
    ns = 1_000 if unit == "us" else 1
    assert cells(path) == [(of_nanoseconds(count * ns),) for count in counts]
    found = read_landed(path, contract(column("c", "timestamp", rounded=True), format="orc"), path.parent)
    assert found.faults == ()


@pytest.mark.parametrize("second", [-2, -1, 0, 1])
@pytest.mark.parametrize("nanoseconds", [0, 1, 999_999, 1_000_000, 999_999_999])
def test_a_time_beside_1970_is_read_as_arrow_reads_it(path: Path, second: int, nanoseconds: int):
    """Writers cut seconds towards 1970, so ORC has two meanings for some of them; readers agree on one."""
    streams = [("c", DATA, literals(second - FIRST_OF_2015)), ("c", SECONDARY, literals(nanoseconds << 3, of=unsigned))]
    path.write_bytes(orc_by_hand({"c": "timestamp"}, streams, zone="GMT"))
    [count] = pyarrow.orc.read_table(path)["c"].cast(pa.int64()).to_pylist()
    assert cells(path) == [(of_nanoseconds(count),)]


def one_time(zone: str, since_2015: int = 0) -> bytes:
    streams = [("c", DATA, literals(since_2015)), ("c", SECONDARY, literals(0, of=unsigned))]
    return orc_by_hand({"c": "timestamp"}, streams, zone=zone)


@pytest.mark.parametrize("zone", ["GMT", "UTC", "Etc/UTC", "GMT-03:00", "GMT+5", "+0530", "PST", "JST", "Asia/Tokyo"])
def test_a_zone_is_named_as_java_names_it_and_its_clock_begins_2015_at_midnight(path: Path, zone: str):
    path.write_bytes(one_time(zone))
    assert cells(path) == [("2015-01-01 00:00:00",)]


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("", "it has times, and does not name the zone of its writer; write the file and land it again"),
        ("Mars/Olympus", "its writer's time zone 'Mars/Olympus' is not known; such as America/Sao_Paulo or UTC"),
        ("../../etc/passwd", "its writer's time zone '../../etc/passwd' is not known"),
        ("America", "its writer's time zone 'America' is not known"),
        ("localtime", "its writer's time zone 'localtime' is not known"),
        ("GMT+99:00", "its writer's time zone 'GMT+99:00' is not known"),
        ("\0", "is not known"),
    ],
)
def test_a_zone_that_nobody_knows_is_a_fault(path: Path, zone: str, words: str):
    path.write_bytes(one_time(zone))
    [fault] = read_landed(path, contract(column("c", "timestamp"), format="orc"), path.parent).faults
    assert str(fault).startswith("line 1: stripe 1 of 1 (rows 1 to 1) cannot be read: of the column 'c', it")
    assert words in str(fault)


def test_a_file_whose_times_are_in_utc_needs_no_zone(path: Path):
    streams = [("c", DATA, literals(0)), ("c", SECONDARY, literals(0, of=unsigned))]
    path.write_bytes(orc_by_hand({"c": "instant"}, streams, zone=""))
    assert cells(path) == [("2015-01-01 00:00:00+00",)]


@pytest.mark.parametrize("days", [-719_162, -141_428, -141_427, -1, 2_932_896])
def test_a_day_before_1582_is_of_the_calendar_that_the_file_says(path: Path, days: int):
    def day(**facts: Any) -> str | None:
        path.write_bytes(orc_by_hand({"c": "date"}, [("c", DATA, literals(days))], **facts))
        return cells(path)[0][0]

    proleptic = str(datetime(1970, 1, 1, tzinfo=UTC).date() + timedelta(days=days))
    julian = {-719_162: "0001-01-03", -141_428: "1582-10-04"}.get(days, proleptic)
    assert day(footer=[(9, 1)]) == day(footer=[(9, 0), (11, 2)]) == proleptic
    assert day(footer=[(9, 0)]) == day(footer=[(9, 1), (11, 1)]) == julian
