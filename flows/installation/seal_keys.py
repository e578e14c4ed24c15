"""The key with which this installation seals evidence, and the public keys whose seals it believes.

The key is a file in the home that the first need makes, or a key of AWS KMS. None of it comes from the evidence bucket.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from acceptance.errors import SettingsError
from acceptance.evidence.signatures import PublicKey, SealKey
from aws import kms as aws_kms
from blocks.build import aws_credentials
from blocks.private_files import create_private, private_folder, write_private
from blocks.settings import Settings, read_settings
from flows.installation.clients import load_clients

_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FileKey:
    """An Ed25519 key in a file."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.private.public_key())

    def sign(self, message: bytes) -> bytes:
        return self.private.sign(message)


@dataclass(frozen=True, slots=True)
class KmsKey:
    """A key of AWS KMS. `public` was read before."""

    name: str
    public: PublicKey
    client: Callable[[], Any]

    def sign(self, message: bytes) -> bytes:
        return aws_kms.sign(self.client(), self.name, message)


@dataclass(frozen=True)
class SealKeys:
    """The keys of one home. Every public key that the home sealed with stays in its folder `trusted`.

    Files are read each time, so that a key which another command exchanges is used at once. `required` is the id of the
    key that the installation seals with; a host that has another one seals nothing.
    """

    home: Path
    key_file: Path | None = None
    kms_key: str | None = None
    required: str | None = None
    kms: Callable[[], Any] | None = None

    @property
    def file(self) -> Path:
        return self.key_file or self.home / "seal" / "key.pem"

    @property
    def place(self) -> str:
        return f"the KMS key {self.kms_key}" if self.kms_key else str(self.file)

    def signing(self, make: bool = False, remember: bool = True) -> SealKey:
        """Return the key that seals. The first need makes the file in the home; `make` makes one at another place too.

        Raises:
            SettingsError: the file holds no such key, cannot be made, or is not the installation's.
            StepFailed: KMS does not answer.
        """
        if (key := self.present()) is None:
            if self.required or (self.key_file and not make):
                raise SettingsError(f"there is no key {self.file} to seal evidence with; {self._remedy}")
            key = self._made()
        if self.required not in (None, key.public.id):
            raise SettingsError(
                f"{self.place} is the key {key.public.id}, and this installation seals with {self.required}: copy its "
                "key file here and name it in ACEITE_SEAL_KEY_FILE, or use one KMS key on all hosts "
                "(ACEITE_SEAL_KMS_KEY); after a rotation run `aceite deploy` again"
            )
        if remember:
            with suppress(SettingsError, OSError):  # a home that cannot be written needs no memory: nothing rotates it
                self.trust(key.public)
        return key

    def present(self) -> SealKey | None:
        """Return the key that seals; None if there is no file yet. Raises as `signing` does."""
        if self.kms_key:
            kms = self.kms or _kms_of_blocks
            return KmsKey(self.kms_key, _public_of_kms(self.kms_key, kms), kms)
        try:
            key = load_pem_private_key(self.file.read_bytes(), None)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it holds no private key in PEM"
            raise SettingsError(f"the key {self.file} cannot be read: {reason}; {self._remedy}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise SettingsError(f"the key {self.file} is not an Ed25519 key; {self._remedy}")
        return FileKey(key)

    def trusted(self, key_id: str) -> PublicKey | None:
        """Return the public key of this id if this home trusts it: its own, or one in its folder `trusted`."""
        if not _ID.fullmatch(key_id):
            return None
        with suppress(OSError, ValueError):
            key = PublicKey.of((self._trusted / f"{key_id}.pem").read_bytes())
            return key if key.id == key_id else None
        own = self.present()
        return own.public if own is not None and own.public.id == key_id else None

    def trust(self, key: PublicKey) -> None:
        """Keep the public key in the folder `trusted`, so that what it sealed is believed after it is exchanged."""
        path = self._trusted / f"{key.id}.pem"
        if not path.exists():
            private_folder(self.home)
            private_folder(self._trusted)
            write_private(path, key.pem)

    def rotate(self) -> SealKey:
        """Seal with a new key from now on; the public part of the old one stays trusted. Raises as `signing` does."""
        self.signing(make=True)
        write_private(self.file, _pem())
        return self.signing()

    @property
    def _trusted(self) -> Path:
        return self.home / "seal" / "trusted"

    @property
    def _remedy(self) -> str:
        return (
            "put the installation's key there, or name its place in ACEITE_SEAL_KEY_FILE; `aceite evidence key` makes "
            "a first one"
        )

    def _made(self) -> SealKey:
        try:
            private_folder(self.home)
            private_folder(self.file.parent)
            with suppress(FileExistsError):  # another process was faster; both go on with its key
                create_private(self.file, _pem())
        except OSError as error:
            raise SettingsError(f"the key {self.file} cannot be made: {error.strerror}; {self._remedy}") from error
        made = self.present()
        if made is None:
            raise SettingsError(f"somebody removed the key {self.file} at once; {self._remedy}")
        return made


def seal_keys(settings: Settings | None = None) -> SealKeys:
    """Return the keys of these settings, whose own credentials then ask KMS; else this process's, with the blocks'."""
    told = settings or read_settings()
    file = told.seal_key_file.expanduser() if told.seal_key_file else None
    kms = (lambda: aws_credentials(told).get_client("kms")) if settings else None
    return SealKeys(told.home.expanduser(), file, told.seal_kms_key, told.seal_key_id, kms)


def _kms_of_blocks() -> Any:
    return load_clients().of("kms")


def _pem() -> bytes:
    """Return a new private key."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _public_of_kms(name: str, client: Callable[[], Any]) -> PublicKey:
    """Return the public part of a KMS key, which never changes. Raises SettingsError if it is no key that seals."""
    if name in _public_by_name:
        return _public_by_name[name]
    try:
        _public_by_name[name] = PublicKey.of(aws_kms.public_key(client(), name))
    except ValueError as error:
        raise SettingsError(
            f"the KMS key {name} (ACEITE_SEAL_KMS_KEY) cannot seal: {error}; make one with `aws kms create-key "
            "--key-usage SIGN_VERIFY --key-spec ECC_NIST_P256`"
        ) from error
    return _public_by_name[name]


_public_by_name: dict[str, PublicKey] = {}
