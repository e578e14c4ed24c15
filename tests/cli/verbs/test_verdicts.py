"""Verdicts on a terminal: what a file is called or holds is shown as it is."""

from datetime import UTC, date, datetime
from io import StringIO

from builders import a_delivery

from acceptance.judging.judge import Judged, Verdict
from cli.deliveries.addresses import Addresses
from cli.terminal import Terminal
from cli.verbs.verdicts import print_verdicts

NOW = datetime(2024, 1, 31, tzinfo=UTC)


def shown(file: str, reason: str) -> str:
    delivery = a_delivery(f"movies/{file}", dataset="movies", day=date(2024, 1, 31))
    judged = Judged(Verdict.REJECTED, reason, NOW, "s3://evidence/deliveries/movies/")
    written = StringIO()
    print_verdicts([delivery], {delivery.id: judged}, Terminal(file=written, width=200), Addresses(None, None))
    return written.getvalue()


def test_brackets_in_a_key_or_a_cell_are_not_taken_for_markup() -> None:
    text = shown("[red] [bold].csv", "observed '[/x]'")
    assert "[red] [bold].csv" in text
    assert "observed '[/x]'" in text


def test_a_long_reason_is_shown_to_its_end() -> None:
    assert "cause of it all" in " ".join(shown("a.csv", "word " * 100 + "cause of it all").split())


def test_a_name_that_is_too_long_is_not_cut() -> None:
    assert "n" * 900 + ".csv" in shown("n" * 900 + ".csv", "good")
