"""The passes of a delivery through its contract's pipeline: one, or one for each of its files."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acceptance.contract.contract import Contract
from acceptance.contract.steps import Step
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.placeholders import OF_ONE_FILE, fields_of, fill, placeholder_names


@dataclass(frozen=True, slots=True)
class PipelinePass:
    """One pass through the pipeline. Placeholders of one file stand for `member`; `file` names it if there are several.

    A Glue job run that this pass starts has `mentioned` in its arguments, if the pipeline hands on what it was given.
    """

    delivery: Delivery
    member: LandingObject
    fields: Mapping[str, str]
    mentioned: str
    file: str = ""

    def fill(self, template: Any) -> Any:
        return fill(template, self.delivery, self.member, self.fields)

    def title_of(self, step: Step) -> str:
        return self.task(self.fill(step.title))

    def name_of_request(self, number: int) -> str:
        """Return a name for what the pass starts as its `number`: the same for the same delivery, and for no other."""
        digest = hashlib.sha256(f"{self.file}\0{number}".encode()).hexdigest()[:12]
        return f"{self.delivery.id}-{digest}"

    def task(self, name: str) -> str:
        """Return the name of one of the pass's tasks."""
        return f"{name} ({self.file})" if self.file else name


def passes(contract: Contract, delivery: Delivery) -> tuple[PipelinePass, ...]:
    """Return one pass for each file, in the order of the keys, if the pipeline's texts are about one file; else one.

    A text is about one file if it holds `{key}`, `{file}`, or a field in which the files differ.

    Raises:
        UnroutableKey: a member of several has a key that is not one of the contract's template.
    """
    members = sorted(delivery.members)
    fields = [fields_of(contract.template, delivery, member) for member in members]
    placeholders = frozenset(placeholder_names(_texts(contract)))
    mentioned = delivery.prefix if "prefix" in placeholders and "key" not in placeholders else ""
    if len(members) == 1 or not (placeholders & {*OF_ONE_FILE, *_differing(fields)}):
        return (PipelinePass(delivery, members[0], fields[0], mentioned or members[0].key),)
    folder = delivery.prefix
    return tuple(
        PipelinePass(delivery, member, own, mentioned or member.key, member.key.removeprefix(folder))
        for member, own in zip(members, fields, strict=True)
    )


def _differing(fields: Sequence[Mapping[str, str]]) -> frozenset[str]:
    return frozenset(name for name in fields[0] if len({own.get(name) for own in fields}) > 1)


def _texts(contract: Contract) -> list[Any]:
    """Return every text of the pipeline in which a placeholder may stand."""
    return [*(dict(override.set) for override in contract.override), *(step.texts for step in contract.steps)]
