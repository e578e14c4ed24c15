"""The custom properties `pipeline` and `delivery`: what of a contract is Aceite's own, read as a whole."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from acceptance.contract.contract import Baseline, Column, Completion, Override, Resent, Single, Step, shared_fields
from acceptance.contract.keys.template import KeyTemplate
from acceptance.contract.landing_format import NamedByColumn, PartitionHolds
from acceptance.deliveries.placeholders import OF_ONE_FILE, known_placeholders
from acceptance.odcs.delivery_property import read_baseline, read_completion, read_partition_holds, read_resent
from acceptance.odcs.document.custom_properties import VENDOR, custom_properties
from acceptance.odcs.document.node import Node
from acceptance.odcs.pipeline_property import read_override, read_partition, read_steps


@dataclass(frozen=True, slots=True)
class Ours:
    """What runs between landing and table, and which files make a delivery."""

    override: tuple[Override, ...]
    steps: tuple[Step, ...]
    partition: Mapping[str, str]
    completion: Completion
    resent: Resent
    baseline: Baseline
    partition_holds: PartitionHolds | NamedByColumn


def our_properties(root: Node) -> tuple[Node, Node]:
    """The values of the custom properties `pipeline` and `delivery`; an empty mapping for one that is not there."""
    names = ("pipeline", "delivery")
    found = custom_properties(root, names)
    for each in root["customProperties"]:
        name = each["property"].value
        if name in found and each["vendor"].value is None:
            each.refuse(f"a {name} without vendor; write `vendor: {VENDOR}` if it is ours to follow")
    pipeline, delivery = (found.get(name, replace(root[name], value={})).mapping() for name in names)
    pipeline.refuse_unknown_keys(("override", "steps", "partition"))
    return pipeline, delivery


def read_ours(
    pipeline: Node, delivery: Node, schema: Node, columns: Iterable[Column], template: KeyTemplate | None
) -> Ours:
    """Without a template nobody knows the placeholders, and none is refused."""
    by_name = {column.name: column for column in columns}
    known = known_placeholders(template) if template else None
    completion = read_completion(delivery, template)
    of_partition = _known_of_partition(known or (), completion, template) if template else None
    return Ours(
        read_override(pipeline, known),
        read_steps(pipeline, known),
        read_partition(pipeline, schema, by_name, of_partition),
        completion,
        read_resent(delivery),
        read_baseline(delivery),
        read_partition_holds(delivery, by_name, known),
    )


def _known_of_partition(known: tuple[str, ...], completion: Completion, template: KeyTemplate) -> tuple[str, ...]:
    """A delivery lies in one partition: what only one of its files has is out. A folder is no value of a column."""
    shared = shared_fields(completion, template)
    of_one_file = set() if isinstance(completion, Single) else {*OF_ONE_FILE, *template.fields} - {*shared}
    return tuple(name for name in known if name != "prefix" and name not in of_one_file)
