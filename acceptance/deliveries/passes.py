"""How often a delivery goes through its contract's pipeline: once, or once for each of its files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acceptance.contract.contract import Contract
from acceptance.contract.steps import Step
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.placeholders import OF_ONE_FILE, fields_of, fill, named


@dataclass(frozen=True, slots=True)
class Turn:
    """Once through the pipeline. `member` is what the texts mean by a file; `file` names it if there are several turns.

    A Glue job run that this turn starts has `mentioned` in its arguments, if the pipeline passes on what it was told.
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

    def task(self, name: str) -> str:
        """The name of one of its tasks."""
        return f"{name} ({self.file})" if self.file else name


def turns(contract: Contract, delivery: Delivery) -> tuple[Turn, ...]:
    """One for each file, in the order of the keys, if the pipeline's texts speak of one file; otherwise one for all.

    They speak of one file by `{key}`, `{file}`, or a field in which the files differ.

    Raises:
        UnroutableKey: a member of several has a key that is not one of the contract's template.
    """
    members = sorted(delivery.members)
    fields = [fields_of(contract.template, delivery, member) for member in members]
    told = frozenset(named(_texts(contract)))
    mentioned = delivery.prefix if "prefix" in told and "key" not in told else ""
    if len(members) == 1 or not (told & {*OF_ONE_FILE, *_differing(fields)}):
        return (Turn(delivery, members[0], fields[0], mentioned or members[0].key),)
    folder = delivery.prefix
    return tuple(
        Turn(delivery, member, own, mentioned or member.key, member.key.removeprefix(folder))
        for member, own in zip(members, fields, strict=True)
    )


def _differing(fields: Sequence[Mapping[str, str]]) -> frozenset[str]:
    return frozenset(name for name in fields[0] if len({own.get(name) for own in fields}) > 1)


def _texts(contract: Contract) -> list[Any]:
    """Every text of the pipeline in which a placeholder may stand."""
    return [*(dict(override.set) for override in contract.override), *(step.texts for step in contract.steps)]
