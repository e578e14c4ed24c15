"""The custom property `delivery`: which files make one delivery, and what Aceite announces of older and resent ones."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from acceptance.contract.contract import Baseline, Column, Completion, Count, Manifest, Marker, Quiet, Resent, Single
from acceptance.contract.keys.signal_file import FILE, signal_template
from acceptance.contract.keys.template import KeyTemplate
from acceptance.contract.keys.tokens import Placeholder, tokens
from acceptance.contract.landing_format import NamedByColumn, PartitionHolds
from acceptance.deliveries.placeholders import known_placeholders
from acceptance.odcs.document.node import Node, hint, shown
from acceptance.odcs.pipeline_property import refuse_unknown_placeholders

_KEYS = {
    "single": (),
    "marker": ("marker", "within"),
    "manifest": ("manifest", "within"),
    "count": ("files", "within"),
    "quiet": ("quiet_for", "at_least", "within"),
}
"""The kinds of completion, each with the keys that are its own."""

_COMMON = ("complete", "resent", "first_business_date", "baseline", "partition_holds")
_WITHIN = "2h"
_QUIET_FOR = "5m"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class DeliveryProperty:
    completion: Completion
    resent: Resent
    baseline: Baseline
    partition_holds: PartitionHolds | NamedByColumn


def read_delivery(delivery: Node, columns: Mapping[str, Column], template: KeyTemplate | None) -> DeliveryProperty:
    """Read the whole property. `template` is None if the location was refused; no placeholder is then refused."""
    return DeliveryProperty(
        _read_completion(delivery, template),
        delivery["resent"].choice(Resent.REPORT),
        _read_baseline(delivery),
        _read_partition_holds(delivery, columns, known_placeholders(template) if template else None),
    )


def _read_completion(delivery: Node, template: KeyTemplate | None) -> Completion:
    kind = delivery["complete"].text("single")
    if kind not in _KEYS:
        delivery["complete"].refuse(f"found {kind!r}; {hint(kind, _KEYS)}")
        return Single()
    _refuse_keys_of_others(delivery, kind)
    if kind == "single":
        return Single()
    within = delivery["within"].duration(_WITHIN)
    match kind:
        case "marker":
            return _signalled(delivery["marker"], "_SUCCESS or '{file}.done'", template, within, Marker)
        case "manifest":
            return _signalled(delivery["manifest"], "manifest.json or '*.manifest'", template, within, Manifest)
        case "count":
            return Count(_files(delivery["files"], template), within)
    quiet_for = delivery["quiet_for"].duration(_QUIET_FOR)
    if timedelta() < within <= quiet_for:
        place = delivery["within"] if "within" in delivery else delivery["quiet_for"]
        place.refuse(f"within ({within}) ends before the files can have been quiet for {quiet_for}; make it longer")
    return Quiet(quiet_for, _whole_number(delivery["at_least"], "", 1), within)


def _read_baseline(delivery: Node) -> Baseline:
    first = delivery["first_business_date"]
    since = _date(str(first.value)) if first.value is not None else None
    if first.value is not None and since is None:
        first.refuse(f"found {shown(first.value)}; a date is needed, such as 2024-01-31")
    given = delivery["baseline"]
    words = given.text().split()
    match words:
        case []:
            return Baseline(since or date.min)
        case ["announce"]:
            return Baseline()
        case ["ignore"]:
            return Baseline(None)
        case ["since", text] if _date(text):
            return Baseline(_date(text))
    given.refuse(f"found {shown(given.value)}; {hint(words[0], ('announce', 'ignore', 'since 2024-01-31'))}")
    return Baseline()


def _read_partition_holds(
    delivery: Node, columns: Mapping[str, Column], known: Sequence[str] | None
) -> PartitionHolds | NamedByColumn:
    """Read a phrase, or `{column: NAME, value: "{key}"}`: the column of the table that names the file of each row."""
    given = delivery["partition_holds"]
    if not isinstance(given.value, dict):
        phrase = given.text(PartitionHolds.THIS_DELIVERY)
        if phrase not in tuple(PartitionHolds):
            given.refuse(f"found {phrase!r}; {hint(phrase, tuple(PartitionHolds))}, or {{column: NAME}}")
            return PartitionHolds.THIS_DELIVERY
        return PartitionHolds(phrase)
    given.refuse_unknown_keys(("column", "value"))
    refuse_unknown_placeholders(given["value"], known)
    name, value = given["column"].text().lower(), given["value"].text("{key}")
    column = columns.get(name)
    texts = [other.name for other in columns.values() if other.kind.is_text and not other.kind.is_padded]
    if column is None or name not in texts:
        given["column"].refuse(f"found {name!r}, no column of texts; {hint(name, texts or ['none'])}")
    elif column.in_file and column.compared:
        given["column"].refuse(f"{name} comes from the pipeline; write `landed: false` in its customProperties")
    return NamedByColumn(name, value)


def _refuse_keys_of_others(delivery: Node, kind: str) -> None:
    allowed = (*_COMMON, *_KEYS[kind])
    for child in delivery:
        owners = [owner for owner, keys in _KEYS.items() if child.key in keys]
        if child.key in allowed:
            continue
        if owners:
            found = f"`complete: {kind}`" + ("" if "complete" in delivery else ", the default")
            child.refuse(f"{child.key} goes with `complete: {'` or `'.join(owners)}`, found {found}")
        else:
            child.refuse(f"unknown key; {hint(child.key, allowed)}")


def _signalled(
    node: Node,
    examples: str,
    template: KeyTemplate | None,
    within: timedelta,
    make: Callable[[KeyTemplate, timedelta], Marker | Manifest],
) -> Completion:
    name = node.text()
    if node.value is None:
        node.refuse(f"the name of the file is needed, such as {examples}")
    if not name or template is None:
        return Single()
    try:
        return make(signal_template(name, template), within)
    except ValueError as error:
        node.refuse(str(error))
        return Single()


def _files(node: Node, template: KeyTemplate | None) -> int | str:
    """Read the number of files, or the name of the field that holds it."""
    if not isinstance(node.value, str):
        files = _whole_number(node, ", or the field of the key that holds it, such as '{total}'", None)
        if files > 1 and template and FILE not in template.fields:
            node.refuse(
                f"{template.pattern} has no field {{{FILE}}}, so a delivery has one file; "
                f"name so what tells the {files} files apart"
            )
        return files
    try:
        parts = tokens(node.value)
    except ValueError as error:
        node.refuse(str(error))
        return 1
    if len(parts) != 1 or not isinstance(parts[0], Placeholder) or not parts[0].is_field:
        node.refuse(f"found {node.value!r}; a number is needed, or one field of the key, such as '{{total}}'")
        return 1
    name = parts[0].name
    fields = [field for field in template.fields if field != FILE] if template else [name]
    if name not in fields:
        node.refuse(f"{{{name}}} is no field that the files of a delivery share; {hint(name, fields or ['none'])}")
    elif template and FILE not in template.fields:
        node.refuse(f"{template.pattern} has no field {{{FILE}}}; name so what tells the files of a delivery apart")
    return name


def _whole_number(node: Node, otherwise: str, default: int | None) -> int:
    if node.value is None and default is not None:
        return default
    if not isinstance(node.value, int) or isinstance(node.value, bool) or node.value < 1:
        node.refuse(f"found {shown(node.value)}; a whole number from 1 is needed{otherwise}")
        return 1
    return node.value


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None
