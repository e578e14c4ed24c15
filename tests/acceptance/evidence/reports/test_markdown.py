import pytest
from evidence_builder import HOSTILE, accepted, hostile, inconclusive, rejected
from markdown_it import MarkdownIt

from acceptance.evidence.evidence import Evidence
from acceptance.evidence.reports.markdown import LONGEST, checks_table, escaped, markdown_summary
from acceptance.untrusted_text import one_line

URI = "s3://evidence/deliveries/nycflights-flights/2013-01-01/4be1f0a7c2d95e6b8a01/"
GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def rendered_text(markdown: str) -> str:
    """What a reader sees; fails if there is anything but paragraphs, headings, tables and the strong text we write."""
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
    remarkable = [check for check in evidence.checks if check.outcome != "passed"]
    assert len(rows) == 1 + 11 + (1 + len(remarkable) if remarkable else 0)


def test_a_summary_says_the_reason_and_lists_failed_checks_first() -> None:
    text = rendered_text(markdown_summary(rejected(), URI))
    assert rejected().reason in text
    assert "not equal" in text
    assert text.index("cells_equal_landed") < text.index("dep_delay_mostly_known") < text.index("tail_numbers")
    assert "carrier_required" not in text


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
