"""Signatures of evidence: a key of the installation makes them, and whoever has its public part can check them.

A signature is of one line of text, which says what is signed and has its SHA-256. So one key cannot be led to sign
something of another kind, and AWS KMS, which signs at most 4,096 bytes, is never asked for more.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)
from pydantic import ValidationError

from acceptance.record import Record

_KEY_ID, _VALUE = "aceite-key-id", "aceite-signature"
"""Names of the metadata of an object that is signed before a manifest seals it."""


class Signature(Record):
    """Who signed the document without this member.

    `key_id` is the SHA-256 of `public_key` (SubjectPublicKeyInfo, DER). Both only tell which key it was: whoever checks
    has that key from elsewhere. `public_key` and `value` are in base64.
    """

    algorithm: str
    key_id: str
    public_key: str
    value: str


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public part of a key that seals: Ed25519, or ECDSA on the curve P-256 with SHA-256."""

    key: Ed25519PublicKey | EllipticCurvePublicKey

    @classmethod
    def of(cls, text: bytes) -> "PublicKey":
        """Return the key in PEM or DER. Raises ValueError if it is none, or one of another kind."""
        try:
            load = load_pem_public_key if text.lstrip().startswith(b"-----") else load_der_public_key
            key = load(text)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ValueError("this is no public key in PEM or DER") from error
        if isinstance(key, Ed25519PublicKey):
            return cls(key)
        if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
            return cls(key)
        raise ValueError("the key is neither Ed25519 nor ECDSA on P-256")

    @property
    def algorithm(self) -> str:
        return "Ed25519" if isinstance(self.key, Ed25519PublicKey) else "ECDSA_SHA_256"

    @property
    def der(self) -> bytes:
        return self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def pem(self) -> bytes:
        return self.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def id(self) -> str:
        return hashlib.sha256(self.der).hexdigest()

    def verifies(self, value: bytes, message: bytes) -> bool:
        try:
            if isinstance(self.key, Ed25519PublicKey):
                self.key.verify(value, message)
            else:
                self.key.verify(value, message, ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


class SealKey(Protocol):
    """A key that signs, wherever it is kept."""

    @property
    def public(self) -> PublicKey: ...

    def sign(self, message: bytes) -> bytes: ...


Trusted = Callable[[str], PublicKey | None]
"""Returns the trusted public key of this id, None if there is none."""


def trusting(*keys: PublicKey) -> Trusted:
    """Return a Trusted that knows these keys and no other."""
    return {key.id: key for key in keys}.get


def with_signature(document: bytes, key: SealKey) -> bytes:
    """Return a JSON document with its `signature` as the last member."""
    members = _members(document)
    members.pop("signature", None)
    public, value = key.public, key.sign(_statement("manifest", "", _json(members)))
    signature = Signature(
        algorithm=public.algorithm,
        key_id=public.id,
        public_key=base64.b64encode(public.der).decode(),
        value=base64.b64encode(value).decode(),
    )
    return _json({**members, "signature": signature.model_dump()})


def signature_in(document: bytes) -> Signature | None:
    """Return the signature that a JSON document has, whoever made it; None if it has none."""
    try:
        return Signature.model_validate(_members(document).get("signature"))
    except (ValueError, ValidationError):
        return None


def signature_holds(document: bytes, trusted: Trusted) -> bool:
    """Return True if a trusted key signed exactly these bytes."""
    try:
        members = _members(document)
        signature = Signature.model_validate(members.get("signature"))
        # Otherwise a member that is there twice could be read in two ways.
        if _json(members) != document:
            return False
    except (ValueError, ValidationError):
        return False
    del members["signature"]
    return _holds(signature.key_id, signature.value, _statement("manifest", "", _json(members)), trusted)


def signed_metadata(object_key: str, content: bytes, key: SealKey) -> Mapping[str, str]:
    """Return the metadata by which `content` can be recognised as the installation's own at this object key."""
    value = key.sign(_statement("object", object_key, content))
    return {_KEY_ID: key.public.id, _VALUE: base64.b64encode(value).decode()}


def metadata_holds(object_key: str, content: bytes, metadata: Mapping[str, str], trusted: Trusted) -> bool:
    """Return True if a trusted key signed these bytes for this object key."""
    statement = _statement("object", object_key, content)
    return _holds(metadata.get(_KEY_ID, ""), metadata.get(_VALUE, ""), statement, trusted)


def _holds(key_id: str, value: str, message: bytes, trusted: Trusted) -> bool:
    key = trusted(key_id)
    try:
        return key is not None and key.verifies(base64.b64decode(value, validate=True), message)
    except (binascii.Error, ValueError):
        return False


def _statement(kind: str, name: str, content: bytes) -> bytes:
    return f"aceite {kind} {json.dumps(name)} {hashlib.sha256(content).hexdigest()}\n".encode()


def _members(document: bytes) -> dict[str, Any]:
    """Return the members of a JSON object. Raises ValueError if it is none."""
    try:
        members = json.loads(document)
    except RecursionError as error:
        raise ValueError("the document is nested too deeply") from error
    if not isinstance(members, dict):
        raise ValueError("the document is no JSON object")  # noqa: TRY004  # it is about its content
    return members


def _json(members: Mapping[str, Any]) -> bytes:
    return json.dumps(members, indent=2, ensure_ascii=False).encode() + b"\n"
