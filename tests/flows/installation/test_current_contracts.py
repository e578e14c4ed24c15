"""Contracts as their files say them now: a broken one keeps its own dataset back and no other."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders import contract_text

from acceptance.errors import ContractError, ContractsChanged
from blocks.settings import read_settings
from flows.installation.current_contracts import CurrentContracts, Settled, read_current, usable_contracts
from flows.watching.contract_changes import AUTOMATION_WITHIN, ContractChanges

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "orders")
    return tmp_path


def write(folder: Path, dataset: str, text: str = "") -> None:
    (folder / f"{dataset}.odcs.yaml").write_text(text or contract_text(dataset), encoding="utf-8")


def read(folder: Path) -> CurrentContracts:
    return read_current(folder, {})


def names(found: CurrentContracts) -> list[str]:
    return [contract.dataset for contract in found.usable]


@pytest.mark.parametrize(
    ("text", "dataset"),
    [
        (contract_text("refunds").replace("type: athena", "type: athene"), "refunds"),
        ("id: 'refunds'  # ours\nkind: [", "refunds"),
        ("id: ${REFUNDS}\nkind: [", ""),
        ("kind: [", ""),
        ("\x00", ""),
    ],
)
def test_a_broken_contract_is_told_with_the_id_that_stands_in_it_and_the_others_are_used(
    folder: Path, text: str, dataset: str
):
    write(folder, "refunds", text)
    found = read(folder)
    assert names(found) == ["orders"]
    assert [each.dataset for each in found.broken] == [dataset]
    assert "refunds.odcs.yaml" in found.why_held_back("refunds")
    assert found.datasets == ({"orders", "refunds"} if dataset else None)


def test_of_two_contracts_of_one_id_the_first_is_used_and_the_second_told(folder: Path):
    write(folder, "zweite", contract_text("orders"))
    found = read(folder)
    assert (names(found), [each.dataset for each in found.broken]) == (["orders"], ["orders"])
    assert not found.why_broken


def test_a_dataset_without_any_file_has_no_contract_any_more(folder: Path):
    assert "no contract for this dataset any more" in read(folder).why_held_back("refunds")


def test_of_a_folder_that_is_gone_no_dataset_is_known_to_be_removed(tmp_path: Path):
    found = read(tmp_path / "absent")
    assert (found.usable, found.datasets) == ((), None)
    with pytest.raises(ContractError, match="no such file or directory"):
        usable_contracts(read_settings(contracts=tmp_path / "absent"))


def test_where_one_can_be_used_the_start_does_not_refuse(folder: Path):
    write(folder, "refunds", "kind: [")
    assert [each.dataset for each in usable_contracts(read_settings(contracts=folder))] == ["orders"]
    write(folder, "orders", "kind: [")
    with pytest.raises(ContractError, match=r"orders\.odcs\.yaml"):
        usable_contracts(read_settings(contracts=folder))


def test_files_that_change_are_told_once_nobody_writes_any_more(folder: Path):
    files = Settled(folder)
    assert files.changed() is None
    write(folder, "refunds", "id: ref")
    assert files.changed() is None
    write(folder, "refunds")
    assert files.changed() is None
    found = files.changed()
    assert found
    assert files.changed() == found  # until it is taken
    files.taken(found)
    assert files.changed() is None


class Told:
    """A log, and which datasets have automations."""

    def __init__(self, *switched: str) -> None:
        self.lines, self.switched = list[str](), set(switched)

    def warning(self, text: str, *args: object) -> None:
        self.lines.append(text % args)

    def of(self, folder: Path) -> ContractChanges:
        return ContractChanges(folder, lambda: read(folder), self, lambda asked: self.switched & {*asked})  # type: ignore[arg-type]


def test_a_contract_that_came_is_taken_up_with_its_automation_and_told_once(folder: Path):
    told = Told()
    changes = told.of(folder)
    write(folder, "refunds")
    for _ in range(4):
        changes.look(NOW)
    assert names(changes.known) == ["orders"]
    told.switched.add("refunds")
    with pytest.raises(ContractsChanged):
        changes.look(NOW)
    assert names(changes.known) == ["orders", "refunds"]
    changes.look(NOW)
    assert len(told.lines) == 1


def test_without_its_automation_it_is_taken_up_late_and_the_log_says_how_to_make_one(folder: Path):
    told = Told()
    changes = told.of(folder)
    write(folder, "refunds")
    changes.look(NOW)
    changes.look(NOW)
    with pytest.raises(ContractsChanged):
        changes.look(NOW + AUTOMATION_WITHIN + timedelta(seconds=1))
    assert any("`aceite apply`" in line for line in told.lines)


def test_a_broken_contract_is_told_once_and_a_file_that_only_got_another_time_changes_nothing(folder: Path):
    told = Told("orders", "refunds")
    changes = told.of(folder)
    write(folder, "refunds", "id: refunds\nkind: [")
    changes.look(NOW)
    with pytest.raises(ContractsChanged):
        changes.look(NOW)
    for _ in range(3):
        changes.look(NOW)
    (line,) = told.lines
    assert "held back until it is corrected" in line
    assert "refunds.odcs.yaml" in line
    write(folder, "orders")
    changes.look(NOW)
    changes.look(NOW)
    assert len(told.lines) == 1
