"""A judged delivery in one line: what the page's trend is drawn from, and what a manifest says of its evidence."""

from datetime import date, datetime

from acceptance.judging.judge import Verdict
from acceptance.record import Record

LAST = 29
"""So many deliveries before a delivery are on its evidence: with it they are 30."""


class PastDelivery(Record):
    """`duration_s` is of the run. `rows` are those that landed, None if they could not be counted."""

    delivery_id: str
    business_date: date
    revision: int
    verdict: Verdict
    judged: datetime
    duration_s: float
    rows: int | None = None
    checks: int = 0
    failed_checks: int = 0
