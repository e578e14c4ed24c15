"""A headless Chromium, driven over the DevTools protocol: https://chromedevtools.github.io/devtools-protocol/."""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge", "microsoft-edge")
WINDOWS_PLACES = (
    "Google/Chrome/Application/chrome.exe",
    "Microsoft/Edge/Application/msedge.exe",
    "Chromium/Application/chrome.exe",
)
MAC_PLACES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",  # Prefect draws its graphs by WebGL, which then needs no graphics card
    "--hide-scrollbars",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no page reaches anything but this machine
    "--remote-debugging-port=0",
)
STARTED_WITHIN_S, LOADED_WITHIN_S, ANSWERED_WITHIN_S, ENDED_WITHIN_S = 60, 240, 120, 30
LARGEST_ANSWER_BYTES = 64_000_000


def find_browser() -> Path | None:
    """Return an installed Chromium, Chrome or Edge, from PATH or from where its installer puts it."""
    for name in NAMES:
        if found := shutil.which(name):
            return Path(found)
    folders = [os.environ.get(name) for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")]
    places = [Path(folder) / place for folder in folders if folder for place in WINDOWS_PLACES]
    return next((place for place in [*places, *map(Path, MAC_PLACES)] if place.is_file()), None)


def wait_for(condition: Callable[[], Any], within_s: float, sentence: str) -> Any:
    """Return the first answer that is true. Raise TimeoutError with the sentence if there is none in time."""
    deadline = time.monotonic() + within_s
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{sentence}, within {within_s:.0f} s")
        time.sleep(0.2)
    return answer


def end(process: subprocess.Popen[bytes], within_s: float) -> None:
    """Ask a process to end, and kill it if it has not ended in time."""
    process.terminate()
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Page:
    """One tab. Its size is in CSS pixels, its clock in UTC."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._number = 0
        self._session: str | None = None
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._ask("Emulation.setTimezoneOverride", timezoneId="UTC")

    def show(self, url: str, width: int, height: int, *, scheme: str = "light", media: str = "screen") -> None:
        """Load a page. `scheme` is light or dark, `media` is screen or print."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._ask("Emulation.setEmulatedMedia", media=media, features=features)
        self._ask("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def wait(self, condition: str) -> None:
        """Wait until an expression of JavaScript is true."""
        wait_for(lambda: self.value(condition), LOADED_WITHIN_S, f"the page must come to `{condition}`")

    def value(self, expression: str) -> Any:
        return self._ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def picture(self, area: str = "") -> bytes:
        """Return the page as PNG, once two pictures in a row are the same: then nothing moves any more.

        `area` is an expression of JavaScript for a part of the page: {x, y, width, height}, or null until it is there.
        """
        seen: list[bytes] = []

        def at_rest() -> bool:
            clip = self.value(area) if area else None
            if area and clip is None:
                return False
            options = {"clip": {**clip, "scale": 1}} if clip else {}
            seen.append(base64.b64decode(self._ask("Page.captureScreenshot", format="png", **options)["data"]))
            return len(seen) > 1 and seen[-1] == seen[-2]

        wait_for(at_rest, LOADED_WITHIN_S, "the page must come to rest")
        return seen[-1]

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the browser's answer to a command. Raise RuntimeError with the browser's words if it refuses."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        self._connection.send(json.dumps(command))
        while True:
            answer = json.loads(self._connection.recv(timeout=ANSWERED_WITHIN_S))
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]


@contextmanager
def browser_page(program: Path) -> Iterator[Page]:
    """Start the browser with a profile of its own, and end it with everything that it left."""
    with TemporaryDirectory(prefix="aceite-browser-", ignore_cleanup_errors=True) as profile:
        flags = [*FLAGS, f"--user-data-dir={profile}"]
        if getattr(os, "geteuid", lambda: 1)() == 0:
            flags.append("--no-sandbox")  # Chromium has no sandbox for root, and refuses to start without this flag
        process = subprocess.Popen([program, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with connect(_address(process, Path(profile)), max_size=LARGEST_ANSWER_BYTES) as connection:
                yield Page(connection)
                connection.send(json.dumps({"id": 0, "method": "Browser.close"}))
                process.wait(ENDED_WITHIN_S)  # in order, so that nothing writes to the profile any more
        finally:
            end(process, ENDED_WITHIN_S)


def _address(process: subprocess.Popen[bytes], profile: Path) -> str:
    """Return the address that the browser writes to its profile once it listens."""
    file = profile / "DevToolsActivePort"

    def lines() -> list[str] | None:
        if process.poll() is not None:
            raise RuntimeError(f"the browser ended with code {process.returncode} before it listened")
        written = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        return written if len(written) == 2 else None

    port, path = wait_for(lines, STARTED_WITHIN_S, "the browser must listen")
    return f"ws://127.0.0.1:{port}{path}"
