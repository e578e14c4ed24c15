"""Every relative link and anchor of every Markdown file leads somewhere, and so does every path that it names."""

import re
from urllib.parse import unquote

import pytest
from markdown_pages import README, ROOT, anchors, code, links, markdown_files

PAGES = markdown_files()


def broken(page, root=ROOT):
    """Each link of a page that leads nowhere, or out of the root, as `line: target`."""
    for line, target in links(page.read_text(encoding="utf-8")):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        to = (page.parent / unquote(path)).resolve() if path else page
        if not to.exists() or not to.is_relative_to(root):
            yield f"{line}: {target}"
        elif anchor and (to.suffix != ".md" or anchor not in anchors(to.read_text(encoding="utf-8"))):
            yield f"{line}: {target}, but {to.name} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_and_anchor_leads_somewhere(page):
    assert list(broken(page)) == []


CODE_FOLDERS = {
    "cli",
    "automations",
    "sandbox",
    "flows",
    "landed",
    "aws",
    "blocks",
    "acceptance",
    "benchmarks",
    "tests",
}


def missing(page):
    """Each path or module of the repository that a page names in backticks, and that is not there."""
    for name in code(page.read_text(encoding="utf-8")):
        parts = name.rstrip("/").split("/") if "/" in name else name.split(".")
        if parts[0] not in CODE_FOLDERS or len(parts) == 1 or not re.fullmatch(r"[\w./-]+", name):
            continue
        # A dotted name may end in a name of the module.
        ends = (len(parts),) if "/" in name else (len(parts), len(parts) - 1)
        paths = [ROOT.joinpath(*parts[:end]) for end in ends if end > 1]
        if not any(path.exists() or path.with_name(f"{path.name}.py").exists() for path in paths):
            yield name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_path_and_module_that_a_page_names_is_there(page):
    assert list(missing(page)) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("`flows/gone.py`", ["flows/gone.py"]),
        ("`flows.gone`", ["flows.gone"]),
        ("`acceptance/errors.py`, `acceptance.errors.AceiteError`, `tests/`, `aws/s3`", []),
        ("`aws s3 ls`, `flows`, `aws/{key}`", []),
    ],
)
def test_a_path_that_is_not_there_is_seen(text, names, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    assert list(missing(page)) == names


def test_the_pages_and_their_links_are_found():
    assert README in PAGES
    assert ROOT / "docs" / "operating" / "upgrading.md" in PAGES
    assert sum(1 for page in PAGES for _ in links(page.read_text(encoding="utf-8"))) > 100


@pytest.mark.parametrize(
    "text",
    [
        "[gone](docs/gone.md)",
        "![gone](docs/pictures/gone.png)",
        "[gone](README.md#gone)",
        "[gone](#gone)",
        '<img src="docs/gone.png">',
        "[gone]: docs/gone.md",
        "[![inner](README.md)](gone.md)",
        "[![inner](gone.png)](README.md)",
        "[a link over\ntwo lines](gone.md)",
    ],
)
def test_a_link_that_leads_nowhere_is_seen(text, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{text}\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("# There\n", encoding="utf-8")
    assert len(list(broken(page, tmp_path.resolve()))) == 1


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("## What you see", "what-you-see"),
        ("## `aceite up`, and what it keeps", "aceite-up-and-what-it-keeps"),
        ("## Is it [true](page.md)?", "is-it-true"),
        ("## Entrega é aceite", "entrega-é-aceite"),
        ("# One\n\n## One", "one-1"),
    ],
)
def test_an_anchor_is_made_as_on_github(heading, anchor):
    assert anchor in anchors(heading)


def test_a_link_in_code_is_no_link():
    assert list(links("`[a](b.md)`\n\n```\n[a](b.md)\n```\n\n[c](d.md)")) == [(7, "d.md")]
