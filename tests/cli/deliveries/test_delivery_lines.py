"""A line for each delivery in 80 columns: nothing that matters is cut, and addresses can be copied."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from builders import a_delivery

from acceptance.judging.judge import Judged, Verdict
from cli.deliveries.addresses import Addresses
from cli.deliveries.lines import Line, age_text, print_lines
from cli.terminal import Terminal
from cli.verbs.verdicts import print_verdicts

DAY = date(2026, 1, 31)
CAUSE = "the job answered: " + "word " * 80 + "because the disk of the cluster is full"


def shown(*lines: Line, width: int = 80) -> list[str]:
    written = StringIO()
    print_lines(Terminal(file=written, width=width), lines)
    return written.getvalue().splitlines()


def test_verdict_date_age_dataset_and_file_stand_on_one_line() -> None:
    (line,) = shown(Line("accepted", "shop-orders", DAY, "orders.csv", timedelta(minutes=3)))
    assert line.split() == ["✔", "accepted", "2026-01-31", "3", "min", "shop-orders", "orders.csv"]


def test_datasets_and_files_stand_below_one_another() -> None:
    short, long = shown(Line("accepted", "a", DAY, "one.csv"), Line("rejected", "longer-name", DAY, "two.csv"))
    assert short.index("one.csv") == long.index("two.csv")


@pytest.mark.parametrize("dataset", ["orders", "d" * 60, "d" * 200])
def test_a_file_that_does_not_fit_has_a_line_of_its_own_and_is_not_cut(dataset: str) -> None:
    file = "a-name-of-a-file-that-is-longer-than-any-terminal-" * 3 + "end.csv"
    first, second = shown(Line("rejected", dataset, DAY, file))
    assert first.endswith(dataset)
    assert second.strip() == file


def test_the_whole_reason_stands_below_in_80_columns() -> None:
    _, *below = shown(Line("inconclusive", "orders", DAY, "a.csv", below=[CAUSE]))
    assert max(map(len, below)) <= 80
    assert " ".join(line.strip() for line in below) == CAUSE


def test_an_address_is_never_broken() -> None:
    address = "http://127.0.0.1:5000/evidence/" + "x" * 300
    assert shown(Line("rejected", "orders", DAY, "a.csv", addresses=[address]))[1].strip() == address


def test_a_name_in_signs_of_two_columns_is_measured_as_it_is_shown() -> None:
    one, two = shown(Line("accepted", "注文", DAY, "a.csv"), Line("accepted", "orders", DAY, "b.csv"))
    assert one.index("a.csv") + 2 == two.index("b.csv")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (172_799, "47 h"), (172_800, "2 d")],
)
def test_an_age_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    assert age_text(timedelta(seconds=seconds)) == text


def test_drop_shows_the_cause_of_a_verdict_and_a_page_that_opens() -> None:
    delivery, written = a_delivery("movies/a.csv", dataset="movies", day=DAY), StringIO()
    judged = Judged(Verdict.REJECTED, CAUSE, datetime(2026, 1, 31, tzinfo=UTC), "s3://evidence/deliveries/movies/1/")
    addresses = Addresses("http://127.0.0.1:5000", "us-east-1")
    print_verdicts([delivery], {delivery.id: judged}, Terminal(file=written, width=80), addresses)
    assert "cluster is full" in " ".join(written.getvalue().split())
    assert "http://127.0.0.1:5000/evidence/deliveries/movies/1/evidence.html\n" in written.getvalue()


@pytest.mark.parametrize("before", range(40, 76))
def test_a_command_in_backticks_is_not_broken(before: int) -> None:
    told = f"{'x' * before} and then `aceite status --json` has them"
    lines = shown(Line("rejected", "a", DAY, "a.csv", below=(told,)))[1:]
    assert any("`aceite status --json`" in line for line in lines)
    assert " ".join(line.strip() for line in lines) == told
    assert max(map(len, lines)) <= 80


def test_a_command_that_is_longer_than_the_terminal_is_not_broken_either() -> None:
    command = f"`aceite contracts check {'long-name/' * 12}a.odcs.yaml`"
    lines = shown(Line("rejected", "a", DAY, "a.csv", below=(f"it is wrong: {command} says why",)))
    assert [line.strip() for line in lines[1:]] == ["it is wrong:", command, "says why"]
