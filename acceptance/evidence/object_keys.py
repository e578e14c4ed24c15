"""Object keys of the evidence bucket. Objects are put once; only a claim and a parameter's lock are replaced."""

import hashlib
import re
from datetime import date

from acceptance.deliveries.delivery import Delivery

CLAIM = "claim.json"
EVIDENCE = "evidence.json"
MANIFEST = "manifest.json"
UNSEALED = re.compile(r"claim\.json|override-[0-9a-f]{12}\.json")
"""Names of a run's own files, which no manifest seals."""

_LINK = re.compile(r"(\d{9})\.json")


def dataset_prefix(dataset: str) -> str:
    return f"deliveries/{dataset}/"


def evidence_prefix(dataset: str, business_date: date, delivery_id: str) -> str:
    return f"{dataset_prefix(dataset)}{business_date.isoformat()}/{delivery_id}/"


def delivery_prefix(delivery: Delivery) -> str:
    return evidence_prefix(delivery.dataset, delivery.business_date, delivery.id)


def claim_key(delivery: Delivery) -> str:
    """The key that one run puts, on condition that it is absent, to take a delivery."""
    return delivery_prefix(delivery) + CLAIM


def parameter_locks_prefix(account: str, region: str) -> str:
    """The key prefix of the locks on the parameters of an account and region."""
    return f"overrides/{account}/{region}/"


def parameter_lock_key(account: str, region: str, parameter: str) -> str:
    """The key of the lock on a parameter. The run that puts it may change the parameter."""
    return f"{parameter_locks_prefix(account, region)}{hashlib.sha256(parameter.encode()).hexdigest()[:32]}.json"


def chain_prefix(dataset: str) -> str:
    """The key prefix of a dataset's manifests."""
    return f"manifests/{dataset}/"


def link_key(dataset: str, number: int) -> str:
    """The key of the dataset's manifest of this number. Digits of fixed width: S3 lists them in their order."""
    return f"{chain_prefix(dataset)}{number:09}.json"


def link_number(dataset: str, key: str) -> int | None:
    """The number of the manifest at this key, None if the key is none of the dataset's."""
    found = _LINK.fullmatch(key.removeprefix(chain_prefix(dataset)))
    return int(found[1]) if found else None


def evidence_uri(bucket: str, delivery: Delivery) -> str:
    return f"s3://{bucket}/{delivery_prefix(delivery)}"
