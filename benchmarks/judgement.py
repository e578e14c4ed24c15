"""What it takes to judge 1M rows of 8 columns by 17 rules: Aceite, Soda, datacontract-cli and Great Expectations.

All ask the same Athena, the sandbox's: it counts the queries, those for metadata and those that it refuses included,
and the bytes. cpu_s and peak_mb are of the whole command with every process that it starts, the engine's own work not
among it, as on AWS; of several runs, those of the one that took the least. With reconciliation Aceite also fetches the
landed file (100 MB of CSV), reads each cell strictly, and proves that it is what the table holds. The others have none.

    python benchmarks/judgement.py [--only soda] [--rows 1000000] [--runs 3] [--environments FOLDER] [--json]
"""

import argparse
import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from commands import Taken, run
from judged_table import BUSINESS_DATE, CONTRACT, ROOT, Asked, JudgedTable
from report import show
from systems import System, python_of

JUDGES = Path(__file__).parent / "judges"
WITHIN_S = 1800
Command = Callable[[Path], Sequence[str | Path]]
"""From the interpreter of a system's environment."""


@dataclass(frozen=True)
class Judge:
    """A system, and its command, which ends with code 0 if every check passed. `checks` finds in what it says how many
    these were, as the system counts them; they must be `expected`, or the row would not be of the 17 rules.
    """

    system: System
    command: Command
    checks: str
    expected: int
    reconciliation: bool = False
    note: str = ""
    packages: tuple[str, ...] = ()


ACEITE = System("aceite", settings={"PYTHONPATH": str(ROOT)})
SODA = System("soda", ("soda-athena==4.28.0",), {"SODA_CORE_TELEMETRY_ENABLED": "false"})
DATACONTRACT = System(
    "datacontract-cli",
    ("datacontract-cli[athena]==1.2.8", "s3fs==2026.9.0", "boto3==1.43.117"),  # those that pip is slow to find
    {
        "DATACONTRACT_CLI_TELEMETRY": "off",
        "DATACONTRACT_S3_ACCESS_KEY_ID": "any",
        "DATACONTRACT_S3_SECRET_ACCESS_KEY": "thing",
        "DATACONTRACT_S3_REGION": "us-east-1",
    },
)
GREAT_EXPECTATIONS = System(
    "great_expectations", ("great_expectations[athena]==1.24.1",), {"GX_ANALYTICS_ENABLED": "false"}
)


def _aceite(*options: str) -> Command:
    return lambda python: (python, JUDGES / "judge_aceite.py", CONTRACT, BUSINESS_DATE.isoformat(), *options)


def _great_expectations(result_format: str) -> Command:
    return lambda python: (python, JUDGES / "judge_great_expectations.py", "--result-format", result_format)


def _soda(python: Path) -> Sequence[str | Path]:
    files = ("--data-source", JUDGES / "soda-source.yaml", "--contract", JUDGES / "movies.soda.yaml")
    return (python.parent / "soda", "contract", "verify", *files)


def _datacontract(python: Path) -> Sequence[str | Path]:
    return (python, JUDGES / "judge_datacontract.py", "test", "--server", "sor", CONTRACT)


JUDGES_OF_ALL = (
    Judge(ACEITE, _aceite(), r"^(\d+) of", 17, note="17 rules", packages=("aceite", "pyathena", "boto3")),
    Judge(ACEITE, _aceite("--reconcile"), r"^(\d+) of", 20, True, "17 rules, readable, rows and cells as landed"),
    Judge(SODA, _soda, r"Passed +\| +(\d+)", 16, note="16 rules: no schema", packages=("soda-athena", "pyathena")),
    Judge(
        DATACONTRACT,
        _datacontract,
        r"Ran (\d+) checks",
        37,
        note="17 rules, as 37",
        packages=("datacontract-cli", "ibis-framework", "pyathena"),
    ),
    Judge(
        GREAT_EXPECTATIONS,
        _great_expectations("SUMMARY"),
        r"(\d+) of 17 met",
        17,
        note="17 rules, SUMMARY",
        packages=("great_expectations", "pyathena", "sqlalchemy"),
    ),
    Judge(
        GREAT_EXPECTATIONS,
        _great_expectations("BOOLEAN_ONLY"),
        r"(\d+) of 17 met",
        17,
        note="17 rules, BOOLEAN_ONLY",
    ),
)
SYSTEMS = tuple(dict.fromkeys(judge.system.name for judge in JUDGES_OF_ALL))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SYSTEMS, help="the one system that is measured")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3, help="of each command; the one with the least CPU counts")
    parser.add_argument("--environments", type=Path, help="where the others' environments are kept for the next time")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    judges = [judge for judge in JUDGES_OF_ALL if asked.only in (None, judge.system.name)]
    with TemporaryDirectory(prefix="aceite-judgement-") as scratch:
        environments = asked.environments or Path(scratch) / "environments"
        pythons = {judge.system.name: Path(python_of(judge.system, environments)) for judge in judges}
        with JudgedTable(asked.rows, Path(scratch)) as table:
            measured = Measured(table, Path(scratch), asked.runs)
            for judge in judges:
                measured.judge(judge, pythons[judge.system.name])
    versions = {name: version for judge in judges for name, version in versions_of(judge, pythons).items()}
    show(measured.rows, as_json=asked.json, elsewhere=versions)


@dataclass
class Measured:
    """The rows so far."""

    table: JudgedTable
    scratch: Path
    runs: int
    rows: list[dict[str, Any]] = field(default_factory=list)

    def judge(self, judge: Judge, python: Path) -> None:
        taken, asked = min((self._run(judge, python) for _ in range(self.runs)), key=lambda run: run[0].cpu_s)
        self.rows.append(
            {
                "system": judge.system.name,
                "reconciliation": judge.reconciliation,
                "queries": asked.queries,
                "bytes_scanned": asked.bytes_scanned,
                "cpu_s": taken.cpu_s,
                "peak_mb": taken.peak_mb,
                "note": judge.note,
            }
        )

    def _run(self, judge: Judge, python: Path) -> tuple[Taken, Asked]:
        with TemporaryDirectory(dir=self.scratch) as folder:
            self.table.asked()
            environ = self._environ(judge.system.settings)
            taken = run(judge.command(python), folder=Path(folder), environ=environ, within_s=WITHIN_S)
        passed = re.search(judge.checks, taken.said, re.MULTILINE)
        if taken.exit_code or passed is None or int(passed[1]) != judge.expected:
            raise RuntimeError(
                f"{judge.system.name} ended with code {taken.exit_code}, or its checks were not {judge.expected}. "
                f"It said:\n{taken.said[-4000:]}"
            )
        return taken, self.table.asked()

    def _environ(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return {**environ, "PYTHONUTF8": "1", "COLUMNS": "200", **self.table.environ, **settings}


def versions_of(judge: Judge, pythons: Mapping[str, Path]) -> Mapping[str, str]:
    """Of its packages, in its own environment."""
    lines = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    command = [str(pythons[judge.system.name]), "-c", lines, *judge.packages]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return {
        package if package == judge.system.name else f"{package} of {judge.system.name}": version
        for package, version in zip(judge.packages, found, strict=True)
    }


if __name__ == "__main__":
    main()
