"""Evidence as one page for people: no network, no script, nothing computed again."""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from acceptance.evidence import DeliveryRecord, Evidence, Member
from acceptance.judge import Outcome, Verdict
from acceptance.reports.readable import bytes_text, count_text, duration_text, files_text, in_utc, moment_text, visible
from acceptance.reports.waterfall import waterfall

MEANING = {
    Verdict.ACCEPTED: "What the contract promises holds.",
    Verdict.REJECTED: "The delivery does not hold what its contract promises.",
    Verdict.INCONCLUSIVE: "The delivery could not be judged.",
}


def evidence_html(evidence: Evidence, *, links: Mapping[str, str] = MappingProxyType({})) -> str:
    """A self-contained page. `links` maps a label to the name of a file beside the page, or to an address elsewhere.

    Only names of files beside the page become links; an address elsewhere is text, so that the page leads nowhere.
    """
    checks = evidence.checks_worst_first
    return _page().render(
        evidence=evidence,
        meaning=MEANING[evidence.verdict],
        files=_several(evidence.delivery),
        waterfall=waterfall(evidence.steps, evidence.run.started, evidence.run.ended),
        remarkable=[check for check in checks if check.outcome is not Outcome.PASSED],
        passed=[check for check in checks if check.outcome is Outcome.PASSED],
        fold_passed=any(check.outcome in (Outcome.FAILED, Outcome.ERRORED) for check in checks),
        counts=[(outcome, sum(check.outcome is outcome for check in checks)) for outcome in Outcome],
        links=[(label, address, "/" not in address and ":" not in address) for label, address in links.items()],
        evidence_json=_script_text(evidence.to_json()),
    )


def _several(delivery: DeliveryRecord) -> Sequence[tuple[str, Member]]:
    """The name and the facts of each file of a delivery of several."""
    members = sorted(delivery.members, key=lambda member: member.key)
    return list(zip(delivery.files, members, strict=True)) if len(members) > 1 else []


def _script_text(json: bytes) -> Markup:
    """JSON that cannot end the script element that holds it: the same document, with these characters escaped."""
    text = json.decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _shown(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _page() -> Template:
    environment = Environment(
        loader=PackageLoader("acceptance.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "bytes": bytes_text,
        "count": count_text,
        "duration": duration_text,
        "files": files_text,
        "moment": moment_text,
        "utc": in_utc,
    }
    return environment.get_template("evidence.html.jinja")
