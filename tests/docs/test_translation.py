"""README.pt-BR.md says what README.md says: the same sections, commands, contract and links."""

import re

from markdown_pages import README, ROOT, links, prose, tables

TRANSLATION = ROOT / "README.pt-BR.md"
PAGES = (README.read_text(encoding="utf-8"), TRANSLATION.read_text(encoding="utf-8"))
_BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r" +# .*$", re.MULTILINE)


def commands(text):
    """The blocks of code without their comments; a diagram has words, and is no code."""
    return [_COMMENT.sub("", block) for block in _BLOCK.findall(text) if "▼" not in block]


def targets(text):
    return [target for _, target in links(text) if target not in {README.name, TRANSLATION.name}]


def levels(text):
    return [line.partition(" ")[0] for line in prose(text).splitlines() if re.match(r"#+ ", line)]


def test_the_translation_has_the_readmes_sections_code_and_links():
    readme, translation = PAGES
    assert levels(translation) == levels(readme)
    assert commands(translation) == commands(readme)
    assert targets(translation) == targets(readme)
    assert [len(table) for table in tables(translation)] == [len(table) for table in tables(readme)]
