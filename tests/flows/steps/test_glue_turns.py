"""Threads that start runs of one Glue job take its places one by one."""

from flows.steps.glue_turns import Turns


def test_a_job_with_one_run_at_once_has_one_place_until_glue_lists_the_run() -> None:
    turns = Turns()
    assert turns.take("job", "a", 0, 1)
    assert turns.take("job", "a", 0, 1), "a repeated look of the same delivery"
    assert not turns.take("job", "b", 0, 1)
    assert turns.take("another", "b", 0, 1)
    turns.end("job", "a")
    assert not turns.take("job", "b", 1, 1), "the run of a is at work"
    assert turns.take("job", "b", 0, 1)


def test_runs_at_work_and_runs_about_to_start_share_the_places() -> None:
    turns = Turns()
    taken = [turns.take("job", delivery, 1, 3) for delivery in ("a", "b", "c")]
    assert taken == [True, True, False]
    turns.end("job", "none that waits")
    assert not turns.take("job", "c", 1, 3)
