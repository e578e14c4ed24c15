"""KMS: a key that signs, whose private part never leaves AWS."""

from aws.calls import Client, aws_call

ALGORITHM = "ECDSA_SHA_256"


def public_key(kms: Client, key: str) -> bytes:
    """Return the public part (DER) of an asymmetric key. Raises StepFailed if AWS does not give it."""
    with aws_call(f"read the public part of the KMS key {key}"):
        answer: bytes = kms.get_public_key(KeyId=key)["PublicKey"]
        return answer


def sign(kms: Client, key: str, message: bytes) -> bytes:
    """Return the key's signature (DER) of a message of at most 4,096 bytes. Raises StepFailed if AWS refuses."""
    with aws_call(f"sign with the KMS key {key}"):
        answer: bytes = kms.sign(KeyId=key, Message=message, MessageType="RAW", SigningAlgorithm=ALGORITHM)["Signature"]
        return answer
