"""Phrases that many messages have in common."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from acceptance.messages.message import Listing, Message


def with_remark(text: str, remark: str) -> str:
    """Return the text, and behind it in brackets the remark about it, if there is one."""
    return Message("{text} ({about})", text=text, about=remark) if remark else text


def listed(texts: Iterable[str], sign: str = "; ") -> str:
    """Return texts one after the other with a sign between them; "" for none."""
    listing = Listing(texts, sign)
    return Message("{all}", all=listing) if listing else ""


def both(texts: Sequence[str]) -> str:
    """Return texts that hold together."""
    first, *others = texts
    for other in others:
        first = Message("{one} and {other}", one=first, other=other)
    return first


def duration(length: timedelta) -> str:
    """Return a duration as days and the time of a clock, 2 days, 1:30:00."""
    days, clock = length.days, str(timedelta(seconds=length.seconds, microseconds=length.microseconds))
    return Message.counted("{count} day, {clock}", "{count} days, {clock}", days, clock=clock) if days else clock
