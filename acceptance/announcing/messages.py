"""Messages for people, in a chat or by mail: a subject and a list of facts.

Keys, cells and AWS's messages are untrusted texts. A message shows them as short plain text on one line: no link, no
mention, no image, no markup of Slack, Markdown or HTML.
"""

import re
from collections.abc import Iterable, Mapping

from acceptance.messages.languages import ENGLISH, Language, in_language
from acceptance.untrusted_text import one_line

LONGEST = 300
"""The most characters of one text in a message."""

LONGEST_TITLE = 200
"""The most characters of a delivery's title in a subject, so that the verdict fits behind it."""

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
"""Lookalikes of markup characters: channels escape in different ways or not at all, but these are text in all."""

_EMPHASIS = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")
_HEADING = re.compile(r"^[#\-+=]+")
_ADDRESS = re.compile(
    r"(?i)(?<![a-z0-9])(?!s3:)([a-z][a-z0-9+.-]*):(?=//)|(?<![a-z0-9])(mailto|javascript|vbscript|data|file|sms|tel):|(?<![a-z0-9])(www)\.(?=\S)"
)
_IS_ADDRESS = re.compile(r"(https?|s3)://[\w./:%{}?=&#+~,;()-]+", re.ASCII)
_TEMPLATE = re.compile(r"(?<=\{)(?=[{%#])")


def plain(text: str, most: int = LONGEST) -> str:
    """Return the text without markup, on one line of at most `most` characters.

    An address stays readable but is not a link. Addresses of S3 stay as they are: no channel links them.
    """
    line = _TEMPLATE.sub(" ", " ".join(one_line(text, 4 * most).split()).translate(_LOOKS_ALIKE))
    line = _EMPHASIS.sub(lambda match: "ˍ" * len(match[0]), _ADDRESS.sub(_no_link, _HEADING.sub("", line).lstrip()))
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def message(
    subject: str, facts: Iterable[tuple[str, str]], links: Mapping[str, str] | None = None, language: Language = ENGLISH
) -> dict[str, str]:
    """Return subject and body in a language. Facts without a text are left out.

    An address among `links` stays as it is.
    """
    told = [(in_language(name, language), in_language(text, language, 4 * LONGEST)) for name, text in facts]
    lines = [f"- {name}: {line}" for name, text in told if (line := plain(text))]
    lines += [
        f"- {in_language(name, language)}: {address if _IS_ADDRESS.fullmatch(address) else plain(address)}"
        for name, address in (links or {}).items()
        if address
    ]
    return {"subject": plain(in_language(subject, language)), "body": "\n".join(lines)}


def _no_link(match: re.Match[str]) -> str:
    return f"{match[3]}．" if match[3] else f"{match[1] or match[2]}∶"
