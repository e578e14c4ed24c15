"""A landed manifest: the file in which a sender lists the files of a delivery.

It is JSON (a list of keys or of entries, or an object with such a list as `entries` or `files`) or plain text with one
key per line. An entry is an object with `key`, `url` or `name` and optionally `size` in bytes, `etag`, `md5` and
`sha256` (hexadecimal or base64); other members are ignored. A key is a whole key of the bucket, an s3:// address, or,
without any "/", a name in the manifest's own folder.
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
"""Aceite refuses a larger manifest without reading it."""

MOST_FILES = 10_000
"""Far more than a delivery may have (`pointer.MOST_POINTER_BYTES`), yet read in less than a second."""

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
    """The reason why a manifest is invalid: what is where, and what is allowed."""

    reason: str


@dataclass(frozen=True, slots=True)
class DigestOf:
    """A digest to compute of this object version. `algorithm` is md5 or sha256."""

    landed: LandingObject
    algorithm: str


@dataclass(frozen=True, slots=True)
class ManifestComparison:
    """A manifest compared with the objects that landed.

    `absent` are keys. `wrong` maps a key to the sentence that says what differs. `unverified` are the digests still to
    compute from the bytes of files, once all else agrees.
    """

    absent: tuple[str, ...]
    wrong: Mapping[str, str]
    unverified: tuple[DigestOf, ...]


def compare(
    entries: Sequence[Entry], objects: Mapping[str, LandingObject], digests: Mapping[DigestOf, str]
) -> ManifestComparison:
    """Compare a manifest with the landed objects by key. `digests` are in lower-case hexadecimal."""
    absent = tuple(entry.key for entry in entries if entry.key not in objects)
    pairs = [(objects[entry.key], entry) for entry in entries if entry.key in objects]
    wrong = {landed.key: mismatch for landed, entry in pairs if (mismatch := _mismatch(landed, entry))}
    if absent or wrong:
        return ManifestComparison(absent, wrong, ())
    expected = {digest: value for pair in pairs for digest, value in _digests_of_bytes(*pair)}
    for digest, value in expected.items():
        actual = digests.get(digest, value)
        if actual != value:
            wrong[digest.landed.key] = f"{digest.landed.key} has {digest.algorithm} {actual}, the manifest says {value}"
    return ManifestComparison((), wrong, tuple(digest for digest in expected if digest not in digests))


def read_manifest(content: bytes, manifest: LandingObject) -> tuple[Entry, ...] | Unreadable:
    """Return the entries in their order; at least one, and no key twice."""
    try:
        return tuple(_read(content, manifest))
    except _WrongError as error:
        return Unreadable(f"the manifest {manifest.uri} is invalid: {error}")


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
        raise _WrongError(f"it lists {len(items):,} files; at most {MOST_FILES:,} are allowed")
    if not items:
        raise _WrongError("it lists no file")
    keys: set[str] = set()
    for number, item in items:
        entry = _entry(f"{kind} {number}", item, manifest)
        if entry.key in keys:
            raise _WrongError(f"it lists {_shown(entry.key)} twice")
        keys.add(entry.key)
        yield entry


def too_large(size_bytes: int) -> str:
    return f"it has {size_bytes:,} bytes; at most {MOST_BYTES:,} are allowed"


def _lines(text: str) -> Sequence[tuple[int, Any]]:
    lines = ((number, line.removesuffix("\r")) for number, line in enumerate(text.split("\n"), 1))
    return [(number, line) for number, line in lines if line.strip()]


def _json(text: str) -> Sequence[tuple[int, Any]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:  # a number of too many digits is a ValueError as well
        raise _WrongError(f"it begins like JSON but is not valid JSON: {error}") from error
    if isinstance(document, dict):
        lists = [name for name in _LISTS if name in document]
        if len(lists) != 1:
            names = " and ".join(lists) or ", ".join(list(document)[:5]) or "nothing"
            raise _WrongError(f"its object holds {_shown(names)}; it must hold exactly one of {', '.join(_LISTS)}")
        document = document[lists[0]]
    if not isinstance(document, list):
        raise _WrongError(f"it holds {_shown(document)} instead of a list of files")
    return list(enumerate(document, 1))


def _entry(place: str, item: Any, manifest: LandingObject) -> Entry:
    if isinstance(item, str):
        return Entry(_key(place, item, manifest))
    if not isinstance(item, dict):
        raise _WrongError(f"{place} is {_shown(item)}; allowed: a key, or an object with one of {', '.join(_NAMES)}")
    name = next((item[name] for name in _NAMES if item.get(name) is not None), None)
    if not isinstance(name, str):
        raise _WrongError(f"{place} names {_shown(name)}; it must have a text as one of {', '.join(_NAMES)}")
    size, etag = item.get("size"), item.get("etag")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < _LARGEST_SIZE):
        raise _WrongError(f"the size of {place} is {_shown(size)}; it must be a whole number of bytes")
    if etag is not None and (not isinstance(etag, str) or not etag.strip('"')):
        raise _WrongError(f"the etag of {place} is {_shown(etag)}; it must be a text")
    md5, sha256 = (_digest(place, kind, item.get(kind)) for kind in _DIGEST_BYTES)
    return Entry(_key(place, name, manifest), size, etag.strip('"') if etag else None, md5, sha256)


def _key(place: str, text: str, manifest: LandingObject) -> str:
    if re.search("[\ud800-\udfff]", text):
        raise _WrongError(f"{place} is {_shown(text)}, which is not valid UTF-8, as a key must be")
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
    """Return lower-case hexadecimal, from hexadecimal or from base64 as in Content-MD5."""
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
        raise _WrongError(
            f"the {kind} of {place} is {_shown(value)}; it must be {length_bytes} bytes in hexadecimal or base64"
        )
    return digest.hex()


def _mismatch(landed: LandingObject, entry: Entry) -> str:
    if entry.size is not None and entry.size != landed.size:
        return f"{landed.key} has {landed.size:,} bytes, the manifest says {entry.size:,}"
    if entry.etag is not None and entry.etag.lower() != landed.etag.lower():
        return f"{landed.key} has the etag {landed.etag}, the manifest says {entry.etag}"
    return ""


def _digests_of_bytes(landed: LandingObject, entry: Entry) -> Iterator[tuple[DigestOf, str]]:
    """Yield the digests that the etag does not already verify. The etag is not the MD5 for multipart uploads and for
    objects encrypted with KMS."""
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
