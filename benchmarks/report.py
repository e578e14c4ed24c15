"""What every benchmark prints: a table for people, or with --json one document."""

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table


def show(
    rows: Sequence[Mapping[str, Any]],
    packages: Sequence[str] = (),
    *,
    as_json: bool,
    elsewhere: Mapping[str, str] | None = None,
) -> None:
    """`packages` are those of this environment whose versions count; `elsewhere` has versions of other environments."""
    machine = {
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(terse=True),
        "load_1min": round(psutil.getloadavg()[0], 2),
    }
    versions = {"python": platform.python_version()} | {package: version(package) for package in packages}
    versions |= elsewhere or {}
    if as_json:
        sys.stdout.write(json.dumps({"rows": list(rows), "machine": machine, "versions": versions}, indent=2) + "\n")
        return
    table = Table(*rows[0], box=None, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    console = Console(width=120)
    console.print(table)
    console.print("  ".join(f"{name} {value}" for name, value in {**machine, **versions}.items()), style="dim")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)
