"""What people are told in a chat or by mail: a subject, and a list of facts.

Keys, cells and AWS's answers are other people's texts. In a message they are nothing but text: no link, no mention, no
image, no markup of Slack, Markdown or HTML, no second line, and not long.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping

LONGEST = 300
"""Characters of one text in a message."""

LONGEST_TITLE = 200
"""Of a delivery's title in a subject, so that there is room for what became of it."""

_LOOKS_ALIKE = str.maketrans(
    {
        "<": "‹",
        ">": "›",
        "[": "⁅",
        "]": "⁆",
        "`": "ˋ",
        "*": "∗",
        "~": "∼",
        "|": "¦",
        "@": "＠",
        "\\": "⧵",
        "&": "＆",
    }
)
"""Each channel has its own way to escape, and some none: other characters are text in all of them."""

_EMPHASIS = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")
_HEADING = re.compile(r"^[#\-+=]+")
_ADDRESS = re.compile(r"(?i)(?<![a-z0-9])(?!s3:)([a-z][a-z0-9+.-]*):(?=//)|(?<![a-z0-9])(mailto|javascript|data|tel):")
_TEMPLATE = re.compile(r"(?<=\{)(?=[{%#])")


def plain(text: str, most: int = LONGEST) -> str:
    """The text as nothing but text, on one line, `most` characters at most.

    An address stays readable and is no link, but for those of S3, which no channel makes one of.
    """
    visible = "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in text[: 4 * most])
    line = _TEMPLATE.sub(" ", " ".join(visible.split()).translate(_LOOKS_ALIKE))
    line = _EMPHASIS.sub(lambda found: "ˍ" * len(found[0]), _ADDRESS.sub(_no_link, _HEADING.sub("", line).lstrip()))
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def message(subject: str, facts: Iterable[tuple[str, str]], links: Mapping[str, str] | None = None) -> dict[str, str]:
    """Facts without a text are left out. `links` are our own addresses, and stay as they are."""
    lines = [f"- {name}: {said}" for name, text in facts if (said := plain(text))]
    lines += [f"- {name}: {address}" for name, address in (links or {}).items() if address]
    return {"subject": plain(subject), "body": "\n".join(lines)}


def _no_link(found: re.Match[str]) -> str:
    return f"{found[1] or found[2]}∶"
