"""Object keys of the evidence bucket.

Objects are put once; only a claim, a parameter's lock, the pages of REPORTS, and what somebody else put in the place of
ours are replaced.
"""

import hashlib
import re
from datetime import date
from urllib.parse import quote

from acceptance.deliveries.delivery import Delivery

CLAIM = "claim.json"
EVIDENCE = "evidence.json"
MANIFEST = "manifest.json"
EVIDENCE_FILES = frozenset({EVIDENCE, "evidence.html", "junit.xml", "openlineage.json", MANIFEST})
ASIDE = re.compile(r"foreign-(?P<etag>[0-9A-Za-z-]+)-(?P<name>.+)")
"""Names of what somebody else put in the place of an object of ours, and a run set aside."""

REPORTS = "reports/"
"""The prefix of the pages that show all datasets. They are no evidence: each is replaced by the next."""

_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")

LARGEST_NUMBER = 999_999_999
"""The largest number for which a manifest's name has room."""

_LINK = re.compile(r"([0-9]{9})\.json")
_DELIVERY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}/[0-9a-f]{20}/")


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
    return (int(found[1]) or None) if found else None


def aside_key(key: str, etag: str) -> str:
    """The key to which a foreign object is copied before ours takes its place."""
    folder, _, name = key.rpartition("/")
    return f"{folder}/foreign-{etag}-{name}"


def delivery_in(dataset: str, key: str) -> str | None:
    """Return the prefix of the delivery in whose folder this key is, None if it is in none of the dataset's."""
    found = _DELIVERY.match(key.removeprefix(dataset_prefix(dataset)))
    return f"{dataset_prefix(dataset)}{found[0]}" if found and key.startswith(dataset_prefix(dataset)) else None


def page_name(dataset: str) -> str:
    """Return the name of the dataset's page. No two datasets share one, also where file names have no capitals."""
    plain = dataset if _PLAIN.fullmatch(dataset) else re.sub(r"[^a-z0-9._-]+", "-", dataset.lower())[:80]
    digest = "" if plain == dataset else "-" + hashlib.sha256(dataset.encode()).hexdigest()[:10]
    return f"dataset-{plain}{digest}.html"


def beside(prefix: str, key: str) -> str:
    """Return the relative URL that leads from a page below this prefix to the object at the key."""
    return "../" * prefix.count("/") + quote(key)


def evidence_uri(bucket: str, delivery: Delivery) -> str:
    return f"s3://{bucket}/{delivery_prefix(delivery)}"


def page_url(uri: str, endpoint_url: str | None, region: str | None) -> str:
    """Return the URL at which a browser shows an S3 object: the sandbox itself, or the AWS console."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if endpoint_url:
        return f"{endpoint_url}/{bucket}/{quote(key)}"
    place = f"?region={region}&" if region else "?"
    return f"https://console.aws.amazon.com/s3/object/{bucket}{place}prefix={quote(key, safe='')}"
