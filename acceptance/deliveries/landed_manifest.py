"""A manifest: the file by which a sender lists what belongs to a delivery.

JSON, a list of keys or of entries, or an object with such a list as `entries` or `files`; or plain text with one key
in each line. An entry is an object with `key`, `url` or `name`, and if the sender likes `size` in bytes, `etag`, `md5`
and `sha256` (hexadecimal or base64); what else it holds is not looked at. A key is a whole key of the bucket, an
s3:// address, or, without any "/", a name in the manifest's own folder.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acceptance.deliveries.delivery import LandingObject

MOST_BYTES = 5_000_000
"""Nobody needs to fetch a larger one: it is refused."""

MOST_FILES = 10_000
"""Far more than one delivery may have (`events.MOST_POINTER_BYTES`), and still read in less than a second."""

_MOST_SHOWN = 200
_LARGEST_SIZE = 2**63
_LISTS = ("entries", "files")
_NAMES = ("key", "url", "name")
_DIGEST_BYTES = {"md5": 16, "sha256": 32}


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as its sender describes it. The etag has no quotes; md5 and sha256 are in lower-case hexadecimal."""

    key: str
    size: int | None = None
    etag: str | None = None
    md5: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a manifest cannot be followed: what was found where, and what is allowed."""

    reason: str


@dataclass(frozen=True, slots=True)
class DigestOf:
    """`algorithm` is md5 or sha256, of the bytes of this object version."""

    landed: LandingObject
    algorithm: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a manifest says, held against what is there.

    `absent` are keys. `wrong` is by key the sentence that says what does not agree. `unverified` must be made from the
    bytes of files; it is only asked for when all else agrees.
    """

    absent: tuple[str, ...]
    wrong: Mapping[str, str]
    unverified: tuple[DigestOf, ...]


def compare(
    entries: Sequence[Entry], there: Mapping[str, LandingObject], digests: Mapping[DigestOf, str]
) -> Comparison:
    """`there` is by key; `digests` are in lower-case hexadecimal."""
    absent = tuple(entry.key for entry in entries if entry.key not in there)
    pairs = [(there[entry.key], entry) for entry in entries if entry.key in there]
    wrong = {landed.key: misfit for landed, entry in pairs if (misfit := _misfit(landed, entry))}
    if absent or wrong:
        return Comparison(absent, wrong, ())
    said = {digest: value for pair in pairs for digest, value in _digests_of_bytes(*pair)}
    for digest, value in said.items():
        found = digests.get(digest, value)
        if found != value:
            wrong[digest.landed.key] = f"{digest.landed.key} has {digest.algorithm} {found}, the manifest says {value}"
    return Comparison((), wrong, tuple(digest for digest in said if digest not in digests))


def read_manifest(content: bytes, manifest: LandingObject) -> tuple[Entry, ...] | Unreadable:
    """The entries in their order; at least one, and no key twice."""
    try:
        entries = tuple(_read(content, manifest))
        _refuse_repetition(entries)
    except _WrongError as error:
        return Unreadable(f"the manifest {manifest.uri} cannot be followed: {error}")
    return entries


class _WrongError(Exception):
    pass


def _read(content: bytes, manifest: LandingObject) -> Iterator[Entry]:
    if len(content) > MOST_BYTES:
        raise _WrongError(too_large(len(content)))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _WrongError(f"the byte 0x{content[error.start]:02X} at {error.start} is not UTF-8") from error
    kind, items = ("entry", _json(text)) if text.lstrip()[:1] in ("[", "{") else ("line", _lines(text))
    if len(items) > MOST_FILES:
        raise _WrongError(f"it lists {len(items):,} files, at most {MOST_FILES:,} are followed")
    if not items:
        raise _WrongError("it lists no file")
    for number, item in items:
        yield _entry(f"{kind} {number}", item, manifest)


def too_large(size_bytes: int) -> str:
    return f"it has {size_bytes:,} bytes, at most {MOST_BYTES:,} are read"


def _lines(text: str) -> Sequence[tuple[int, Any]]:
    lines = ((number, line.removesuffix("\r")) for number, line in enumerate(text.split("\n"), 1))
    return [(number, line) for number, line in lines if line.strip()]


def _json(text: str) -> Sequence[tuple[int, Any]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:  # a number of too many digits is a ValueError as well
        raise _WrongError(f"it begins like JSON but is none: {error}") from error
    if isinstance(document, dict):
        found = [name for name in _LISTS if name in document]
        if len(found) != 1:
            names = " and ".join(found) or ", ".join(list(document)[:5]) or "nothing"
            raise _WrongError(f"its object holds {_shown(names)}; exactly one of {', '.join(_LISTS)} is needed")
        document = document[found[0]]
    if not isinstance(document, list):
        raise _WrongError(f"found {_shown(document)} where a list of files is needed")
    return list(enumerate(document, 1))


def _entry(place: str, item: Any, manifest: LandingObject) -> Entry:
    if isinstance(item, str):
        return Entry(_key(place, item, manifest))
    if not isinstance(item, dict):
        raise _WrongError(f"{place} is {_shown(item)}; a key is needed, or an object with {', '.join(_NAMES)}")
    name = next((item[name] for name in _NAMES if item.get(name) is not None), None)
    if not isinstance(name, str):
        raise _WrongError(f"{place} names {_shown(name)}; a text is needed as one of {', '.join(_NAMES)}")
    size, etag = item.get("size"), item.get("etag")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < _LARGEST_SIZE):
        raise _WrongError(f"the size of {place} is {_shown(size)}; a whole number of bytes is needed")
    if etag is not None and (not isinstance(etag, str) or not etag.strip('"')):
        raise _WrongError(f"the etag of {place} is {_shown(etag)}; a text is needed")
    md5, sha256 = (_digest(place, kind, item.get(kind)) for kind in _DIGEST_BYTES)
    return Entry(_key(place, name, manifest), size, etag.strip('"') if etag else None, md5, sha256)


def _key(place: str, text: str, manifest: LandingObject) -> str:
    if re.search("[\ud800-\udfff]", text):
        raise _WrongError(f"{place} is {_shown(text)}, which is no text in UTF-8, as keys are")
    scheme, separator, rest = text.partition("://")
    if separator and scheme == "s3":
        bucket, _, key = rest.partition("/")
        if bucket != manifest.bucket:
            raise _WrongError(f"{place} is {_shown(text)}; only files of the bucket {manifest.bucket} are allowed")
        return key
    if separator and scheme in ("http", "https"):
        raise _WrongError(f"{place} is {_shown(text)}; allowed: a key, s3://bucket/key, a name in the same folder")
    folder, slash, _ = manifest.key.rpartition("/")
    return text if "/" in text else f"{folder}{slash}{text}"


def _digest(place: str, kind: str, value: Any) -> str | None:
    """Hexadecimal, from hexadecimal or from base64 as in Content-MD5."""
    if value is None:
        return None
    length_bytes = _DIGEST_BYTES[kind]
    if isinstance(value, str) and re.fullmatch(rf"[0-9A-Fa-f]{{{2 * length_bytes}}}", value):
        return value.lower()
    try:
        digest = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != length_bytes:
        raise _WrongError(f"the {kind} of {place} is {_shown(value)}; {length_bytes} bytes as hexadecimal or base64")
    return digest.hex()


def _refuse_repetition(entries: tuple[Entry, ...]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.key in seen:
            raise _WrongError(f"it lists {_shown(entry.key)} twice")
        seen.add(entry.key)


def _misfit(landed: LandingObject, entry: Entry) -> str:
    if entry.size is not None and entry.size != landed.size:
        return f"{landed.key} has {landed.size:,} bytes, the manifest says {entry.size:,}"
    if entry.etag is not None and entry.etag.lower() != landed.etag.lower():
        return f"{landed.key} has the etag {landed.etag}, the manifest says {entry.etag}"
    return ""


def _digests_of_bytes(landed: LandingObject, entry: Entry) -> Iterator[tuple[DigestOf, str]]:
    """An etag that is the MD5 verifies it. One that is not says nothing: it is something else for multipart uploads,
    and for objects that are encrypted with KMS."""
    if entry.md5 is not None and landed.etag.lower() != entry.md5:
        yield DigestOf(landed, "md5"), entry.md5
    if entry.sha256 is not None:
        yield DigestOf(landed, "sha256"), entry.sha256


def _shown(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case list():
            return "a list"
        case dict():
            return "an object"
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "..."
