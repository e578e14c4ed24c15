"""Every relative link and anchor of every Markdown file leads somewhere."""

from urllib.parse import unquote

import pytest
from markdown_pages import README, ROOT, anchors, links, markdown_files

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
