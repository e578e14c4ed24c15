"""Times as systems write them: offsets, zones, sentinels. Each is read as Python's zoneinfo reads it, or refused."""

import random
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

import pytest
from landed_contract import column, contract

from acceptance.contract.landing_format import LandingFormat, SkippedTimes
from landed.file import read_landed
from landed.reading.cells import cell_rule
from landed.reading.duckdb_reader import reader

AT = column("at", "timestamp")


@pytest.fixture
def in_duckdb(tmp_path):
    """Answers the value of each text as the witness reads it, None if it does not."""

    def values(texts, **landing):
        landing = LandingFormat(**landing)
        with reader(tmp_path, tmp_path, 60, landing=landing) as duck:
            value = f"CAST({cell_rule(AT, 't', landing).typed} AS VARCHAR)"
            return [
                value for (value,) in duck.execute(f"SELECT {value} FROM (SELECT unnest(?) AS t)", [texts]).fetchall()
            ]

    return values


def in_utc(text, zone, *, forward=False):
    """The same from zoneinfo's documentation: a time that clocks skip is not what it was after a way through UTC."""
    local = datetime.fromisoformat(text)
    moment = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    is_shown = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local
    return str(moment.replace(tzinfo=None)) if is_shown or forward else None


ZONES = ["America/Sao_Paulo", "Europe/Berlin", "Pacific/Apia", "Australia/Lord_Howe", "Africa/Monrovia", "Asia/Manila"]


@pytest.mark.parametrize("skipped", SkippedTimes)
def test_a_local_time_of_any_zone_is_the_moment_that_python_finds(in_duckdb, skipped):
    dice = random.Random(skipped)
    zones = [*ZONES, *dice.sample(sorted(available_timezones() - {"localtime", "UTC", "Etc/UTC"}), 14)]
    for zone in zones:
        texts = [*map(str, near_changes(zone, dice)), *(str(some_time(dice)) for _ in range(10))]
        expected = [in_utc(text, zone, forward=skipped is SkippedTimes.FORWARD) for text in texts]
        assert in_duckdb(texts, zone=zone, skipped_times=skipped) == expected, zone


def some_time(dice):
    return datetime(2, 1, 1) + timedelta(seconds=dice.randrange(9990 * 365 * 86_400))  # noqa: DTZ001 - a local time


def near_changes(zone, dice):
    """Local times around some days on which the zone's clocks change, before 1900 and far in the future too."""
    for year in (*range(1860, 2040, 7), 2300, 9990):
        days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(day) for day in range(0, 366, 3)]
        offsets = [day.astimezone(ZoneInfo(zone)).utcoffset() for day in days]
        for day, before, after in zip(days, offsets, offsets[1:], strict=False):
            if before != after:
                for hours in range(0, 97, 4):
                    yield day.replace(tzinfo=None) + timedelta(hours=hours, minutes=dice.randrange(60)) - timedelta(1)


def test_an_offset_is_subtracted_whoever_wrote_it(in_duckdb):
    dice = random.Random(1)
    for _ in range(10):
        texts, expected = zip(*(with_offset(dice) for _ in range(50)), strict=True)
        assert in_duckdb(list(texts)) == list(expected)


def with_offset(dice):
    """A time with an offset, in one of the forms of ISO 8601, PostgreSQL, SQL Server, Java; and the same in UTC."""
    local, seconds = some_time(dice), dice.randrange(18 * 3600 + 1)
    seconds -= seconds % dice.choice([1, 60, 3600])
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    colon, sign = dice.choice([":", ""]), dice.choice("+-")
    parts = [f"{hours:02}", *([f"{minutes:02}"] if minutes or rest else []), *([f"{rest:02}"] if rest else [])]
    written = dice.choice(["", " "]) + sign + colon.join(parts)
    offset = timezone(timedelta(seconds=seconds if sign == "+" else -seconds))
    utc = local.replace(tzinfo=offset).astimezone(UTC).replace(tzinfo=None)
    return f"{local}".replace(" ", dice.choice(" T")) + written, str(utc)


@pytest.fixture
def read(tmp_path):
    def read(text, **landing):
        (tmp_path / "landed").write_text(text, encoding="utf-8")
        return read_landed(tmp_path / "landed", contract(AT, **landing), tmp_path)

    return read


@pytest.mark.parametrize("line", ["at\n{}\n", '{{"at": "{}"}}\n'])
def test_a_time_that_the_clocks_skipped_may_be_declared_to_be_the_moment_of_the_clocks_before(read, line):
    landing = {"format": "json" if "{{" in line else "csv", "zone": "America/Sao_Paulo"}
    assert read(line.format("1985-11-02 00:00:00"), **landing).cell_faults == {"at": 1}
    forward = read(line.format("1985-11-02 00:00:00"), **landing, skipped_times=SkippedTimes.FORWARD)
    assert forward.fingerprint == read("at\n1985-11-02 03:00:00\n").fingerprint


@pytest.mark.parametrize(
    ("zone", "text", "same"),
    [
        ("America/Sao_Paulo", "9999-12-31 23:59:59", "9999-12-31 23:59:59-03:00"),
        ("Europe/Berlin", "0001-01-01 00:00:00", "0001-01-01 00:00:00+00:53:28"),
        ("Europe/Berlin", "9999-12-31 00:00:00", "9999-12-30 23:00:00Z"),
        ("America/Sao_Paulo", "1900-01-01 00:00:00", "1900-01-01 00:00:00-03:06:28"),
    ],
)
def test_the_first_and_the_last_time_may_land_in_any_zone(read, zone, text, same):
    landed = read(f"at\n{text}\n", zone=zone)
    assert landed.faults == ()
    assert landed.fingerprint == read(f"at\n{same}\n").fingerprint
