"""EventBridge: put one event on a bus."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from acceptance.errors import AnswerLost, StepFailed, WaitTimedOut
from aws.calls import Client, aws_call, forbid_retries, is_ambiguous, is_transient
from aws.waiting import REAL_CLOCK, Clock, pauses

_PUT_AGAIN = frozenset({"InternalFailure", "ThrottlingException"})
"""Errors of an entry that EventBridge did not take, and that may be put again (API reference, PutEventsResultEntry)."""


def put_event(
    events: Client,
    bus: str,
    source: str,
    detail_type: str,
    detail: Any,
    *,
    within: timedelta,
    clock: Clock = REAL_CLOCK,
) -> str:
    """Put the event and return the id that EventBridge gave it. `events` is made with `no_retry_config`.

    It is put again only if EventBridge says that it did not take it, or the request never reached it. Whoever hears of
    an event twice may start twice.

    Raises:
        StepFailed: EventBridge refuses the request, or the event alone: it answers that with status 200.
        WaitTimedOut: EventBridge was busy all the time.
        AnswerLost: the answer was lost, so nobody knows whether the event is on the bus.
        ValueError: the client repeats requests on its own.
    """
    forbid_retries(events, "put an event")
    what = f"put the event {detail_type} on the bus {bus}"
    text = json.dumps(detail, ensure_ascii=False)
    entry = {"EventBusName": bus, "Source": source, "DetailType": detail_type, "Detail": text}
    deadline = clock.now() + within.total_seconds()
    for pause_s in pauses(0.5, 10.0):
        id_, refusal = _put(events, entry, what)
        if refusal is None:
            return id_
        left_s = deadline - clock.now()
        if left_s <= 0:
            raise WaitTimedOut(f"{refusal}; for {within.total_seconds():g} s, and EventBridge took no event")
        clock.sleep(min(pause_s, left_s))
    raise AssertionError("pauses is endless")


def _put(events: Client, entry: Mapping[str, str], what: str) -> tuple[str, StepFailed | None]:
    """Return the id of the event, or why EventBridge did not take it now."""
    try:
        with aws_call(what):
            (told,) = events.put_events(Entries=[entry])["Entries"]
    except StepFailed as failure:
        if is_ambiguous(failure):
            lost = f"{failure}; the event may or may not be on the bus, so Aceite did not put it again"
            raise AnswerLost(lost) from failure
        if not is_transient(failure):
            raise
        return "", failure
    if id_ := told.get("EventId"):
        return str(id_), None
    refusal = StepFailed(f"{what}: {told.get('ErrorCode')}: {told.get('ErrorMessage', 'no message')}")
    if told.get("ErrorCode") not in _PUT_AGAIN:
        raise refusal
    return "", refusal
