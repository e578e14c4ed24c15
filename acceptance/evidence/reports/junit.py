"""Evidence as JUnit XML, for whatever already reads test results.

A failure says that the data is wrong, an error that it could not be judged. A suite is green only if the
delivery is accepted.
"""

from xml.etree import ElementTree as ET

from acceptance.contract.checks import Metric
from acceptance.evidence.evidence import CheckRecord, Evidence, StepRecord, StepStatus
from acceptance.evidence.reports.formatting import in_utc
from acceptance.judging.judge import Outcome, Verdict
from acceptance.untrusted_text import one_line, several_lines

_RESULT = {Outcome.FAILED: "failure", Outcome.ERRORED: "error", Outcome.SKIPPED: "skipped"}


def junit_xml(evidence: Evidence) -> bytes:
    """One suite for the delivery, with a test case for each step and each check."""
    delivery, run = evidence.delivery, evidence.run
    suite = _element("testsuite", name=f"{delivery.dataset} {delivery.business_date.isoformat()}")
    suite.set("timestamp", in_utc(run.started).strftime("%Y-%m-%dT%H:%M:%S"))
    suite.set("time", f"{(in_utc(run.ended) - in_utc(run.started)).total_seconds():.3f}")
    suite.append(_properties(evidence))
    suite.extend(_step_case(delivery.dataset, step) for step in evidence.steps)
    suite.extend(_check_case(evidence, check) for check in evidence.checks)
    if (
        evidence.verdict is not Verdict.ACCEPTED
        and suite.find("testcase/failure") is suite.find("testcase/error") is None
    ):
        suite.append(_verdict_case(evidence))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    suites = _element("testsuites", name="aceite")
    suites.append(suite)
    ET.indent(suites)
    document: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _step_case(dataset: str, step: StepRecord) -> ET.Element:
    case = _element("testcase", classname=f"{dataset}.steps", name=step.name)
    if step.started and step.ended:
        case.set("time", f"{max(0.0, (in_utc(step.ended) - in_utc(step.started)).total_seconds()):.3f}")
    ids = "\n".join(f"{name}: {value}" for name, value in step.ids.items())
    if step.status is StepStatus.FAILED:
        case.append(_element("error", ids, message=step.detail or "the step failed", type="step"))
    elif step.status is StepStatus.SKIPPED:
        case.append(_element("skipped", message=step.detail or "the step was skipped"))
    elif ids or step.detail:
        case.append(_element("system-out", "\n".join(filter(None, (step.detail, ids)))))
    return case


def _check_case(evidence: Evidence, check: CheckRecord) -> ET.Element:
    case = _element("testcase", classname=f"{evidence.delivery.dataset}.checks", name=check.id)
    message = f"expected {check.expected}, observed {check.observed}"
    if tag := _RESULT.get(check.outcome):
        case.append(_element(tag, _about(evidence, check), message=message, type=check.metric))
    else:
        case.append(_element("system-out", f"{check.outcome}: {message}\n{_about(evidence, check)}".rstrip()))
    return case


def _about(evidence: Evidence, check: CheckRecord) -> str:
    lines = [check.description, f"columns: {', '.join(check.columns)}" if check.columns else ""]
    lines += [f"query: {check.query_id}" if check.query_id else ""]
    if check.metric == Metric.LANDED_READABLE:
        lines += [str(fault) for fault in evidence.landed.faults]
    if check.metric == Metric.CELLS_EQUAL_LANDED and evidence.differences:
        lines += [str(row) for row in evidence.differences.rows]
    return "\n".join(filter(None, lines))


def _verdict_case(evidence: Evidence) -> ET.Element:
    """For a verdict that no step and no check explains."""
    case = _element("testcase", classname=evidence.delivery.dataset, name="verdict")
    case.append(_element("error", message=f"{evidence.verdict}: {evidence.reason}", type=evidence.verdict))
    return case


def _properties(evidence: Evidence) -> ET.Element:
    delivery, contract, run = evidence.delivery, evidence.contract, evidence.run
    facts = [
        ("verdict", evidence.verdict),
        ("reason", evidence.reason),
        ("evidence.format", evidence.format),
        ("delivery.id", delivery.id),
        ("delivery.revision", str(delivery.revision)),
        ("contract.id", contract.id),
        ("contract.version", contract.version),
        ("contract.sha256", contract.sha256),
        ("run.flow_run_id", run.flow_run_id),
        ("run.event_id", run.event_id),
        ("run.aws_account", run.aws_account),
        ("run.aws_caller", run.aws_caller),
        ("landed.fingerprint", evidence.landed.fingerprint),
        ("table.fingerprint", evidence.table.fingerprint),
    ]
    for number, member in enumerate(delivery.members, 1):
        facts += [(f"member.{number}.uri", member.uri), (f"member.{number}.etag", member.etag)]
        facts += [(f"member.{number}.version_id", member.version_id), (f"member.{number}.sha256", member.sha256)]
    facts += [(f"query.{query.purpose}", query.query_id) for query in evidence.queries]
    facts += [(f"software.{name}", version) for name, version in run.software.items()]
    properties = ET.Element("properties")
    properties.extend(_element("property", name=name, value=value) for name, value in facts if value)
    return properties


def _element(tag: str, text: str = "", **attributes: str) -> ET.Element:
    element = ET.Element(tag, {name: one_line(value) for name, value in attributes.items()})
    element.text = several_lines(text) or None
    return element
