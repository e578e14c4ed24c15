"""The addresses that a person opens in a browser: pages of evidence, and runs on Prefect's page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from acceptance.evidence.object_keys import page_url

if TYPE_CHECKING:
    from blocks.settings import Settings
    from cli.serving.home import Running


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where S3's objects and Prefect's pages are shown. `endpoint` is the sandbox, `ui_url` is of Prefect's server."""

    endpoint: str | None
    region: str | None
    ui_url: str | None = None

    def evidence(self, prefix: str) -> str:
        """Return the address of the evidence page below this `s3://` prefix."""
        return page_url(f"{prefix}evidence.html", self.endpoint, self.region)

    def run(self, flow_run_id: str) -> str | None:
        return f"{self.ui_url}/runs/flow-run/{flow_run_id}" if self.ui_url else None


def addresses_of(settings: Settings, running: Running | None = None) -> Addresses:
    """Return the addresses of an installation. `running` is the `aceite up` of its home."""
    return Addresses(settings.aws_endpoint_url, settings.aws_region, running.ui_url if running else None)
