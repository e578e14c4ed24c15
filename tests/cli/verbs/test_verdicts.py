"""Verdicts on a terminal: what a file is called or holds is shown as it is."""

from datetime import UTC, date, datetime
from io import StringIO

from builders import a_delivery

from acceptance.judging.judge import Judged, Verdict
from cli.terminal import Terminal
from cli.verbs.verdicts import print_verdicts

NOW = datetime(2024, 1, 31, tzinfo=UTC)


def shown(file: str, reason: str) -> str:
    delivery = a_delivery(f"movies/{file}", dataset="movies", day=date(2024, 1, 31))
    judged = Judged(Verdict.REJECTED, reason, NOW, "s3://evidence/deliveries/movies/")
    written = StringIO()
    print_verdicts([delivery], {delivery.id: judged}, Terminal(file=written, width=200))
    return written.getvalue()


def test_brackets_in_a_key_or_a_cell_are_not_taken_for_markup() -> None:
    text = shown("[red] [bold].csv", "observed '[/x]'")
    assert "[red] [bold].csv" in text
    assert "observed '[/x]'" in text


def test_a_long_reason_is_cut_and_the_evidence_named() -> None:
    text = shown("a.csv", "word " * 100)
    assert "word word…" in text
    assert "s3://evidence/deliveries/movies/" in text


def test_of_a_name_that_is_too_long_the_beginning_is_shown() -> None:
    assert "movies 2024-01-31 nnnnnnnn" in shown("n" * 900 + ".csv", "good")
