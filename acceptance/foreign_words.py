"""The words of functions, jobs and queries, and how much of them may leave a run.

A function's log quotes the rows that it could not convert, an answer holds a presigned URL, an error a password. So an
error or a result of such a thing carries these words apart from our own, and only `Redaction` shows them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from acceptance.untrusted_text import several_lines

HIDDEN = "•••"
MOST_CHARACTERS = 4_000
"""The most characters of foreign words that are shown: Lambda's answer has the last 4 KB of a log."""
_LOOKED_THROUGH = 2 * MOST_CHARACTERS


@dataclass(frozen=True, slots=True)
class ForeignWords:
    """Text of something that is not ours. `whole` is where a person who may read it finds all of it, if anywhere."""

    text: str
    whole: str = ""
    most: int = MOST_CHARACTERS

    @property
    def where(self) -> str:
        return f"; the whole text is in {self.whole}" if self.whole else ""


@dataclass(frozen=True, slots=True)
class Redaction:
    """The redaction of one dataset's runs. `classified` are its contract's columns that are not public.

    Nobody can tell a cell from another word: a name is a word, and the words may be of any row of the table. So of a
    dataset with such columns no word is shown, but where they are. Of any other dataset all but secrets are.
    """

    classified: tuple[str, ...] = ()

    def shown(self, words: ForeignWords) -> str:
        """Return what may be shown, and that something was withheld, if it was; "" if nothing was said."""
        text = words.text.strip()
        if not text:
            return ""
        if self.classified:
            columns = "the column" if len(self.classified) == 1 else "the columns"
            return (
                f"({len(text):,} characters are withheld: they may hold cells of {columns} "
                f"{', '.join(self.classified)}, which the contract classifies{words.where})"
            )
        public = without_secrets(text := text[:_LOOKED_THROUGH])
        shown = several_lines(public, words.most)
        if public == text and len(words.text.strip()) <= words.most:
            return shown
        what = "what looks like a secret is withheld" if public != text else "the rest is left out"
        return f"{shown} ({what}{words.where})"


def without_secrets(text: str) -> str:
    """Hide what looks like a secret: keys, passwords, tokens, and the signature of a presigned URL."""
    for pattern, hide in _SECRETS:
        text = pattern.sub(hide, text)
    return text


def _value(match: re.Match[str]) -> str:
    return match["name"] + HIDDEN


_QUOTED = r"""(?P<quote>\\+["'])[\s\S]*?(?:(?<!\\)(?P=quote)|\Z)|"(?:[^"\\]|\\.)*(?:"|\Z)|'(?:[^'\\]|\\.)*(?:'|\Z)"""
"""A text in quotes, which a cut may have left open. In JSON that is in a text, the quotes are escaped."""
_WORD = rf"(?:{_QUOTED}|\[[^\]]*(?:\]|\Z)|\{{[^}}]*(?:\}}|\Z)|[^\s\"',;&}})\]<]+)"
_IS = r"[\\\"']{0,4}\s*(?:=>|:=|[:=>]|%3[AD])\s*"
_PASSWORD = r"(?:pass(?:word|wd|phrase|code)|passwort|pwd)"
_NAMES = (
    rf"(?:{_PASSWORD}|contrase[nñ]a|secret|token|credentials?|(?<![a-z])(?:pass|pw|senha|clave|auth|api[ _-]?key"
    r"|(?:access|secret|private|account|shared|signing|encryption)[\w-]{0,20}key(?:[_-]?id)?))"
)
_SECRETS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str] | str], ...] = (
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----.*?(?:-----END [A-Z ]*PRIVATE KEY[A-Z ]*-----|\Z)", re.DOTALL
        ),
        HIDDEN,
    ),
    (
        re.compile(r"(?P<name>\b[a-z][a-z0-9+.-]{1,30}://[^\s/:@\"']{0,100}:)[^\s\"']{1,300}(?=@)", re.IGNORECASE),
        _value,
    ),
    (re.compile(r"(?P<name>\b[a-z][a-z0-9+.-]{1,30}://)[^\s/:@\"'?#]{1,300}(?=@)", re.IGNORECASE), _value),
    (re.compile(r"(?P<name>\bjdbc:oracle:\w+:[^\s/@]{1,100}/)[^\s@]{1,300}(?=@)", re.IGNORECASE), _value),
    (re.compile(r"(?P<name>\s-u\s+[^\s:]{1,100}:)\S+"), _value),
    (
        re.compile(
            r"(?P<name>[?&;](?:amp;)?(?:x-(?:amz|goog|oss)-(?:signature|security-token|credential)|awsaccesskeyid|signature"
            r"|sig|sv|se|code|key|[\w-]*(?:token|secret|passw(?:or)?d|auth|apikey|api_key)[\w-]*)=)[^&\s\"'<>\\]+",
            re.IGNORECASE,
        ),
        _value,
    ),
    (
        re.compile(
            r"(?P<name>\b(?:hooks\.slack\.com/\w+|discord(?:app)?\.com/api/webhooks)/)[^\s\"'<>]+", re.IGNORECASE
        ),
        _value,
    ),
    (re.compile(r"(?P<name>\b(?:bearer|basic|digest|negotiate|apikey)\s+)[\w.~+/=:-]{6,}", re.IGNORECASE), _value),
    (
        re.compile(rf"(?P<name>(?:authorization|cookie){_IS})(?:{_QUOTED}|[^\n\"'{{}}]+)", re.IGNORECASE),
        _value,
    ),
    (re.compile(rf"(?P<name>\bsignature\s?=\s?){_WORD}", re.IGNORECASE), _value),
    (re.compile(rf"(?P<name>{_NAMES}[\w-]{{0,20}}{_IS}){_WORD}", re.IGNORECASE), _value),
    (re.compile(rf"(?P<name>(?:{_PASSWORD}|senha)(?:[ \t]+\w+){{1,5}}{_IS}){_WORD}", re.IGNORECASE), _value),
    (
        re.compile(
            rf"(?P<name>(?<![a-z])(?:identified\s+by(?:\s+password)?|(?:{_PASSWORD}|senha)(?:\s+is)?)\s+){_WORD}",
            re.IGNORECASE,
        ),
        _value,
    ),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"), HIDDEN),
    (
        re.compile(
            r"\b(?:gh[oprsu]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{8,}|sk[_-](?:live|test|ant|proj)?[\w-]{16,}"
            r"|AIza[\w-]{30,}|dapi[0-9a-f]{30,}|npm_\w{30,}|pypi-[\w-]{30,}|hvs\.[\w-]{20,}|dop_v1_\w{16,}|hf_\w{30,}"
            r"|SG\.[\w-]{16,}\.[\w-]{16,}|ya29\.[\w-]{16,})"
        ),
        HIDDEN,
    ),
    (
        re.compile(
            r"(?<![\w/+=])(?=[\w/+]{0,39}[a-z])(?=[\w/+]{0,39}[A-Z])(?=[\w/+]{0,39}[0-9])[A-Za-z0-9/+]{40}(?![\w/+=])"
        ),
        HIDDEN,
    ),
)
"""The last is an AWS secret access key: 40 characters of base64, in which letters of both kinds and digits occur."""
