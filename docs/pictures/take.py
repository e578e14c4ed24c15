"""Takes the pictures of the documentation anew, from a demo that runs.

    python docs/pictures/take.py                       # all of them, into this folder
    python docs/pictures/take.py --to FOLDER --browser /path/to/chrome

It starts `aceite demo` with a home and ports of its own, waits for the four verdicts, shows the evidence pages, the
index over all datasets and Prefect's pages to a headless Chromium, Chrome or Edge, and ends everything that it started.
It takes one to three minutes. Look at each picture before you commit it.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import httpx
from browser import Page, browser_page, end, find_browser, wait_for

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
DELIVERIES = 4
JUDGED_WITHIN_S, DRAWN_WITHIN_S, ENDED_WITHIN_S = 900, 120, 120

SCREEN = (1080, 2000)
PHONE = (390, 6000)
A4 = (794, 1123)
"""210 x 297 mm at 96 CSS pixels an inch."""
PREFECT = (1280, 860)
AUTOMATIONS_PAGE = (1280, 4000)
"""The part that is pictured must fit into the page's height."""

TO_THE_CHECKS = """
(() => {
  const heading = [...document.querySelectorAll("h2")].find(h => h.textContent.trim() === "Checks");
  if (!heading) return null;
  const section = heading.closest("section");
  const failed = [...section.querySelectorAll("table")].find(t => !t.closest("details"));
  const bottom = failed ? failed.getBoundingClientRect().bottom + 24 : section.getBoundingClientRect().bottom + 40;
  return {x: 0, y: 0, width: innerWidth, height: Math.ceil(bottom)};
})()
"""
"""The area of an evidence page from its top to the table of the checks that did not pass."""

TO_ALL_DATASETS = """
(() => {
  const last = [...document.querySelectorAll("section")].at(-1);
  return {x: 0, y: 0, width: innerWidth, height: Math.ceil(last.getBoundingClientRect().top)};
})()
"""
"""The area of the index over all datasets, without the meaning of its words."""

MARGINS = """
(() => {
  const rule = [...document.styleSheets].flatMap(s => [...s.cssRules]).find(r => r instanceof CSSPageRule);
  document.body.style.padding = rule.style.margin;
  return true;
})()
"""
"""Gives a page the margins that it has on paper: on a screen the style of `@page` has no effect."""

GRAPH = """
(() => {
  const canvas = document.querySelector("canvas");
  if (!canvas || !document.body.innerText.includes("Accepted")) return null;
  const box = canvas.getBoundingClientRect();
  return {x: box.left, y: box.top, width: box.width, height: box.height};
})()
"""
"""The area of a run's graph, on Prefect's page."""

EMPTY_GRAPH_BYTES = 8_000
"""A picture of a graph that is not drawn yet is smaller."""

AUTOMATIONS = """
(() => {
  const links = [...document.querySelectorAll("a")].filter(a => a.textContent.trim().startsWith("Aceite: validate"));
  if (links.length < 2) return null;
  const cards = links.map(a => a.closest(".p-card, li, article") || a.parentElement.parentElement.parentElement);
  const boxes = cards.map(card => card.getBoundingClientRect());
  const left = Math.min(...boxes.map(b => b.left)), top = Math.min(...boxes.map(b => b.top));
  const right = Math.max(...boxes.map(b => b.right)), bottom = Math.max(...boxes.map(b => b.bottom));
  return {x: left - 8, y: top - 8, width: right - left + 16, height: bottom - top + 16};
})()
"""
"""The area of the automations that validate, on Prefect's page."""


def command(home: Path) -> tuple[list[str], list[str], dict[str, Any]]:
    """Return how `aceite` is called, the options that say where its home is, and those of its process."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ACEITE_", "PREFECT_"))}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    aceite = [sys.executable, "-m", "cli.main"]
    places = ["--home", str(home), "--contracts", str(ROOT / "contracts")]
    return aceite, places, {"cwd": home.parent, "env": environment, "stdin": subprocess.DEVNULL}


@contextmanager
def demo(home: Path) -> Iterator[dict[str, Any]]:
    """Run the demo. Yield what `aceite status --json` says once everything that it dropped is judged."""
    aceite, places, options = command(home)
    log = home.parent / "demo.log"
    with log.open("wb") as output:
        ports = ["--aws-port", "0", "--prefect-port", "0"]
        process = subprocess.Popen([*aceite, "demo", *places, *ports], stdout=output, stderr=output, **options)

    def dropped() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"the demo ended with code {process.returncode}:\n{log.read_text(encoding='utf-8')}")
        return log.read_text(encoding="utf-8").count("dropped s3://") == DELIVERIES

    def judged() -> dict[str, Any] | None:
        answer = subprocess.run([*aceite, "status", "--json", *places], capture_output=True, check=True, **options)
        status = json.loads(answer.stdout)
        verdicts = [delivery["verdict"] for delivery in status["deliveries"]]
        return status if len(verdicts) == DELIVERIES and all(verdicts) else None

    try:
        wait_for(dropped, JUDGED_WITHIN_S, "the demo must drop its files")
        yield wait_for(judged, JUDGED_WITHIN_S, "the demo's deliveries must be judged")
    finally:
        end(process, ENDED_WITHIN_S)


def evidence_page(status: dict[str, Any], verdict: str) -> str:
    """Return the address of the evidence page of the first delivery of a dataset of flights with that verdict."""
    delivery = next(one for one in in_order(status) if one["verdict"] == verdict)
    bucket, _, prefix = delivery["evidence"].removeprefix("s3://").partition("/")
    return f"{status['aws_endpoint']}/{bucket}/{quote(prefix)}evidence.html"


def in_order(status: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(status["deliveries"], key=lambda delivery: (delivery["dataset"], delivery["business_date"]))


def accepted_run(api: str) -> str:
    """Return the id of the run whose state is Accepted."""
    wanted = {"flow_runs": {"state": {"name": {"any_": ["Accepted"]}}}}
    (run,) = httpx.post(f"{api}/flow_runs/filter", json=wanted).raise_for_status().json()
    return run["id"]


def evidence_pictures(page: Page, status: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    for verdict in ("rejected", "accepted"):
        address = evidence_page(status, verdict)
        for scheme in ("light", "dark"):
            page.show(address, *SCREEN, scheme=scheme)
            yield f"evidence-{verdict}-{scheme}.png", page.picture(TO_THE_CHECKS)
        page.show(address, *A4, media="print")
        page.wait(MARGINS)
        yield f"evidence-{verdict}-print.png", page.picture()


def datasets_pictures(page: Page, home: Path) -> Iterator[tuple[str, bytes]]:
    """Write the pages over all datasets of the demo's home, and yield pictures of the index."""
    aceite, places, options = command(home)
    site = home.parent / "site"
    subprocess.run([*aceite, "report", "--output", str(site), *places], check=True, **options)
    address = (site / "index.html").as_uri()
    for scheme in ("light", "dark"):
        page.show(address, *SCREEN, scheme=scheme)
        yield f"datasets-{scheme}.png", page.picture(TO_ALL_DATASETS)
    page.show(address, *PHONE)
    yield "datasets-phone.png", page.picture(TO_ALL_DATASETS)
    page.show(address, *A4, media="print")
    page.wait(MARGINS)
    yield "datasets-print.png", page.picture()


def prefect_pictures(page: Page, api: str) -> Iterator[tuple[str, bytes]]:
    ui = api.removesuffix("/api")
    page.show(f"{ui}/runs/flow-run/{accepted_run(api)}", *PREFECT)
    wait_for(lambda: len(page.picture(GRAPH)) > EMPTY_GRAPH_BYTES, DRAWN_WITHIN_S, "the graph must be drawn")
    yield "run.png", page.picture()
    page.show(f"{ui}/automations", *AUTOMATIONS_PAGE)
    yield "automations.png", page.picture(AUTOMATIONS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=HERE, help="the folder for the pictures")
    parser.add_argument("--browser", type=Path, default=find_browser(), help="a Chromium, Chrome or Edge")
    given = parser.parse_args()
    if given.browser is None or not given.browser.is_file():
        found = f"{given.browser} is no program" if given.browser else "found no Chromium, Chrome or Edge"
        sys.exit(f"{found}; install one, or name its program by --browser")
    with (
        TemporaryDirectory(prefix="aceite-pictures-", ignore_cleanup_errors=True) as folder,
        demo(Path(folder) / "home") as status,
        browser_page(given.browser) as page,
    ):
        for pictures in (
            evidence_pictures(page, status),
            datasets_pictures(page, Path(folder) / "home"),
            prefect_pictures(page, status["prefect_api_url"]),
        ):
            for name, png in pictures:
                (given.to / name).write_bytes(png)
                sys.stdout.write(f"{name}: {len(png) / 1000:.0f} kB\n")


if __name__ == "__main__":
    main()
