"""The `slaProperties` that Aceite keeps: latency as a check of each delivery, frequency for the overdue deliveries.

Latency is the time from the landing of a delivery's last file until its rows are found in the table. It warns, as late
data is still what was promised, unless the custom property `severity` says otherwise. Frequency is the longest time
between two deliveries, and timeOfAvailability the time of day by which they come. Other service levels (retention,
availability ...) are not about a delivery, so none of its measurements could keep them: they are documentation, and a
note of the contract says so.
"""

from collections.abc import Iterator
from datetime import UTC, time, timedelta

from acceptance.contract.checks import Check, Metric, Operator, Severity, Threshold
from acceptance.errors import nearest
from acceptance.messages.message import Message
from acceptance.messages.phrases import duration
from acceptance.odcs.document.custom_properties import severity_of
from acceptance.odcs.document.node import Node, hint, shown

_LATENCY = ("latency", "ly")
_FREQUENCY = ("frequency", "fy")
_AVAILABILITY = ("timeofavailability", "ta")
_KEPT = ("latency", "frequency", "timeOfAvailability")
_DOCUMENTATION = ("availability", "generalAvailability", "retention", "throughput", "errorRate", "timeToDetect",
                  "timeToNotify", "timeToRepair", "endOfSupport", "endOfLife")  # fmt: skip
"""Other names in ODCS, which are no misspelling of those above."""
_UNITS = {
    ("s", "sec", "second", "seconds"): timedelta(seconds=1),
    ("min", "minute", "minutes"): timedelta(minutes=1),
    ("h", "hr", "hour", "hours"): timedelta(hours=1),
    ("d", "day", "days"): timedelta(days=1),
    ("w", "week", "weeks"): timedelta(weeks=1),
    ("mo", "month", "months"): timedelta(days=31),
    ("y", "yr", "year", "years"): timedelta(days=366),
}
_LONGEST = timedelta(days=36600)


def read_latency(root: Node, table: Node) -> Iterator[tuple[Check, Node]]:
    for node in _of(root, table, _LATENCY):
        most = _duration(node)
        bound = Threshold(Operator.MUST_BE_LESS_OR_EQUAL_TO, (int(most.total_seconds()),))
        expects = Message("in the table within {duration} of landing", duration=duration(most))
        check = Check(
            str(node["id"].value or ""),
            Metric.LATENCY,
            bound,
            severity=severity_of(node, Severity.WARNING),
            expects=expects,
            dimension="timeliness",
            description=str(node["description"].value or ""),
        )
        yield check, node


def read_frequency(root: Node, table: Node) -> timedelta | None:
    return min((_duration(node) for node in _of(root, table, _FREQUENCY)), default=None)


def read_availability(root: Node, table: Node) -> time | None:
    """Read the time of day, with its offset, by which a delivery comes; the first of several."""
    return min((_time_of_day(node["value"]) for node in _of(root, table, _AVAILABILITY)), default=None)


def note_others(root: Node) -> None:
    names = {str(node["property"].value).casefold() for node in root["slaProperties"]}
    for node in root["slaProperties"]:
        name = str(node["property"].value)
        if name.casefold() in _AVAILABILITY and names.isdisjoint(_FREQUENCY):
            node.note(f"without a frequency no delivery is expected, so the service level {name} is documentation")
        if node["schedule"].value is not None:
            node["schedule"].note("a schedule is documentation: what is overdue follows from value and unit")
        if name.casefold() not in (*_LATENCY, *_FREQUENCY, *_AVAILABILITY):
            near = nearest(name, (*_KEPT, *_DOCUMENTATION))
            meant = f"; did you mean {near}?" if near in _KEPT else ""
            node.note(f"the service level {name} is documentation: no delivery is checked for it{meant}")


def _of(root: Node, table: Node, names: tuple[str, ...]) -> Iterator[Node]:
    for node in root["slaProperties"]:
        if str(node["property"].value).casefold() in names:
            _refuse_unknown_elements(node["element"], table)
            yield node


def _duration(node: Node) -> timedelta:
    """Read a duration. For a refused value the result has no meaning."""
    unit = next((unit for names, unit in _UNITS.items() if node["unit"].value in names), None)
    if unit is None:
        names = [name for names in _UNITS for name in names]
        node["unit"].refuse(f"found {shown(node['unit'].value)}; {hint(str(node['unit'].value), names)}")
        return timedelta(days=1)
    value = node["value"].value
    try:
        number = float(value) if not isinstance(value, bool) else 0
    except (TypeError, ValueError):
        number = 0
    if not 0 < number <= _LONGEST / unit:
        node["value"].refuse(f"found {shown(value)}; a number above 0 is needed, at most 100 years")
        return unit
    return number * unit


def _time_of_day(value: Node) -> time:
    """Read a time of day with its offset. For a refused value the result has no meaning."""
    try:
        moment = time.fromisoformat(str(value.value))
    except ValueError:
        moment = time()
    if moment.tzinfo is None:
        value.refuse(
            f"found {shown(value.value)}; a time of day with its offset is needed, such as 09:00-03:00 or 12:00Z"
        )
        return time(tzinfo=UTC)
    return moment


def _refuse_unknown_elements(element: Node, table: Node) -> None:
    names = [str(property_["name"].value) for property_ in table["properties"]]
    for text in element.text(",".join(names[:1])).split(","):
        object_, _, name = text.strip().rpartition(".")
        if object_ not in ("", table["name"].value) or name not in names:
            element.refuse(f"{text.strip()!r} is no property of the table {table['name'].value}; {hint(name, names)}")
