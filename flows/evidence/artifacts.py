"""Shows evidence in Prefect's UI: a summary, the table of checks, and a link to the evidence page."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from prefect import get_run_logger
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from acceptance.evidence.evidence import Evidence
from acceptance.evidence.manifest import sha256_of
from acceptance.evidence.object_keys import MANIFEST, dataset_prefix, page_url
from acceptance.evidence.reports.markdown import checks_table, escaped, markdown_summary
from acceptance.judging.judge import Verdict
from aws.s3.objects import read_bytes, split_uri
from flows.installation.clients import Clients


def publish(evidence: Evidence, evidence_uri: str, clients: Clients, title: str) -> None:
    """Create the three artifacts. The verdict stands already, so an error here is logged and changes nothing."""
    dataset = artifact_key(evidence.delivery.dataset)
    title = escaped(title)  # Prefect renders descriptions as Markdown
    with _costing_no_verdict(evidence_uri):
        summary = markdown_summary(evidence, evidence_uri, _manifest_sha256(evidence_uri, clients))
        create_markdown_artifact(summary, key=f"{dataset}-verdict", description=title)
        create_table_artifact(checks_table(evidence), key=f"{dataset}-checks", description=title)
        create_link_artifact(
            _page(evidence_uri, clients), "Evidence page", key=f"{dataset}-evidence", description=title
        )


def publish_list(dataset: str, judged: Sequence[tuple[str, Evidence, str]], clients: Clients) -> None:
    """Create one table of all deliveries that a run judged: the not accepted ones first, then by title."""
    worst_first = sorted(judged, key=lambda each: (each[1].verdict is Verdict.ACCEPTED, each[0]))
    rows = [
        {
            "delivery": escaped(title),
            "verdict": evidence.verdict.value,
            "reason": escaped(evidence.reason),
            "evidence": f"[page]({_page(uri, clients)})",
        }
        for title, evidence, uri in worst_first
    ]
    with _costing_no_verdict(f"s3://{clients.evidence_bucket}/{dataset_prefix(dataset)}"):
        create_table_artifact(rows, key=f"{artifact_key(dataset)}-deliveries", description=f"{len(rows)} deliveries")


@contextmanager
def _costing_no_verdict(evidence_uri: str) -> Iterator[None]:
    try:
        yield
    except Exception:  # noqa: BLE001 - Prefect's client raises many kinds, and none of them may change the verdict
        get_run_logger().warning("the artifacts could not be made; the evidence is at %s", evidence_uri, exc_info=True)


def artifact_key(dataset: str) -> str:
    """Return the dataset's part of its artifacts' keys, which Prefect allows small letters, digits and dashes.

    A name with other signs gets the beginning of its hash, so that `x.y`, `X_Y` and `x-y` have a history each.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", dataset.lower()).strip("-")
    return plain if plain == dataset else f"{plain}-{sha256_of(dataset.encode())[:6]}".lstrip("-")


def _page(evidence_uri: str, clients: Clients) -> str:
    return page_url(evidence_uri + "evidence.html", clients.endpoint_url, clients.evidence.credentials.region_name)


def _manifest_sha256(evidence_uri: str, clients: Clients) -> str | None:
    bucket, key = split_uri(evidence_uri + MANIFEST)
    content = read_bytes(clients.evidence_s3, bucket, key)
    return sha256_of(content) if content is not None else None
