"""Glue crawlers: run one, after any crawl that goes on already, and await its end."""

from dataclasses import dataclass
from datetime import timedelta

from botocore.exceptions import ClientError

from acceptance.errors import StepFailed, WaitTimedOut
from acceptance.foreign_words import ForeignWords
from aws.calls import Client, aws_call, forbid_retries, is_ambiguous, is_transient
from aws.error_codes import error_code
from aws.waiting import REAL_CLOCK, Clock, pauses, poll_until, stopped_unless_awaited

_READY = "READY"


@dataclass(frozen=True, slots=True)
class CrawlerState:
    """A crawler's state, and its last crawl that has ended. `crawl` differs from crawl to crawl."""

    state: str
    crawl: str = ""
    status: str = ""
    error: str = ""


def run_crawler(glue: Client, crawler: str, *, within: timedelta, clock: Clock = REAL_CLOCK) -> CrawlerState:
    """Start a crawl and wait until it succeeds. `glue` is made with `no_retry_config`.

    A crawl that goes on may have passed the new files, so this waits for its end and starts another. A crawler has one
    crawl at a time: after a lost answer, one that goes on is taken for ours. It is stopped if it is late, or if our own
    run is cancelled.

    Raises:
        StepFailed: the crawler does not exist, or the crawl ended otherwise (Glue's own message are the words).
        WaitTimedOut: an earlier crawl, or ours, did not end in time.
        ValueError: the client repeats requests on its own.
    """
    forbid_retries(glue, "start a crawl")
    deadline = clock.now() + within.total_seconds()
    before = _start(glue, crawler, within, clock)
    with stopped_unless_awaited(lambda: _stop(glue, crawler)):
        ended = poll_until(
            lambda: _look(glue, crawler),
            lambda found: found.state == _READY and found.crawl != before.crawl,
            what=f"wait for the crawl of {crawler}",
            at_most_s=max(deadline - clock.now(), 0.0),
            clock=clock,
            every_s=5.0,
            shown=lambda found: found.state,
        )
    if ended.status != "SUCCEEDED":
        where = f"the last crawl of {crawler}, and its logs in CloudWatch below /aws-glue/crawlers"
        raise StepFailed(f"crawler {crawler}: {ended.status}", ForeignWords(ended.error or "no reason is given", where))
    return ended


def _start(glue: Client, crawler: str, within: timedelta, clock: Clock) -> CrawlerState:
    """Start a crawl, and return what the crawler's last one was before."""
    deadline, before = clock.now() + within.total_seconds(), CrawlerState("")
    lost = False
    for pause_s in pauses(1.0, 15.0):
        try:
            found = _look(glue, crawler)
            if lost and (found.state != _READY or found.crawl != before.crawl):
                return before
            before = found
            with aws_call(f"start the crawler {crawler}"):
                glue.start_crawler(Name=crawler)
                return before
        except StepFailed as failure:
            runs = _runs_already(failure)
            lost = lost or (is_ambiguous(failure) and not runs)
            if not (runs or is_transient(failure)):
                raise
            left_s = deadline - clock.now()
            if left_s <= 0:
                raise WaitTimedOut(f"{failure}; for {within.total_seconds():g} s") from failure
            clock.sleep(min(pause_s, left_s))
    raise AssertionError("pauses is endless")


def _runs_already(failure: StepFailed) -> bool:
    cause = failure.__cause__
    return isinstance(cause, ClientError) and error_code(cause) == "CrawlerRunningException"


def _look(glue: Client, crawler: str) -> CrawlerState:
    with aws_call(f"look at the crawler {crawler}"):
        found = glue.get_crawler(Name=crawler)["Crawler"]
    last = found.get("LastCrawl", {})
    crawl = f"{last.get('MessagePrefix', '')} {last.get('StartTime', '')}"
    return CrawlerState(found["State"], crawl, last.get("Status", ""), last.get("ErrorMessage", ""))


def _stop(glue: Client, crawler: str) -> str:
    """Stop the crawl and return a phrase that says whether that succeeded."""
    try:
        with aws_call("StopCrawler"):
            glue.stop_crawler(Name=crawler)
    except StepFailed as failure:
        return f"and Aceite could not stop it: {failure}"
    return "so Aceite told Glue to stop it"
