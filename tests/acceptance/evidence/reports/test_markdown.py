import pytest
from evidence_builder import HOSTILE, accepted, hostile, inconclusive, rejected
from markdown_it import MarkdownIt

from acceptance.evidence.evidence import Evidence
from acceptance.evidence.reports.markdown import (
    BREAK,
    EXPECTED_WIDTH,
    LONGEST,
    LONGEST_CELL,
    LONGEST_SKIPPED,
    MOST_CHECKS,
    OBSERVED_WIDTH,
    checks_table,
    escaped,
    markdown_summary,
)
from acceptance.judging.judge import Outcome
from acceptance.untrusted_text import one_line

URI = "s3://evidence/deliveries/nycflights-flights/2013-01-01/4be1f0a7c2d95e6b8a01/"
GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def rendered_text(markdown: str) -> str:
    """What a reader sees; fails if there is anything but paragraphs, headings, tables and the strong text we write.

    The breaks that we put into cells are the only HTML.
    """
    allowed = {
        "paragraph",
        "heading",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "inline",
        "text",
        "strong",
        "softbreak",
    }
    tokens = GITHUB.parse(markdown)
    every = [*tokens, *(child for token in tokens for child in token.children or ())]
    every = [token for token in every if (token.type, token.content) != ("html_inline", BREAK)]
    assert {token.type.removesuffix("_open").removesuffix("_close") for token in every} <= allowed
    return "\n".join("".join(child.content for child in token.children or ()) for token in tokens)


@pytest.mark.parametrize(
    "text", [*HOSTILE, "# x", "1. x", "12) x", "- x", "+ x", "    code", "---", "a_b _c_ __d__", "\\", "\\|"]
)
def test_a_value_is_read_as_it_is(text: str) -> None:
    seen = one_line(text, LONGEST).strip()
    assert rendered_text(escaped(text)).strip() == seen
    assert seen in rendered_text(f"| a | b |\n| --- | --- |\n| {escaped(text)} | c |")


@pytest.mark.parametrize(
    "address", ["https://example.com/x", "www.example.com", "someone@example.com", "HTTP://EXAMPLE.COM"]
)
def test_no_bare_address_is_left_for_a_renderer_to_link(address: str) -> None:
    written = escaped(f"see {address} now")
    assert address not in written
    assert rendered_text(written).strip() == f"see {address} now"


@pytest.mark.parametrize("evidence", [accepted(), rejected(), inconclusive(), *(hostile(text) for text in HOSTILE)])
def test_a_summary_has_only_the_structure_that_we_gave_it(evidence: Evidence) -> None:
    text = rendered_text(markdown_summary(evidence, URI))
    assert URI in text
    assert evidence.verdict.capitalize() in text
    rows = [token for token in GITHUB.parse(markdown_summary(evidence, URI)) if token.type == "tr_open"]
    measured = [check for check in evidence.checks if check.outcome not in ("passed", "skipped")]
    assert len(rows) == 1 + 11 + (1 + len(measured) if measured else 0)


def test_a_summary_says_the_reason_and_lists_failed_checks_first() -> None:
    text = rendered_text(markdown_summary(rejected(), URI))
    assert rejected().reason in text
    assert "not equal" in text
    assert text.index("cells_equal_landed") < text.index("dep_delay_mostly_known") < text.index("tail_numbers")
    assert "carrier_required" not in text


def test_a_reason_that_many_skipped_checks_share_stands_once() -> None:
    evidence = inconclusive()
    skipped = {"outcome": Outcome.SKIPPED, "observed": "not reached: no answer"}
    checks = [evidence.checks[0].model_copy(update={"id": f"check_{n}", **skipped}) for n in range(70)]
    text = rendered_text(markdown_summary(evidence.model_copy(update={"checks": tuple(checks)}), URI))
    assert text.count("not reached: no answer") == 1
    assert "skipped (70): check_0, check_1" in text
    assert "check_49 and 20 more. Observed: not reached: no answer" in text and "check_50" not in text


def test_checks_that_were_skipped_for_the_reason_of_the_verdict_do_not_repeat_it() -> None:
    evidence = inconclusive()
    skipped = {"outcome": Outcome.SKIPPED, "observed": f"not reached: {evidence.reason}"}
    checks = (evidence.checks[0].model_copy(update=skipped),)
    text = rendered_text(markdown_summary(evidence.model_copy(update={"checks": checks}), URI))
    assert text.count(evidence.reason) == 1
    assert "Observed: not reached: see above" in text


def test_what_did_not_pass_stands_before_the_facts_of_the_delivery() -> None:
    text = rendered_text(markdown_summary(rejected(), URI))
    assert text.index("Checks that did not pass") < text.index("Business date")


def test_a_summary_lists_so_many_failed_checks_and_counts_the_others() -> None:
    evidence = rejected()
    failed = evidence.checks_worst_first[0]
    checks = tuple(failed.model_copy(update={"id": f"check_{n}"}) for n in range(MOST_CHECKS + 7))
    text = rendered_text(markdown_summary(evidence.model_copy(update={"checks": checks}), URI))
    assert f"check_{MOST_CHECKS - 1}" in text and f"check_{MOST_CHECKS}" not in text
    assert "and 7 more" in text


def test_expected_and_observed_are_broken_into_lines_that_fit_the_page_and_nothing_of_them_is_lost() -> None:
    evidence = rejected()
    long = "every one of " + ", ".join(f"<a>|*{n}*" for n in range(12))
    check = evidence.checks[0].model_copy(update={"expected": long, "observed": "x" * 100})
    (row,) = checks_table(evidence.model_copy(update={"checks": (check,)}))
    for column, width, whole in (("expected", EXPECTED_WIDTH, long), ("observed", OBSERVED_WIDTH, "x" * 100)):
        lines = [rendered_text(line).strip() for line in row[column].split(BREAK)]
        assert len(lines) > 1 and max(map(len, lines)) <= width
        assert "".join(lines).replace(" ", "") == whole.replace(" ", "")


def test_a_cell_of_very_many_signs_is_cut_as_evidence_json_has_all_of_it() -> None:
    evidence = rejected()
    check = evidence.checks[0].model_copy(update={"observed": "y" * 15_000})
    (row,) = checks_table(evidence.model_copy(update={"checks": (check,)}))
    assert len(row["observed"].replace(BREAK, "")) <= LONGEST_CELL
    assert row["observed"].endswith("…")


def test_the_columns_that_tell_what_is_wrong_come_first() -> None:
    assert list(checks_table(rejected())[0])[:4] == ["outcome", "check", "expected", "observed"]


def test_the_same_long_words_of_many_skipped_checks_are_cut() -> None:
    evidence = rejected()
    skipped = {"outcome": Outcome.SKIPPED, "observed": "not reached: " + "z" * 300}
    (row,) = checks_table(evidence.model_copy(update={"checks": (evidence.checks[0].model_copy(update=skipped),)}))
    assert len(row["observed"].replace(BREAK, "")) <= LONGEST_SKIPPED


def test_unknown_counts_are_said_to_be_unknown() -> None:
    text = rendered_text(markdown_summary(inconclusive(), URI))
    assert "unknown in database_sor.flights_table" in text
    assert "not compared" in text


def test_the_table_has_a_row_for_each_check_with_the_worst_first() -> None:
    rows = checks_table(rejected())
    words = [row["outcome"].split()[-1] for row in rows]
    assert words == ["failed", "failed", "warned", "errored", "skipped", "passed", "passed", "passed"]
    assert rows[2] == {
        "outcome": "⚠ warned",
        "check": "dep_delay_mostly_known",
        "columns": "dep_delay",
        "dimension": "completeness",
        "severity": "warning",
        "expected": "\\< 5 percent",
        "observed": "7.25 percent",
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_of_the_table_is_more_than_text(text: str) -> None:
    for row in checks_table(hostile(text)):
        for cell in row.values():
            rendered_text(cell)


def test_the_manifests_hash_is_in_the_summary_so_that_it_is_kept_outside_of_the_bucket() -> None:
    assert "f" * 64 in markdown_summary(accepted(), "s3://evidence/x/", "f" * 64)
    assert "manifest" not in markdown_summary(accepted(), "s3://evidence/x/")
