"""The evidence in Prefect's UI: a summary, the table of checks, and a link to the page."""

import re
from urllib.parse import quote

from prefect import get_run_logger
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from acceptance.evidence import Evidence
from acceptance.evidence_keys import MANIFEST
from acceptance.reports.markdown import checks_table, escaped, markdown_summary
from acceptance.seal import sha256_of
from aws.s3 import read_bytes, split_uri
from flows.clients import Clients


def publish(evidence: Evidence, evidence_uri: str, clients: Clients) -> None:
    """Makes the three artifacts. The verdict stands already: trouble here is logged and changes nothing."""
    dataset = re.sub(r"[^a-z0-9]+", "-", evidence.delivery.dataset.lower()).strip("-")
    title = escaped(evidence.run.flow_run_name)  # Prefect renders descriptions as Markdown
    try:
        summary = markdown_summary(evidence, evidence_uri, _manifest_sha256(evidence_uri, clients))
        create_markdown_artifact(summary, key=f"{dataset}-verdict", description=title)
        create_table_artifact(checks_table(evidence), key=f"{dataset}-checks", description=title)
        page = page_url(evidence_uri + "evidence.html", clients.endpoint_url, clients.evidence.credentials.region_name)
        create_link_artifact(page, "Evidence page", key=f"{dataset}-evidence", description=title)
    except Exception:  # noqa: BLE001 - Prefect's client raises many kinds, and none of them may cost the verdict
        get_run_logger().warning("the artifacts could not be made; the evidence is at %s", evidence_uri, exc_info=True)


def _manifest_sha256(evidence_uri: str, clients: Clients) -> str | None:
    bucket, key = split_uri(evidence_uri + MANIFEST)
    content = read_bytes(clients.evidence_s3, bucket, key)
    return sha256_of(content) if content is not None else None


def page_url(uri: str, endpoint_url: str | None, region: str | None) -> str:
    """Where a browser shows an S3 object: at the sandbox itself, or in AWS's console."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if endpoint_url:
        return f"{endpoint_url}/{bucket}/{quote(key)}"
    place = f"?region={region}&" if region else "?"
    return f"https://console.aws.amazon.com/s3/object/{bucket}{place}prefix={quote(key, safe='')}"
