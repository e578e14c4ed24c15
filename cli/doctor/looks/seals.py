"""Looks at the key that seals evidence, and at who made the newest seals: all hosts need the same key."""

from collections.abc import Sequence

from acceptance.counted import counted
from acceptance.errors import AceiteError
from acceptance.evidence.manifest import genuine
from acceptance.evidence.signatures import signature_in
from aws.calls import Client
from cli.doctor.looks.findings import Look, met, unmet
from flows.evidence.chain import last_number, read_links
from flows.installation.seal_keys import SealKeys

_TRIED = b"aceite doctor\n"
"""Nothing that is sealed is signed as this text."""


def key(keys: SealKeys) -> Look:
    """Check that the key is there, is the installation's and signs. Nothing is made."""
    try:
        if keys.key_file is None and keys.required is None and keys.present() is None:
            return met(f"there is none yet; the first need makes {keys.file}")
        sealing = keys.signing(remember=False)
        if not sealing.public.verifies(sealing.sign(_TRIED), _TRIED):
            return unmet(f"{keys.place} signs what its public part does not confirm", "use another key")
    except AceiteError as error:
        remedy = "allow kms:Sign and kms:GetPublicKey on it; `aceite policy all` prints the whole policy"
        return unmet(str(error), remedy if keys.kms_key else "`aceite evidence key` prints the key that is used")
    return met(f"{sealing.public.algorithm} key {sealing.public.id} in {keys.place}; every host needs the same one")


def last_seals(s3: Client, bucket: str, datasets: Sequence[str], keys: SealKeys) -> Look:
    """Check that the last manifest of each dataset is signed by a key that this home trusts."""
    sealed = 0
    for dataset in datasets:
        last = last_number(s3, bucket, dataset)
        content = read_links(s3, bucket, dataset, [last]).get(last) if last else None
        if content is None:
            continue
        signature = signature_in(content)
        if signature is not None and keys.trusted(signature.key_id) is None:
            return unmet(
                f"manifest {last} of {dataset} is sealed by the key {signature.key_id[:64]}, which this home does not "
                "know: another host has another key, the key was lost, or somebody forged it",
                "give all hosts one key (ACEITE_SEAL_KEY_FILE or ACEITE_SEAL_KMS_KEY); if it is an earlier one of "
                "yours, `aceite evidence key --trust FILE`",
            )
        if genuine(content, keys.trusted, dataset) is None:
            return unmet(
                f"the object of number {last} of {dataset} is no manifest that a key of this home signed",
                f"`aceite evidence verify {dataset}` tells what was put there",
            )
        sealed += 1
    return met(f"the last manifests of {sealed} of {counted(len(datasets), 'dataset')} are sealed by keys of this home")
