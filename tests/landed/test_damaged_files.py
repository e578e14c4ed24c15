"""A bad file is rejected, whatever is wrong with it: never an error of the reader, and always soon."""

import time

import pytest
from damaged_files import damaged_files

from landed.file import LandedFile, read_landed

SOON_S = 30
"""For one file of some kilobytes, on a machine that does other things as well."""


def read_all(folder, seed: int, number: int) -> list[tuple[str, LandedFile]]:
    """Read damaged files, each of which must be read without an error; a changed one is told by its fingerprint."""
    path, found = folder / "landed", []
    for damaged in damaged_files(seed, number):
        path.write_bytes(damaged.content)
        began = time.monotonic()
        try:
            file = read_landed(path, damaged.contract, folder)
        except Exception as error:
            raise AssertionError(f"{damaged.how}: {type(error).__name__}: {error}") from error
        assert time.monotonic() - began < SOON_S, damaged.how
        assert bool(file.faults) == (file.fingerprint is None), damaged.how
        assert all(fault.line >= 1 and fault.message for fault in file.faults), damaged.how
        found.append((damaged.how, file))
    assert [path] == list(folder.iterdir()), "nothing is left behind"
    return found


def test_a_damaged_file_has_a_fault_or_other_cells_and_is_never_an_error(tmp_path):
    found = read_all(tmp_path, seed=1, number=48)
    assert sum(bool(file.faults) for _, file in found) > 24


@pytest.mark.proof
def test_hundreds_of_damaged_files_are_never_an_error(tmp_path):
    found = read_all(tmp_path, seed=2, number=400)
    assert sum(bool(file.faults) for _, file in found) > 200
