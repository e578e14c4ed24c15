"""What a delivery without a verdict waits for, in words: always something, and where it can be said until when."""

from datetime import timedelta

import pytest
from builders import NOON

from acceptance.announcing.announcements import InFlight, due_again, due_again_at
from acceptance.announcing.waiting import Unjudged, wait_of

MINUTE = timedelta(minutes=1)
PATIENCE = 2 * MINUTE
ANNOUNCED = InFlight("one", 1, NOON, None, 5 * MINUTE)
CLAIMED = InFlight("one", 1, NOON, NOON + MINUTE, 5 * MINUTE)
ENDED = "run 7 ended as Crashed at 2026-01-02 12:01:00 (UTC): its process is gone"


@pytest.mark.parametrize(
    ("known", "why", "until"),
    [
        (Unjudged(), "Prefect's server, which does not show its announcement", None),
        (
            Unjudged(due=NOON),
            "Prefect's server, which does not show its announcement, due since 2026-01-02 12:00:00 (UTC)",
            None,
        ),
        (
            Unjudged(ANNOUNCED),
            "a run; announced once, last at 2026-01-02 12:00:00 (UTC), again at 2026-01-02 12:02:00 (UTC), "
            "or at 2026-01-02 13:00:00 (UTC) while runs queue",
            NOON + PATIENCE,
        ),
        (
            Unjudged(CLAIMED, claimed_by="7"),
            "run 7, which took it at 2026-01-02 12:01:00 (UTC); if that dies, or by 2026-01-02 12:08:00 (UTC), "
            "another one looks",
            NOON + 8 * MINUTE,
        ),
        (
            Unjudged(ANNOUNCED, paused=NOON),
            'the automation "Aceite: validate x", which is off since 2026-01-02 12:00:00 (UTC); switch it on again',
            None,
        ),
        (
            Unjudged(ANNOUNCED, run_ended=ENDED, run_ended_at=NOON + MINUTE),
            f"{ENDED}; a run; announced once, last at 2026-01-02 12:00:00 (UTC), again at 2026-01-02 12:00:00 (UTC)",
            NOON,
        ),
        (
            Unjudged(ANNOUNCED, run_ended=ENDED, run_ended_at=NOON - MINUTE),
            f"{ENDED}; a run; announced once, last at 2026-01-02 12:00:00 (UTC), again at 2026-01-02 12:02:00 (UTC), "
            "or at 2026-01-02 13:00:00 (UTC) while runs queue",
            NOON + PATIENCE,
        ),
        (
            Unjudged(ANNOUNCED, due=NOON + MINUTE, run_ended=ENDED, run_ended_at=NOON),
            f"{ENDED}; Prefect's server, which does not show its announcement, due since 2026-01-02 12:01:00 (UTC)",
            None,
        ),
    ],
    ids=["landed", "due", "announced", "claimed", "paused", "its run ended", "an earlier run ended", "due again"],
)
def test_what_a_delivery_waits_for_is_said_in_each_of_its_states(known, why, until):
    wait = wait_of(known, PATIENCE, "Aceite: validate x", NOON - timedelta(seconds=1))
    assert (wait.why, wait.announced_again) == (why, until)


@pytest.mark.parametrize(
    ("known", "now", "why"),
    [
        (
            Unjudged(ANNOUNCED),
            NOON + 3 * MINUTE,
            "a run; announced once, last at 2026-01-02 12:00:00 (UTC), again at 2026-01-02 13:00:00 (UTC), or earlier "
            "as soon as no runs queue",
        ),
        (
            Unjudged(ANNOUNCED),
            NOON + 61 * MINUTE,
            "a run; announced once, last at 2026-01-02 12:00:00 (UTC), due again since 2026-01-02 13:00:00 (UTC): a "
            "watcher announces it at its next look",
        ),
        (
            Unjudged(CLAIMED, claimed_by="7"),
            NOON + 9 * MINUTE,
            "run 7, which took it at 2026-01-02 12:01:00 (UTC); it had until 2026-01-02 12:08:00 (UTC): the next run "
            "looks for it",
        ),
    ],
    ids=["it may queue", "nobody announced it", "its run is late"],
)
def test_a_time_that_is_over_is_no_promise(known, now, why):
    assert wait_of(known, PATIENCE, "Aceite: validate x", now).why == why


def test_the_time_that_is_told_is_the_time_at_which_the_watcher_announces_it_again():
    for flight in (ANNOUNCED, CLAIMED, InFlight("one", 4, NOON, None, MINUTE)):
        for queued in (0, 3):
            for orphaned in (frozenset(), frozenset({"one"})):
                at = due_again_at(flight, PATIENCE, queued=bool(queued), orphaned=bool(orphaned))
                before, then = at - timedelta(seconds=1), at
                assert due_again([flight], before, PATIENCE, queued, orphaned) == ()
                assert due_again([flight], then, PATIENCE, queued, orphaned) == (flight,)
