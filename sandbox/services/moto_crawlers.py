"""Crawlers of Glue that add the partitions they find: folders such as day=20260102 below a table's location."""

import threading
from collections.abc import Iterator
from typing import Any

from moto.core.utils import utcnow
from moto.glue.exceptions import CrawlerRunningException, PartitionAlreadyExistsException
from moto.glue.models import FakeCrawl, FakeCrawler
from moto.s3.models import s3_backends

_STATUS = {"COMPLETED": "SUCCEEDED", "STOPPED": "CANCELLED"}
"""AWS's words for moto's."""


class RunningCrawl(FakeCrawl):
    """A crawl whose status follows its thread."""

    error = ""

    def advance(self) -> None:
        """Do nothing; moto would change the status at each request."""


class PartitionCrawler(FakeCrawler):
    """A crawler that looks at its S3 targets. It changes no columns, and makes no table."""

    def start_crawler(self) -> None:
        if self.status != "READY":
            raise CrawlerRunningException(f"Crawler with name {self.name} has already started")
        crawl = RunningCrawl(self.name)
        self.crawls.append(crawl)
        threading.Thread(target=self._crawl, args=(crawl,), daemon=True).start()

    def as_dict(self) -> dict[str, Any]:
        described: dict[str, Any] = super().as_dict()
        ended = [crawl for crawl in self.crawls if isinstance(crawl, RunningCrawl) and crawl.end_time is not None]
        described.pop("LastCrawl", None)
        if ended:
            last = ended[-1]
            described["LastCrawl"] = {
                "LogGroup": last.log_group,
                "LogStream": last.log_stream,
                "MessagePrefix": last.message_prefix,
                "StartTime": last.start_time,
                "Status": _STATUS.get(last.status or "", last.status),
                **({"ErrorMessage": last.error} if last.error else {}),
            }
        return described

    def _crawl(self, crawl: RunningCrawl) -> None:
        try:
            for target in self.targets.get("S3Targets", ()):
                self._add_partitions(target["Path"].rstrip("/") + "/")
            status = "COMPLETED"
        except Exception as error:  # noqa: BLE001 - whatever it is becomes the crawl's error
            status, crawl.error = "FAILED", f"{type(error).__name__}: {error}"
        crawl.end_time = utcnow()
        crawl.status = "STOPPED" if crawl.status == "STOPPING" else status

    def _add_partitions(self, path: str) -> None:
        for table in self.backend.get_database(self.database_name).tables.values():
            described = table.as_dict()
            keys = [key["Name"] for key in described.get("PartitionKeys", ())]
            storage = described.get("StorageDescriptor", {})
            if not keys or storage.get("Location", "").rstrip("/") + "/" != path:
                continue
            for folder in _folders(self.backend.account_id, path, keys):
                values = [part.partition("=")[2] for part in folder.split("/")]
                added = {"Values": values, "StorageDescriptor": {**storage, "Location": f"{path}{folder}/"}}
                try:
                    table.create_partition(added)
                except PartitionAlreadyExistsException:
                    continue


def _folders(account: str, path: str, keys: list[str]) -> Iterator[str]:
    """Yield each folder below the path that is named by the keys, such as year=2026/month=01."""
    bucket, _, prefix = path.removeprefix("s3://").partition("/")
    found = set()
    for key in list(s3_backends[account]["aws"].buckets[bucket].keys):
        parts = key.removeprefix(prefix).split("/") if key.startswith(prefix) else []
        if len(parts) > len(keys) and all(p.startswith(f"{k}=") for p, k in zip(parts, keys, strict=False)):
            found.add("/".join(parts[: len(keys)]))
    yield from sorted(found)
