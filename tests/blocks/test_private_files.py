"""The home's files belong to their owner alone."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from acceptance.errors import SettingsError
from blocks.private_files import create_private, private_folder, write_private

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
def test_a_private_file_is_its_owners_alone_whatever_the_umask_is(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(tmp_path / "written", b"1")
        create_private(tmp_path / "created", b"2")
        private_folder(tmp_path / "home")
    finally:
        os.umask(before)
    assert [mode(tmp_path / name) for name in ("written", "created", "home")] == [0o600, 0o600, 0o700]


@posix
def test_a_folder_that_others_could_read_is_taken_from_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert mode(private_folder(tmp_path)) == 0o700


def test_a_private_file_is_replaced_as_a_whole_and_leaves_no_draft(tmp_path: Path) -> None:
    write_private(tmp_path / "file", b"first")
    write_private(tmp_path / "file", b"second")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"second")]


def test_of_many_that_create_one_file_one_wins_and_nothing_else_is_left(tmp_path: Path) -> None:
    def create(content: bytes) -> bytes | None:
        try:
            create_private(tmp_path / "key", content)
        except FileExistsError:
            return None
        return content

    with ThreadPoolExecutor(8) as pool:
        won = [content for content in pool.map(create, (b"%d" % n for n in range(32))) if content is not None]
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("key", won[0])]
    assert len(won) == 1


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / "key"
    victim.write_bytes(b"another's")
    try:
        link.symlink_to(victim)
    except OSError:
        pytest.skip("this user may make no links")
    with pytest.raises(FileExistsError):
        create_private(link, b"key")
    write_private(link, b"ours")
    assert (victim.read_bytes(), link.is_symlink()) == (b"another's", False)


def test_a_folder_that_cannot_be_made_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SettingsError, match=r"cannot be made.*--home"):
        private_folder(tmp_path / "file" / "home")
