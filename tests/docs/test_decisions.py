"""Each decision names its subject, status and date, says what was chosen and at which price, and is in the index."""

import re

import pytest
from markdown_pages import DOCS, ROOT, code, links, markdown_files, prose, tables

FOLDER = DOCS / "decisions"
PAGES = sorted(FOLDER.glob("0*.md"))
MOST_WORDS = 500
STATUS = re.compile(r"\*(Accepted|Replaced by \[decision \d{4}\]\(\S+\)), (\d{4}-\d{2}-\d{2})\*")
FOLDERS = (
    "acceptance",
    "aws",
    "landed",
    "blocks",
    "flows",
    "automations",
    "sandbox",
    "cli",
    "tests",
    "docs",
    "benchmarks",
)


def title_and_status(page):
    lines = page.read_text(encoding="utf-8").splitlines()
    title = re.fullmatch(rf"# {page.name[:4]}: (.+)", lines[0])
    status = STATUS.fullmatch(lines[2])
    assert title, f"{page.name} begins with a line such as: # {page.name[:4]}: its subject"
    assert status, f"{page.name} says in its third line: *Accepted, 2026-11-30*"
    return title[1], status[1].lower(), status[2]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name[:4])
def test_a_decision_is_short_and_has_all_parts(page):
    title_and_status(page)
    text = page.read_text(encoding="utf-8")
    assert len(text.split()) <= MOST_WORDS
    for part in ("**Context.**", "**Decision", "**Price.**"):
        assert part in text, part


def test_the_index_has_each_decision_once_as_its_page_says():
    (index,) = tables((FOLDER / "README.md").read_text(encoding="utf-8"))
    listed = {row[""]: (row["decision"], row["status"], row["date"]) for row in index}
    assert len(listed) == len(index)
    told = {}
    for page in PAGES:
        title, status, date = title_and_status(page)
        told[page.name[:4]] = (f"[{title}]({page.name})", status, date)
    assert listed == told


def test_a_link_to_a_decision_goes_to_the_one_that_it_names():
    for page in markdown_files():
        text = prose(page.read_text(encoding="utf-8"))
        for number, target in re.findall(r"\[decision\s+(\d{4})\]\((\S+?)\)", text):
            assert target.rpartition("/")[2].startswith(number), f"{page}: decision {number} links to {target}"


def pages_that_name_code():
    return [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *PAGES, *sorted((DOCS / "operating").glob("*.md"))]


@pytest.mark.parametrize("page", pages_that_name_code(), ids=lambda page: page.name)
def test_the_code_that_a_page_names_is_there(page):
    named = re.compile(rf"(?:{'|'.join(FOLDERS)})(?:/[\w.-]+)+/?|(?:{'|'.join(FOLDERS)})/")
    text = page.read_text(encoding="utf-8")
    missing = {name for name in code(prose(text)) if named.fullmatch(name) and not (ROOT / name).exists()}
    assert not missing
    assert all(not target.startswith("/") for _, target in links(text))
