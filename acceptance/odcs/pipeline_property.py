"""The custom property `pipeline`: what runs between landing and table, step by step."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, assert_never

from acceptance.contract.aws_names import (
    ANY_BUCKET,
    CRAWLER,
    DETAIL_TYPE,
    EVENT_BUS,
    EVENT_SOURCE,
    FUNCTION,
    GLUE_JOB,
    STATE_MACHINE,
    WORKFLOW,
    NameKind,
)
from acceptance.contract.contract import Column, Completion, Override, Single, shared_fields
from acceptance.contract.hive_types import HiveKind, whole_number
from acceptance.contract.keys.template import KeyTemplate
from acceptance.contract.keys.tokens import Placeholder, tokens, write
from acceptance.contract.steps import (
    FIRES_BY_ITSELF,
    OWN_PROPERTY,
    STEP_KINDS,
    AwaitExecution,
    AwaitGlueJob,
    AwaitObject,
    AwaitTable,
    Invoke,
    PutEvent,
    RunCrawler,
    RunGlueJob,
    RunWorkflow,
    StartExecution,
    Step,
    Until,
)
from acceptance.deliveries.placeholders import OF_ONE_FILE, known_placeholders, unknown_placeholders
from acceptance.errors import nearest
from acceptance.odcs.columns.columns import column_name
from acceptance.odcs.document.aws_name import aws_name
from acceptance.odcs.document.node import Node, hint, shown
from acceptance.odcs.document.yaml_document import holds_variable

KINDS: Mapping[str, type[Step]] = {kind.verb: kind for kind in STEP_KINDS}

KEYS = {verb: (verb, *(field.name for field in fields(kind)[1:])) for verb, kind in KINDS.items()}
"""The keys that each kind of step may have."""

_PARAMETER = re.compile(r"/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")  # AWS API reference, PutParameter
_A_DAY = date(2001, 2, 3)
_LATE_DAY = date(2099, 12, 31)  # its texts are as great as those of a day of this century can be
_URI = re.compile(r"s3://([^/]+)/.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PipelineProperty:
    override: tuple[Override, ...]
    steps: tuple[Step, ...]
    partition: Mapping[str, str]


def read_pipeline(
    pipeline: Node,
    table: Node,
    columns: Mapping[str, Column],
    template: KeyTemplate | None,
    completion: Completion,
) -> PipelineProperty:
    """Read the whole property. `template` is None if the location was refused; no placeholder is then refused."""
    known = known_placeholders(template) if template else None
    of_partition = _known_of_partition(known or (), completion, template) if template else None
    return PipelineProperty(
        _read_override(pipeline, known),
        _read_steps(pipeline, known),
        _read_partition(pipeline, table, columns, of_partition),
    )


def _known_of_partition(known: tuple[str, ...], completion: Completion, template: KeyTemplate) -> tuple[str, ...]:
    """Return the placeholders that have one value for all files of a delivery, as it lies in one partition."""
    shared = shared_fields(completion, template)
    of_one_file = set() if isinstance(completion, Single) else {*OF_ONE_FILE, *template.fields} - {*shared}
    return tuple(name for name in known if name != "prefix" and name not in of_one_file)


def _read_override(pipeline: Node, known: Sequence[str] | None) -> tuple[Override, ...]:
    """Read the temporary parameters. `known` are the placeholders that their values may hold, if the template says."""
    overrides: dict[str, Override] = {}
    for node in pipeline["override"].sequence():
        node.mapping().refuse_unknown_keys(("parameter", "copy_of", "set"))
        parameter, copy_of = (_parameter(node[key]) for key in ("parameter", "copy_of"))
        if parameter is None:
            node.refuse("an override needs the name of its parameter")
            continue
        if parameter == copy_of:
            node["copy_of"].refuse("a parameter cannot be a copy of itself: the pipeline's own would be overwritten")
        if parameter in overrides:
            node["parameter"].refuse(f"the parameter {parameter} is overridden twice")
        if not node["set"].mapping().value:
            node.refuse("an override needs `set`, the keys of the parameter's JSON object and their values")
        refuse_unknown_placeholders(node["set"], known)
        overrides[parameter] = Override(parameter, copy_of, node["set"].mapping().value)
    return tuple(overrides.values())


def _read_steps(pipeline: Node, known: Sequence[str] | None) -> tuple[Step, ...]:
    steps: list[Step] = []
    for node in pipeline["steps"].sequence():
        if not isinstance(node.value, dict):
            node.refuse(f"found {shown(node.value)}; a step is a mapping with one of {', '.join(KINDS)}")
            continue
        verbs = [verb for verb in KINDS if verb in node]
        if len(verbs) != 1:
            found = " and ".join(verbs) or ", ".join(node.value) or "none"
            meant = next((key for key in node.value if not verbs and nearest(key, KINDS)), found)
            node.refuse(f"a step is exactly one action, found {found}; {hint(meant, tuple(KINDS))}")
            continue
        node.refuse_unknown_keys(KEYS[verbs[0]])
        refuse_unknown_placeholders(node, known)
        step = _step(KINDS[verbs[0]], node)
        started = [before for before in steps if before.starts]
        if step.glue_job and not step.starts and started and all(before.glue_job for before in started):
            node.refuse("there is no `invoke` before it that could have started the job; to start it use run_glue_job")
        if (
            isinstance(step, AwaitExecution)
            and started
            and not any(
                isinstance(before, Invoke | PutEvent)
                or (isinstance(before, StartExecution) and before.state_machine == step.state_machine)
                for before in started
            )
        ):
            node.refuse(
                f"there is no `start_execution: {step.state_machine}` before it, whose execution it could await"
            )
        if steps and steps[-1].awaited_table:
            node.refuse("it follows `await_table`, which is the last step of a pipeline: the table is judged after it")
        steps.append(step)
    if not any(step.starts or step.awaited_table for step in steps):
        steps.append(FIRES_BY_ITSELF)
        pipeline["steps"].note(
            "none starts anything, so the pipeline fires by itself; the last step is {await_table: agrees, within: "
            f"{FIRES_BY_ITSELF.default_within}}}: a delivery that does not agree with the table by then is not accepted"
        )
    return tuple(steps)


def _read_partition(
    pipeline: Node, table: Node, columns: Mapping[str, Column], known: Sequence[str] | None
) -> Mapping[str, str]:
    """Read the text of each partition column, in the order of the table's partition keys."""
    given = {child.key.lower(): child for child in pipeline["partition"].mapping()}
    partitioned = {column_name(node): node for node in table["properties"] if node["partitioned"].value}
    for name, node in given.items():
        if name not in partitioned:
            node.refuse(
                f"{name} is not a column with `partitioned: true`; {hint(name, tuple(partitioned) or ('none',))}"
            )
            continue
        refuse_unknown_placeholders(node, known)
        if name in columns:
            _refuse_misfit(node, columns[name])
    for name, node in partitioned.items():
        if name not in given:
            node.refuse(
                f"the partition column {name} has no value; add it to `partition` of the pipeline"
                + ("" if pipeline.value else _lacking(name, columns))
            )
    order = sorted(partitioned, key=lambda name: max(partitioned[name]["partitionKeyPosition"].value or 0, 0))
    return {name: given[name].text() for name in order if name in given}


def _lacking(name: str, columns: Mapping[str, Column]) -> str:
    """Return how the message about a partition column goes on for a contract without the whole property."""
    format_ = "%Y-%m-%d" if name in columns and columns[name].kind is HiveKind.DATE else "%Y%m%d"
    return (
        ", a custom property that the contract lacks: {property: pipeline, vendor: aceite, value: "
        f'{{steps: [...], partition: {{{name}: "{{business_date:{format_}}}"}}}}}}'
    )


def _step(kind: type[Step], node: Node) -> Step:
    verb, within = kind.verb, node["within"].duration(kind.default_within)
    if issubclass(kind, AwaitTable):
        if node[verb].value is None:
            node[verb].refuse(f"{verb} needs the table's state; allowed: {', '.join(Until)}")
        return AwaitTable(node[verb].choice(Until.AGREES), within)
    name = node[verb].text()
    if node[verb].value is None:
        node[verb].refuse(f"{verb} needs a name")
    if issubclass(kind, AwaitObject):
        _refuse_uri(node[verb], name)
        return AwaitObject(name, within)
    if "{" in name:
        node[verb].refuse(f"found {name!r}; a name cannot hold placeholders, only ${{VARIABLES}}")
    else:
        aws_name(node[verb], _named(kind))
    if issubclass(kind, AwaitGlueJob):
        return AwaitGlueJob(name, within)
    if issubclass(kind, RunGlueJob):
        return RunGlueJob(name, _arguments(node["arguments"]), within)
    if issubclass(kind, RunCrawler):
        return RunCrawler(name, within)
    if issubclass(kind, StartExecution):
        return StartExecution(name, _json(node["input"]), within)
    if issubclass(kind, AwaitExecution):
        return AwaitExecution(name, within)
    if issubclass(kind, RunWorkflow):
        return RunWorkflow(name, _properties(node["properties"]), within)
    if issubclass(kind, PutEvent):
        for key, named in (("source", EVENT_SOURCE), ("detail_type", DETAIL_TYPE)):
            if node[key].value is None:
                node[key].refuse(f"put_event needs a {key}: rules of the bus choose events by it")
            aws_name(node[key], named)
        detail = dict(node["detail"].mapping().value or {})
        return PutEvent(name, node["source"].text(), node["detail_type"].text(), detail, within)
    if issubclass(kind, Invoke):
        return Invoke(name, _json(node["payload"]), within, node["asynchronous"].flag())
    assert_never(kind)


def _named(kind: type[Step]) -> NameKind:
    """Return the kind of name that stands behind the verb."""
    if issubclass(kind, StartExecution | AwaitExecution):
        return STATE_MACHINE
    if issubclass(kind, RunCrawler):
        return CRAWLER
    if issubclass(kind, RunWorkflow):
        return WORKFLOW
    if issubclass(kind, PutEvent):
        return EVENT_BUS
    return FUNCTION if issubclass(kind, Invoke) else GLUE_JOB


def _json(node: Node) -> Any:
    return {} if node.value is None else node.value


def _refuse_uri(node: Node, uri: str) -> None:
    """Refuse what is no object's uri. Its bucket is the contract's word: who names files must not choose it."""
    match = _URI.fullmatch(uri)
    if uri and match is None:
        node.refuse(f"found {uri!r}; an object is s3://bucket/key, or s3://bucket/prefix/ for any object below")
    elif match is not None and not holds_variable(match[1]):
        if "{" in match[1]:
            node.refuse(f"found {uri!r}; its bucket cannot hold placeholders: write its name, or a ${{VARIABLE}}")
        elif problem := ANY_BUCKET.problem_of(match[1]):
            node.refuse(f"found {uri!r}; {match[1]!r} {problem}")


def _arguments(node: Node) -> Mapping[str, str]:
    for child in node.mapping():
        if not child.key.startswith("--"):
            child.refuse(f"Glue passes only arguments that begin with '--'; write {'--' + child.key!r}")
        child.text()
    return {child.key: child.text() for child in node.mapping()}


def _properties(node: Node) -> Mapping[str, str]:
    for child in node.mapping():
        if child.key == OWN_PROPERTY:
            child.refuse(f"{OWN_PROPERTY} is the property by which Aceite knows the delivery's own run; name another")
    return {child.key: child.text() for child in node.mapping()}


def _parameter(node: Node) -> str | None:
    name = node.text()
    if name and not _PARAMETER.fullmatch(name):
        node.refuse(f"{name!r} cannot be an SSM parameter: letters, digits, and . - _ between slashes, no placeholders")
    return name or None


def refuse_unknown_placeholders(node: Node, known: Sequence[str] | None) -> None:
    """Refuse the placeholders of every text below the node, each at its line; none without a template to know them."""
    if isinstance(node.value, dict | list):
        for child in node:
            refuse_unknown_placeholders(child, known)
    else:
        try:
            names = unknown_placeholders(node.value, known or ())
        except ValueError as error:
            node.refuse(str(error))
        else:
            for name in names if known else ():
                node.refuse(f"unknown placeholder {{{name}}}; {hint(name, known or ())}")


def _refuse_misfit(node: Node, column: Column) -> None:
    """Refuse a partition value that is not one of its column's type on every day: deliveries would fail."""
    text = node.text()
    if not text:
        if node.value is None:
            node.refuse("a partition column needs a text, such as '{business_date:%Y%m%d}'")
        return
    try:
        parts = tokens(text)
        examples = {day: "".join(write(part, day, defaultdict(lambda: "1")) for part in parts) for day in _DAYS}
    except ValueError:
        return  # the reader has refused the text already
    example = examples[_A_DAY]
    if column.kind.is_whole and whole_number(example) is None:
        node.refuse(f"{text!r} is no whole number, but {column.name} is {column.type}; write {{business_date:%Y%m%d}}")
        return
    if any(isinstance(part, Placeholder) and part.is_field for part in parts):
        return  # each key has its own text, and a delivery whose text does not fit is rejected
    if column.kind is HiveKind.DATE and example != _A_DAY.isoformat():
        node.refuse(f"{text!r} is no date like {_A_DAY}, but {column.name} is a date; write {{business_date:%Y-%m-%d}}")
    for day, value in examples.items():
        if problem := _misfit(value, column):
            node.refuse(f"{text!r} makes {value} of {day}, but {column.name} is {column.type}, {problem}")
            return


_DAYS = (_A_DAY, _LATE_DAY)


def _misfit(value: str, column: Column) -> str:
    """Return what the type holds, and a type that holds the value, if it does not; else ""."""
    bounds, length = column.hive_type.integer_bounds, column.hive_type.length
    if bounds and not bounds[0] <= int(value) <= bounds[1]:
        return f"which holds {bounds[0]} to {bounds[1]}; make the column a larger whole number"
    if length is not None and len(value) > length:
        return f"which holds {length} characters; make it varchar({len(value)}) or a string"
    return ""
