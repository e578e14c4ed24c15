"""The pictures of the documentation: each one is on a page, and one command takes all of them anew."""

import importlib.util
import struct
import subprocess
import sys

import pytest
from markdown_pages import DOCS, links, markdown_files

PICTURES = DOCS / "pictures"
TAKEN_WITHIN_S = 1200
PNG = b"\x89PNG\r\n\x1a\n"


def browser():
    """Return the browser that the script finds on this machine, or None."""
    spec = importlib.util.spec_from_file_location("browser", PICTURES / "browser.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.find_browser()


def size(png):
    assert png.startswith(PNG)
    return struct.unpack(">II", png[16:24])


def test_each_picture_is_on_a_page():
    shown = {
        (page.parent / target).resolve()
        for page in markdown_files()
        for _, target in links(page.read_text(encoding="utf-8"))
        if target.endswith(".png")
    }
    assert shown == set(PICTURES.glob("*.png"))


@pytest.mark.proof
@pytest.mark.skipif(browser() is None, reason="not installed: a Chromium, Chrome or Edge")
def test_one_command_takes_all_pictures_anew(tmp_path):
    command = [sys.executable, str(PICTURES / "take.py"), "--to", str(tmp_path)]
    taken = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=TAKEN_WITHIN_S, check=False
    )
    assert taken.returncode == 0, taken.stderr
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in PICTURES.glob("*.png")}
    for path in PICTURES.glob("*.png"):
        assert size((tmp_path / path.name).read_bytes())[0] == size(path.read_bytes())[0], path.name


def test_without_a_browser_the_command_says_what_to_install(tmp_path):
    missing = str(tmp_path / "no-browser")
    command = [sys.executable, str(PICTURES / "take.py"), "--to", str(tmp_path), "--browser", missing]
    taken = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False)
    assert taken.returncode != 0
    assert "install" in taken.stderr
    assert missing in taken.stderr
