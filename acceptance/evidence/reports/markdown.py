"""Evidence as Prefect artifacts show it: a summary in Markdown, and a table of the checks.

Prefect's page renders Markdown in both, the cells of a table included, with HTML in it and links to any scheme. So
every value is escaped: what comes from a file stays text. The page breaks no line of a cell by itself, and cuts a table
at the right, so long values are broken here: expected and observed are both seen on a screen of 1,400 pixels.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from acceptance.evidence.evidence import CheckRecord, DeliveryRecord, Evidence
from acceptance.evidence.reports.formatting import (
    bytes_text,
    count_text,
    duration_text,
    files_text,
    in_utc,
    moment_text,
)
from acceptance.judging.judge import Outcome, Verdict
from acceptance.untrusted_text import one_line

LONGEST = 500
LONGEST_CELL, LONGEST_SKIPPED = 200, 60
"""The most of a value in a table of checks; evidence.json has all of it.

Skipped checks share what was observed, which is the reason of the verdict.
"""
MOST_FILES = 50
MOST_CHECKS = 50
"""The most checks that the summary lists; the table of the checks has all of them."""
CHECK_WIDTH, EXPECTED_WIDTH, OBSERVED_WIDTH = 26, 34, 34
"""Signs in a line of a cell. With the outcome they fill the 845 pixels that the page has for a table."""
BREAK = "<br>"
SIGNS = {
    Outcome.PASSED: "✓ passed",
    Outcome.WARNED: "⚠ warned",
    Outcome.FAILED: "✗ failed",
    Outcome.ERRORED: "? errored",
    Outcome.SKIPPED: "– skipped",
}
VERDICTS = {
    Verdict.ACCEPTED: "✓ Accepted",
    Verdict.REJECTED: "✗ Rejected",
    Verdict.INCONCLUSIVE: "? Inconclusive",
}

_SPECIAL = re.compile(
    r"[\\`*\[\]<>&|~@]"  # code, emphasis, links, HTML, entities, table cells, strikethrough, addresses
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis, except within a word: movie_id stays readable
    r"|:(?=//)|(?i:(?<=www)\.)"  # bare addresses become links
    r"|^[#+=-]"  # headings, rules and lists
)
_NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")


def escaped(value: str) -> str:
    """One line of Markdown that shows the value as it is; a very long one is cut."""
    return _NUMBERED.sub(r"\1\\\2", _SPECIAL.sub(r"\\\g<0>", one_line(value, LONGEST).strip()))


def in_lines(value: str, width: int, longest: int = LONGEST_CELL) -> str:
    """The value as one cell of a table, in lines of at most so many signs; a very long one is cut."""
    lines = textwrap.wrap(one_line(value, longest).strip(), width, break_on_hyphens=False)
    return BREAK.join(map(escaped, lines))


def markdown_summary(evidence: Evidence, evidence_uri: str, manifest_sha256: str | None = None) -> str:
    """The verdict on one screen. `evidence_uri` is the s3:// prefix of the files.

    The manifest's hash is kept here, outside of the evidence bucket: with it a chain that was cut is found out.
    """
    remarkable = [check for check in evidence.checks_worst_first if check.outcome is not Outcome.PASSED]
    parts = [f"# {VERDICTS[evidence.verdict]}\n\n{escaped(evidence.reason)}"]
    if remarkable:
        parts += ["## Checks that did not pass", *_remarkable(remarkable, evidence.reason), "## Delivery"]
    parts.append(_table(("Fact", "Value"), _facts(evidence)))
    if len(evidence.delivery.members) > 1:
        parts.append(_files(evidence.delivery))
    parts.append(f"## Evidence\n\n{escaped(evidence_uri)}")
    if manifest_sha256:
        parts.append(f"Sealed by a manifest of SHA-256 {escaped(manifest_sha256)}")
    return "\n\n".join(parts) + "\n"


def checks_table(evidence: Evidence) -> list[dict[str, str]]:
    """One row for each check, the worst first; what matters most stands left, as the page cuts at the right."""
    return [_row(check) for check in evidence.checks_worst_first]


def _row(check: CheckRecord) -> dict[str, str]:
    longest = LONGEST_SKIPPED if check.outcome is Outcome.SKIPPED else LONGEST_CELL
    return {
        "outcome": SIGNS[check.outcome],
        "check": in_lines(check.id, CHECK_WIDTH),
        "expected": in_lines(check.expected, EXPECTED_WIDTH),
        "observed": in_lines(check.observed, OBSERVED_WIDTH, longest),
        "columns": in_lines(", ".join(check.columns), EXPECTED_WIDTH),
        "dimension": escaped(check.dimension or ""),
        "severity": escaped(check.severity),
    }


def _remarkable(checks: Sequence[CheckRecord], reason: str) -> Iterator[str]:
    """The checks that were measured as a table; those that were not, once for each reason that they share."""
    measured = [check for check in checks if check.outcome is not Outcome.SKIPPED]
    if measured:
        rows = [tuple(_row(check)[key] for key in ("outcome", "check", "expected", "observed")) for check in measured]
        left = len(rows) - MOST_CHECKS
        more = f"\n\nand {count_text(left)} more" if left > 0 else ""
        yield _table(("Outcome", "Check", "Expected", "Observed"), rows[:MOST_CHECKS]) + more
    skipped = [check for check in checks if check.outcome is Outcome.SKIPPED]
    for observed, of in groupby(sorted(skipped, key=_observed), key=_observed):
        ids = [check.id for check in of]
        more = f" and {count_text(len(ids) - MOST_CHECKS)} more" if len(ids) > MOST_CHECKS else ""
        names = ", ".join(map(escaped, ids[:MOST_CHECKS]))
        why = escaped(observed.replace(reason, "see above") if reason else observed)
        yield f"{SIGNS[Outcome.SKIPPED]} ({count_text(len(ids))}): {names}{more}. Observed: {why}"


def _observed(check: CheckRecord) -> str:
    return check.observed


def _facts(evidence: Evidence) -> list[tuple[str, str]]:
    delivery, run, table = evidence.delivery, evidence.run, evidence.table
    took = duration_text(in_utc(run.ended) - in_utc(run.started))
    return [
        ("Dataset", escaped(f"{evidence.contract.name} ({delivery.dataset})")),
        ("Business date", delivery.business_date.isoformat()),
        ("File" if len(delivery.members) == 1 else "Files", escaped(files_text(delivery))),
        ("Revision", str(delivery.revision)),
        ("Rows landed", _count(evidence.landed.rows)),
        ("Rows in the table", _count(table.rows) + f" in {escaped(f'{table.database}.{table.name}')}"),
        ("Cells", {True: "equal", False: "**not equal**", None: "not compared"}[evidence.cells_agree]),
        ("Checks", _outcomes(evidence)),
        ("Judged", f"{moment_text(run.ended)}, in {took}"),
        ("Contract", escaped(f"{evidence.contract.id} {evidence.contract.version}")),
        ("Delivery", escaped(delivery.id)),
    ]


def _files(delivery: DeliveryRecord) -> str:
    members = sorted(delivery.members, key=lambda member: member.key)
    rows = [
        (escaped(name), _count(member.rows), bytes_text(member.size))
        for name, member in zip(delivery.files, members, strict=True)
    ]
    left = len(rows) - MOST_FILES
    more = f"\n\nand {left} more" if left > 0 else ""
    return f"## {count_text(len(rows))} files\n\n{_table(('File', 'Rows', 'Size'), rows[:MOST_FILES])}{more}"


def _outcomes(evidence: Evidence) -> str:
    counts = [(outcome, sum(check.outcome is outcome for check in evidence.checks)) for outcome in Outcome]
    return ", ".join(f"{count} {outcome}" for outcome, count in counts if count) or "none"


def _count(number: int | None) -> str:
    return "unknown" if number is None else count_text(number)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
