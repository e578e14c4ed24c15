"""Object keys of the evidence bucket. Objects are put once; only a claim and a note are ever replaced."""

import hashlib
import re
from datetime import date

from acceptance.deliveries.delivery import Delivery

CLAIM = "claim.json"
EVIDENCE = "evidence.json"
MANIFEST = "manifest.json"
NOTES = re.compile(r"claim\.json|override-[0-9a-f]{12}\.json")
"""Names of a run's own notes beside the evidence, which are no part of it."""

_LINK = re.compile(r"(\d{9})\.json")


def dataset_prefix(dataset: str) -> str:
    """The key prefix below which all evidence of a dataset is."""
    return f"deliveries/{dataset}/"


def evidence_prefix(dataset: str, business_date: date, delivery_id: str) -> str:
    """The key prefix below which a delivery's files are."""
    return f"{dataset_prefix(dataset)}{business_date.isoformat()}/{delivery_id}/"


def claim_key(dataset: str, business_date: date, delivery_id: str) -> str:
    """The key of the conditional put by which one run takes a delivery."""
    return evidence_prefix(dataset, business_date, delivery_id) + CLAIM


def notes_prefix(account: str, region: str) -> str:
    """The key prefix below which it is noted which of the account's parameters are, or were, changed."""
    return f"overrides/{account}/{region}/"


def note_key(account: str, region: str, parameter: str) -> str:
    """The key of the one note on a parameter. Whoever may write it next may change the parameter."""
    return f"{notes_prefix(account, region)}{hashlib.sha256(parameter.encode()).hexdigest()[:32]}.json"


def chain_prefix(dataset: str) -> str:
    """The key prefix below which a dataset's manifests are, by number."""
    return f"manifests/{dataset}/"


def link_key(dataset: str, number: int) -> str:
    """The key of the dataset's manifest of this number. Digits of fixed width: S3 lists them in their order."""
    return f"{chain_prefix(dataset)}{number:09}.json"


def link_number(dataset: str, key: str) -> int | None:
    """The number of the manifest at this key, None if the key is none of the dataset's."""
    found = _LINK.fullmatch(key.removeprefix(chain_prefix(dataset)))
    return int(found[1]) if found else None


def evidence_uri(bucket: str, delivery: Delivery) -> str:
    return f"s3://{bucket}/{_prefix(delivery)}"


def _prefix(delivery: Delivery) -> str:
    return evidence_prefix(delivery.dataset, delivery.business_date, delivery.id)
