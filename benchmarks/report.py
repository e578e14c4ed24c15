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
    remarks: Sequence[str] = (),
) -> None:
    """`packages` are those of this environment whose versions count; `elsewhere` has versions of other environments.

    A column whose cells are no text and no number is for --json only. `remarks` are lines below the table.
    """
    machine = {
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(terse=True),
        "load_1min": round(psutil.getloadavg()[0], 2),
    }
    versions = {"python": platform.python_version()} | {package: version(package) for package in packages}
    versions |= elsewhere or {}
    if as_json:
        document = {"rows": list(rows), "machine": machine, "versions": versions}
        document |= {"remarks": list(remarks)} if remarks else {}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return
    shown = [name for name, value in rows[0].items() if not isinstance(value, list | dict)]
    table = Table(*shown, box=None, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in shown))
    console = Console(width=120)
    console.print(table)
    for remark in remarks:
        console.print(remark, markup=False, highlight=False)
    console.print("  ".join(f"{name} {value}" for name, value in {**machine, **versions}.items()), style="dim")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)
