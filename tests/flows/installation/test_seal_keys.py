"""The key that seals is made once, kept from others, exchanged without losing what it sealed, or is AWS's."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from aws_clients import Aws
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sealing import MemoryKey

from acceptance.errors import SettingsError, StepFailed
from acceptance.evidence.signatures import PublicKey
from cli.doctor.looks import seals
from cli.doctor.looks.findings import LookOutcome
from flows.installation.seal_keys import SealKeys

TEXT = b"a text"


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_the_first_need_makes_one_key_though_many_need_it_at_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: SealKeys(home).signing().public.id, range(32)))
    assert len(set(keys)) == 1
    assert [path.name for path in (home / "seal").iterdir() if path.is_file()] == ["key.pem"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_nobody_else_may_read_the_key(tmp_path: Path) -> None:
    SealKeys(tmp_path / "home").signing()
    assert stat.S_IMODE((tmp_path / "home" / "seal" / "key.pem").stat().st_mode) == 0o600


def test_after_a_rotation_the_old_key_is_believed_and_the_new_one_seals(tmp_path: Path) -> None:
    keys = SealKeys(tmp_path)
    old = keys.signing()
    new = keys.rotate()
    assert keys.signing().public.id == new.public.id != old.public.id
    for key in (old, new):
        known = keys.trusted(key.public.id)
        assert known is not None
        assert known.verifies(key.sign(TEXT), TEXT)
    (tmp_path / "seal" / "trusted" / f"{old.public.id}.pem").unlink()
    assert keys.trusted(old.public.id) is None, "a person took it back"


def test_no_key_is_trusted_by_a_name_that_is_no_id_or_is_anothers(tmp_path: Path) -> None:
    keys, strange = SealKeys(tmp_path), MemoryKey().public
    keys.signing()
    (tmp_path / "seal" / "trusted" / f"{'0' * 64}.pem").write_bytes(strange.pem)
    for name in ("", "../key", "0" * 64, strange.id, "\n" + strange.id):
        assert keys.trusted(name) is None
    keys.trust(strange)
    assert keys.trusted(strange.id) == strange


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "there is no key"),
        (b"", "no private key in PEM"),
        (pem(rsa.generate_private_key(65537, 2048)), "not an Ed25519 key"),
    ],
    ids=["no file", "an empty file", "another kind"],
)
@pytest.mark.parametrize("required", [None, "0" * 64])
def test_a_key_that_cannot_seal_is_told_with_what_to_do(
    tmp_path: Path, content: bytes | None, told: str, required: str | None
) -> None:
    keys = SealKeys(tmp_path, tmp_path / "own.pem", required=required)
    if content is not None:
        keys.file.write_bytes(content)
    with pytest.raises(SettingsError, match=rf"(?s){told}.*ACEITE_SEAL_KEY_FILE"):
        keys.signing()
    assert seals.key(keys).outcome is LookOutcome.RED


def test_a_host_with_another_key_than_the_installations_seals_nothing(tmp_path: Path) -> None:
    one, other = SealKeys(tmp_path / "one"), SealKeys(tmp_path / "other")
    wanted = replace(other, required=one.signing().public.id)
    other.signing()
    with pytest.raises(SettingsError, match="this installation seals with"):
        wanted.signing()
    same = replace(wanted, key_file=one.file)
    assert same.signing().public.id == one.signing().public.id


def test_a_key_of_kms_seals_and_its_public_part_is_remembered(local_aws: Aws, tmp_path: Path) -> None:
    kms = local_aws.client("kms")
    made = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    keys = SealKeys(tmp_path, kms_key=made, kms=lambda: kms)
    key = keys.signing()
    assert (key.public.algorithm, key.public.verifies(key.sign(TEXT), TEXT)) == ("ECDSA_SHA_256", True)
    assert not key.public.verifies(key.sign(TEXT), b"another text")
    assert seals.key(keys).outcome is LookOutcome.GREEN
    assert not keys.file.exists()
    assert SealKeys(tmp_path).trusted(key.public.id) == key.public, "also when a file seals again"


def test_a_key_of_kms_of_another_kind_is_told(local_aws: Aws, tmp_path: Path) -> None:
    kms = local_aws.client("kms")
    made = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyMetadata"]["KeyId"]
    with pytest.raises(SettingsError, match="ECC_NIST_P256"):
        SealKeys(tmp_path, kms_key=made, kms=lambda: kms).signing()
    with pytest.raises(StepFailed, match="KMS key 00000000"):
        SealKeys(tmp_path, kms_key="00000000-0000-0000-0000-000000000000", kms=lambda: kms).signing()


@pytest.mark.parametrize("text", [b"", b"-----BEGIN PUBLIC KEY-----\n", b"\x00" * 44, b"ssh-ed25519 AAAA"])
def test_what_is_no_public_key_is_told(text: bytes) -> None:
    with pytest.raises(ValueError, match="no public key"):
        PublicKey.of(text)


def test_a_public_key_on_another_curve_is_told() -> None:
    key = ec.generate_private_key(ec.SECP384R1()).public_key()
    with pytest.raises(ValueError, match="P-256"):
        PublicKey.of(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
