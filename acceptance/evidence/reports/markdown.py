"""Evidence as Prefect artifacts show it: a summary in Markdown, and a table of the checks.

Prefect's page renders Markdown in both, the cells of a table included, with HTML in it and links to any scheme. So
every value is escaped: what comes from a file stays text.
"""

import re
from collections.abc import Sequence

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
MOST_FILES = 50
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


def markdown_summary(evidence: Evidence, evidence_uri: str, manifest_sha256: str | None = None) -> str:
    """The verdict on one screen. `evidence_uri` is the s3:// prefix of the files.

    The manifest's hash is kept here, outside of the evidence bucket: with it a chain that was cut is found out.
    """
    remarkable = [check for check in evidence.checks_worst_first if check.outcome is not Outcome.PASSED]
    parts = [
        f"# {VERDICTS[evidence.verdict]}\n\n{escaped(evidence.reason)}",
        _table(("Fact", "Value"), _facts(evidence)),
    ]
    if len(evidence.delivery.members) > 1:
        parts.append(_files(evidence.delivery))
    if remarkable:
        rows = [(SIGNS[c.outcome], escaped(c.id), escaped(c.expected), escaped(c.observed)) for c in remarkable]
        parts.append("## Checks that did not pass\n\n" + _table(("Outcome", "Check", "Expected", "Observed"), rows))
    parts.append(f"## Evidence\n\n{escaped(evidence_uri)}")
    if manifest_sha256:
        parts.append(f"Sealed by a manifest of SHA-256 {escaped(manifest_sha256)}")
    return "\n\n".join(parts) + "\n"


def checks_table(evidence: Evidence) -> list[dict[str, str]]:
    """One row for each check, the worst first; what matters most stands left, as the page cuts at the right."""
    return [_row(check) for check in evidence.checks_worst_first]


def _row(check: CheckRecord) -> dict[str, str]:
    return {
        "outcome": SIGNS[check.outcome],
        "check": escaped(check.id),
        "expected": escaped(check.expected),
        "observed": escaped(check.observed),
        "columns": escaped(", ".join(check.columns)),
        "dimension": escaped(check.dimension or ""),
        "severity": escaped(check.severity),
    }


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
