"""Everything is killed at once while parameters are changed, and started again."""

from collections.abc import Iterator
from functools import partial

import pytest
from killable_installation import KillableInstallation, waiting
from polling import eventually


@pytest.fixture(scope="module")
def aceite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillableInstallation]:
    """The parameter of one dataset has a value, that of the other does not exist."""
    with KillableInstallation(tmp_path_factory.mktemp("home"), waiting("old", "new")) as made:
        made.set_parameter("old", "before")
        yield made


@pytest.mark.proof
def test_after_the_death_of_everything_parameters_are_restored_and_each_delivery_has_one_verdict(
    aceite: KillableInstallation,
) -> None:
    keys = {dataset: aceite.drop(f"{dataset}/20260102/a.csv") for dataset in ("old", "new")}

    def changed(dataset: str, key: str) -> bool:
        return key in (aceite.parameter(dataset) or "")

    for dataset, key in keys.items():
        eventually(partial(changed, dataset, key), "the override")
    died = [eventually(partial(aceite.running, key), "the run")["id"] for key in keys.values()]
    aceite.kill_flows()
    aceite.server.kill()
    assert all(changed(dataset, key) for dataset, key in keys.items()), "else there is nothing to restore"

    aceite.server.start()
    aceite.serve()  # what was left is restored before it says that it is ready
    for dataset, before in (("old", "before"), ("new", None)):
        # A delivery may have been announced again by then: its run has the parameter in its turn.
        found = aceite.parameter(dataset)
        assert found == before or eventually(partial(aceite.running, keys[dataset]), "the next run")["id"] not in died
    for key in keys.values():
        aceite.let_go(key)
    for key in keys.values():
        eventually(partial(aceite.evidence, key), "the verdict", 240)
    eventually(lambda: aceite.told() == dict.fromkeys(keys.values(), 1), "told once")
    assert aceite.verdicts() == dict.fromkeys(keys.values(), 1)
    assert (aceite.parameter("old"), aceite.parameter("new")) == ("before", None)
    for run in died:
        state = aceite.run(run)["state"]
        assert (state["type"], state["message"]) == ("CRASHED", "its process is gone")


@pytest.mark.proof
def test_of_a_killed_run_the_watcher_restores_the_parameter_and_the_delivery_is_judged_by_the_next(
    aceite: KillableInstallation,
) -> None:
    key = aceite.drop("old/20260103/b.csv")
    first = eventually(partial(aceite.running, key), "the run")["id"]
    eventually(lambda: key in (aceite.parameter("old") or ""), "the override")
    process = aceite.process_of(first)
    process.kill()

    def restored() -> bool:
        # The next run may have it in its turn within a moment, of which only the evidence tells then.
        return aceite.parameter("old") == "before" or (aceite.running(key) or {"id": first})["id"] != first

    eventually(restored, "the parameter as it was", 60)
    aceite.let_go(key)
    evidence = eventually(partial(aceite.evidence, key), "the verdict", 240)
    assert evidence["run"]["flow_run_id"] != first
    (parameter,) = evidence["parameters"]
    assert (parameter["existed_before"], parameter["restored"]) == (True, True)
    assert aceite.parameter("old") == "before"
