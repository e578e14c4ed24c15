"""Manifests, and what else is read as a whole, end in an error within bounded memory, however large they are."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice, product
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import boto3
import pytest
from groups_seen import contract_of
from listing_server import ListingServer
from repository import ROOT

from acceptance.announcing.delivery_events import INCOMPLETE
from acceptance.deliveries.landed_manifest import MOST_BYTES
from acceptance.errors import StepFailed
from aws.s3.objects import read_bytes, read_json
from flows.ledger import open_ledger, sqlite_url
from flows.watching.listing import Landing, Pace

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
MANIFEST = "shop/20250101/manifest.json"
GB = 1_000_000_000
PEAK_BYTES = 500_000_000
CPU_S = 10
"""A watcher that is longer at something loses the ledger's lease."""


@pytest.fixture
def server() -> Iterator[ListingServer]:
    with ListingServer() as server:
        yield server


@pytest.fixture
def told(server: ListingServer, tmp_path: Path) -> Any:
    """What a watcher says of the delivery whose manifest lies there."""

    def look() -> list[str]:
        contract = contract_of("{complete: manifest, manifest: manifest.json, within: 2h}")
        with open_ledger(sqlite_url(tmp_path / "ledger.db")) as ledger:
            watching = Landing(ledger, server.client(), [contract], Pace(timedelta(seconds=1)))
            for seconds in range(3):
                watching.look(NOON + timedelta(seconds=seconds))
                watching.complete(NOON + timedelta(seconds=seconds))
            drafts = [item.draft for item in ledger.announcements.due(100)]
        assert {draft.name for draft in drafts} <= {INCOMPLETE}
        return [draft.payload["why"] for draft in drafts]

    return look


def test_a_manifest_of_gigabytes_is_told_with_its_key_its_size_and_the_limit_and_no_byte_is_fetched(server, told):
    server.put("shop/20250101/a.csv", b"id\n1\n", last_modified=NOON)
    server.put(MANIFEST, size=6 * GB, last_modified=NOON)
    said = f"the manifest s3://landing/{MANIFEST} is invalid: it has 6,000,000,000 bytes; at most"
    assert told() == [f"{said} {MOST_BYTES:,} are allowed"]
    assert server.requests["GetObject"] == 0


def keys(number: int) -> Iterator[str]:
    return map("".join, islice(product(ascii_lowercase, repeat=5), number))


BOMBS = {
    "a million lines": ("\n".join(keys(833_000)), "it lists 833,000 files; at most 10,000 are allowed"),
    "a list of 600,000 keys": (json.dumps([*keys(550_000)]), "it lists 550,000 files; at most 10,000 are allowed"),
    "a list of objects": ("[" + "{}," * 1_666_000 + "{}]", "it lists 1,666,001 files; at most 10,000 are allowed"),
    "lists in lists": ("[" * MOST_BYTES, "it begins like JSON but is not valid JSON: maximum recursion"),
    "a number of 5 million digits": (
        '[{"key":"a","size":' + "9" * 4_900_000 + "}]",
        "it begins like JSON but is not valid JSON",
    ),
    "an object of many names": (
        json.dumps(dict.fromkeys(keys(400_000), 1)),
        "exactly one of entries, files",
    ),
    "a key of 5 million characters": (json.dumps(["http://" + "x" * 4_900_000]), "entry 1 is 'http://xxx"),
}
READING = """
import json, sys, time
from datetime import UTC, datetime
from pathlib import Path
import psutil
from acceptance.deliveries.delivery import LandingObject
from acceptance.deliveries.landed_manifest import read_manifest

content = Path(sys.argv[1]).read_bytes()
manifest = LandingObject("landing", "shop/20250101/manifest.json", "e", len(content), datetime.now(UTC))
found = read_manifest(content, manifest)
told = Path("/proc/self/status")  # getrusage would tell the peak of the process that started this one
if told.exists():
    peak = int(next(line for line in told.read_text().splitlines() if line.startswith("VmHWM")).split()[1]) * 1024
else:
    now = psutil.Process().memory_info()
    peak = getattr(now, "peak_wset", now.rss)
print(json.dumps({"reason": found.reason, "peak_bytes": peak, "cpu_s": time.process_time()}))
"""


@pytest.mark.parametrize("name", BOMBS)
def test_a_manifest_that_is_a_bomb_is_refused_in_a_few_words(name, tmp_path):
    content, said = BOMBS[name]
    assert MOST_BYTES * 0.9 < len(content) <= MOST_BYTES
    (tmp_path / "manifest").write_text(content, encoding="utf-8", newline="")
    done = subprocess.run(
        [sys.executable, "-c", READING, str(tmp_path / "manifest")],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert said in found["reason"]
    assert len(found["reason"]) < 1000
    assert found["peak_bytes"] < PEAK_BYTES
    assert found["cpu_s"] < CPU_S


def test_a_manifest_within_the_limits_is_followed(server, told):
    server.put(MANIFEST, json.dumps([f"{key}.csv" for key in keys(10_000)]).encode(), last_modified=NOON)
    server.put("shop/20250101/aaaaa.csv", b"id\n1\n", last_modified=NOON)
    assert told() == []


@pytest.fixture
def huge(tmp_path: Path) -> Iterator[Any]:
    """An S3 whose every object has 6 GB, which it sends until the client has enough."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(6 * GB))
            self.send_header("ETag", '"e"')
            self.end_headers()
            try:
                while True:
                    self.wfile.write(bytes(1_000_000))
            except OSError:  # the client has enough
                pass

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        threading.Thread(target=http.serve_forever, daemon=True).start()
        session = boto3.Session("testing", "testing", region_name="us-east-1")
        yield session.client("s3", endpoint_url=f"http://127.0.0.1:{http.server_address[1]}")
        http.shutdown()


@pytest.mark.parametrize("read", [read_bytes, read_json])
def test_what_lies_in_the_evidence_bucket_in_the_place_of_a_manifest_is_not_read_as_a_whole(huge, read):
    said = r"s3://evidence/manifests/shop/1\.json has 6,000,000,000 bytes; Aceite writes and reads at most 100,000,000"
    with pytest.raises(StepFailed, match=said):
        read(huge, "evidence", "manifests/shop/1.json")
