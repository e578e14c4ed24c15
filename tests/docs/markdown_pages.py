"""The project's Markdown files: their tables, headings, code blocks and links."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from repository import ROOT

DOCS = ROOT / "docs"
README = ROOT / "README.md"

_SKIPPED = {"node_modules", "build", "dist"}
_ROW = re.compile(r"^\|(.*)\|\s*$")
_HEADING = re.compile(r"^#{1,6} +(.*?)(?: +#+)?$")
_FENCE = re.compile(r"^ *(```+|~~~+)")
_CODE = re.compile(r"`(?:[^`\n]|\n(?! *\n))+`")
_LINK = re.compile(r"!?\[(?:[^\[\]]|!?\[[^\]]*\](?:\([^)]*\))?)*\]\(<?([^)\s>]+)>?(?: +\"[^\"]*\")?\)")
_PICTURE_OF_A_LINK = re.compile(r"\[!\[[^\[\]]*\]\(<?([^)\s>]+)>?\)\]\(")
_HTML_LINK = re.compile(r"<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)=\"([^\"]+)\"")
_REFERENCE = re.compile(r"^ *\[[^\]]+\]: +<?(\S+?)>?(?: +\"[^\"]*\")?$", re.MULTILINE)


def markdown_files() -> list[Path]:
    """Return every Markdown file of the repository; virtual environments and build folders are left out."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        here = Path(folder)
        folders[:] = [
            name
            for name in folders
            if name not in _SKIPPED
            and (not name.startswith(".") or name == ".github")
            and not name.endswith(".egg-info")
            and not (here / name / "pyvenv.cfg").exists()
        ]
        found += [here / name for name in files if name.endswith(".md")]
    return sorted(found)


def prose(text: str) -> str:
    """Return the text with the lines of its code blocks empty, so that every other line keeps its number."""
    fence = ""
    lines = []
    for line in text.splitlines():
        mark = _FENCE.match(line)
        is_code = bool(fence or mark)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence):
            fence = ""
        lines.append("" if is_code else line)
    return "\n".join(lines)


def links(text: str) -> Iterator[tuple[int, str]]:
    """Yield the target of each link and picture, with its line. What is in code is no link."""
    plain = _CODE.sub(lambda found: "\n" * found[0].count("\n"), prose(text))
    for pattern in (_LINK, _PICTURE_OF_A_LINK, _HTML_LINK, _REFERENCE):
        for match in pattern.finditer(plain):
            yield plain.count("\n", 0, match.start(1)) + 1, match[1]


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings as GitHub makes them; the second one of a name ends in -1."""
    found: set[str] = set()
    seen: Counter[str] = Counter()
    for line in prose(text).splitlines():
        if match := _HEADING.match(line):
            title = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", match[1]).replace("`", "")
            slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
        found |= set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", line))
    return found


def section(text: str, heading: str) -> str:
    """Return what stands below a heading, down to the next one of its level or above."""
    lines = text.splitlines()
    start = next(place for place, line in enumerate(lines) if re.fullmatch(rf"#+ {re.escape(heading)}", line))
    level = len(lines[start]) - len(lines[start].lstrip("#"))
    end = next(
        (place for place in range(start + 1, len(lines)) if re.match(rf"#{{1,{level}}} ", lines[place])), len(lines)
    )
    return "\n".join(lines[start + 1 : end])


def tables(text: str) -> list[list[dict[str, str]]]:
    """Return the tables of a text, each as its rows by the name of the column."""
    found: list[list[dict[str, str]]] = []
    head: Sequence[str] = ()
    for line in text.splitlines():
        match = _ROW.match(line)
        if not match:
            head = ()
            continue
        cells = [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", match[1])]
        if not head:
            head = cells
            found.append([])
        elif set("".join(cells)) - set("-: "):
            found[-1].append(dict(zip(head, cells, strict=True)))
    return found


def code(cell: str) -> list[str]:
    """Return what stands between backticks."""
    return re.findall(r"`([^`]+)`", cell)


def code_blocks(text: str, language: str) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
