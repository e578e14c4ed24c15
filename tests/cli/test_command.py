"""The command's messages and exit codes, from outside."""

import json
import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from repository import CONTRACTS, ROOT
from typer.testing import CliRunner

from blocks.settings import Settings, variable
from cli.main import app
from cli.serving.home import take_home
from sandbox.server import LocalAws


@pytest.fixture
def aceite(tmp_path):
    """Runs the command in an empty folder."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=tmp_path,
            env={**os.environ, "ACEITE_HOME": str(tmp_path / "home"), "PYTHONUTF8": "1", **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    return run


VERBS = {command.name or command.callback.__name__ for command in app.registered_commands} | {
    group.name for group in app.registered_groups
}


def listed(said: str) -> set[str]:
    """The terms of the lists in a help."""
    return {line.split()[0] for line in said.splitlines() if re.match(r"  \S", line)}


@pytest.mark.parametrize("columns", ["80", "120"])
def test_help_names_every_verb_and_every_setting(aceite, columns):
    said = aceite("--help", COLUMNS=columns).stdout
    assert len(VERBS) >= 13
    assert VERBS | {variable(field) for field in Settings.model_fields} <= listed(said)
    assert max(map(len, said.splitlines())) <= int(columns)


def test_help_says_the_default_of_each_setting_and_what_is_allowed(aceite):
    said = " ".join(aceite("--help").stdout.split())
    settings = said.partition(" Settings, ")[2]
    assert settings.count("default: ") == len(Settings.model_fields)
    for words in ("twelve digits", "[GOVERNANCE or COMPLIANCE; default: GOVERNANCE]", "default: ~/.aceite", "1 to 200"):
        assert words in settings
    assert str(Path.home()) not in said


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("up", ["env: ACEITE_HOME; default: ~/.aceite", "default: 5000", "else 4200]", "env: ACEITE_WORKERS; default"]),
        ("up", ["env: ACEITE_CONTRACTS; default: contracts", "[env: ACEITE_RUNNER; default: warm]"]),
        ("drop", ["[default: today]", "[default: 3600"]),
        ("report", ["[default: <dataset>.html; without a dataset, aceite-report]", "without a dataset, 30]"]),
        (
            "policy",
            ["[default: all]", "[default: the account of the credentials]", "[default: the region of the settings]"],
        ),
        ("contracts check", ["[default: the folder with the contracts]"]),
        ("contracts init", ["[default: derived from the name]", "[default: standard output]"]),
    ],
)
def test_the_help_of_a_verb_says_its_defaults(aceite, verb, told):
    said = " ".join(aceite(*verb.split(), "--help").stdout.split())
    for each in told:
        assert each in said


EVERY_VERB = [(name,) for name in sorted(VERBS - {group.name for group in app.registered_groups})] + [
    (group.name, command.name or command.callback.__name__)
    for group in app.registered_groups
    for command in group.typer_instance.registered_commands
]


@pytest.mark.parametrize("verb", EVERY_VERB, ids=" ".join)
def test_the_help_of_every_verb_names_values_in_one_style(verb):
    said = CliRunner().invoke(app, [*verb, "--help"], prog_name="aceite", terminal_width=80).output
    assert said.startswith(f"Usage: aceite {' '.join(verb)} [OPTIONS]")
    usage = said.splitlines()[0].partition(" [OPTIONS]")[2]
    options = re.findall(r"^  (?:-\w, )?--[a-z-]+ (\S+)  ", said, re.MULTILINE)
    arguments = re.findall(r"^  (\S+)  ", said.partition("Arguments:")[2].partition("Options:")[0], re.MULTILINE)
    assert bool(arguments) == bool(usage)
    for named in [*options, *arguments, *re.sub(r"[][.]", "", usage).split()]:
        assert re.fullmatch(r"[A-Z0-9:/=,.-]+(\|[A-Z]+)*|[a-z]+(\|[a-z]+)+|s3://BUCKET/KEY(\|[A-Z]+)?", named), named
    assert "<=x" not in said
    assert "x>=" not in said


def test_no_help_is_cut(aceite):
    for group in ((), ("contracts",), ("evidence",)):
        assert (
            "..."
            not in aceite(*group, "--help", COLUMNS="80").stdout.partition("Commands:")[2].partition("Settings,")[0]
        )


def test_a_command_to_copy_stands_on_its_own_line_and_is_not_broken(aceite, tmp_path):
    sample = tmp_path / "orders.csv"
    sample.write_text("id,name\n1,a\n", encoding="utf-8")
    folder = tmp_path / ("a folder of contracts with a long name" * 2)
    folder.mkdir()
    told = aceite("contracts", "init", str(sample), "--output", str(folder / "orders.odcs.yaml"), COLUMNS="80").stderr
    first, command = told.splitlines()
    assert first.endswith("orders.odcs.yaml: read its comments, then check it:")
    words = shlex.split(command, posix=os.name != "nt")
    assert [word.strip('"') for word in words] == ["aceite", "contracts", "check", str(folder / "orders.odcs.yaml")]
    checked = aceite(*[word.strip('"') for word in words[1:]])
    assert checked.returncode == 0, checked.stdout


def test_the_version_is_told(aceite):
    said = aceite("--version")
    assert (said.returncode, said.stdout) == (0, f"aceite {version('aceite')}\n")


MOST_S, RUNS = 0.5, 5


def import_times_us() -> dict[str, int]:
    """What `-X importtime` says of each module that `aceite --help` imports, the interpreter's own included."""
    command = [sys.executable, "-X", "importtime", "-m", "cli.main", "--help"]
    environ = {**os.environ, "PYTHONUTF8": "1"}
    said = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, encoding="utf-8", check=True
    ).stderr
    found = re.findall(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", said, re.MULTILINE)
    return {module: int(own_us) for own_us, module in found}


def test_the_imports_of_help_take_less_than_half_a_second():
    runs = [import_times_us() for _ in range(RUNS)]
    # The best of the runs, of each module: a busy machine interrupts some in every run.
    best = {module: min(run.get(module, own_us) for run in runs) for module, own_us in runs[0].items()}
    assert "blocks.settings" in best
    assert sum(best.values()) < MOST_S * 1_000_000


HEAVY = (
    "asyncpg", "boto3", "botocore", "duckdb", "fastapi", "httpx", "jinja2", "jsonschema", "moto", "numpy", "pandas",
    "prefect", "prefect_aws", "psutil", "pyarrow", "pyathena", "sqlalchemy", "sqlglot", "yaml",
    "acceptance.contract.contract",  # whatever reads or holds contracts
)  # fmt: skip


def imported(arguments: list[str], **environment: str) -> set[str]:
    """The modules that the command has imported when it ends."""
    run = "from cli.main import main\ntry: main()\nfinally: print(*sys.modules)"
    told = f"import sys; sys.argv[1:] = {arguments}\n{run}"
    environ = {**os.environ, "PYTHONUTF8": "1", **environment}
    command = [sys.executable, "-c", told]
    said = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, encoding="utf-8", check=False)
    modules = set(said.stdout.split())
    assert "cli.verbs.installing.up" in modules, said.stderr
    return modules


@pytest.mark.parametrize("arguments", [["--help"], ["up", "--help"], ["contracts", "check", "--help"], ["fly"]])
def test_help_and_usage_errors_import_nothing_heavy(arguments):
    assert sorted(imported(arguments).intersection(HEAVY)) == []


def test_prefect_sends_no_usage_data_and_says_nothing_of_it(tmp_path):
    """It does in a home that it has never seen, in a terminal, outside of CI."""
    told = (
        "import sys; from cli import main; sys.argv = ['aceite', '--version']\n"
        "try: main.main()\n"
        "except SystemExit: pass\n"
        "import prefect; from prefect._internal.analytics import enabled; print(enabled.is_telemetry_enabled())"
    )
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "SYSTEMROOT")}
    run = [sys.executable, "-c", told]
    for chosen, sends in (({}, "False"), ({"DO_NOT_TRACK": "0"}, "True")):
        environment = {**kept, **chosen, "PREFECT_HOME": str(tmp_path), "PYTHONUTF8": "1"}
        ended = subprocess.run(run, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=True)
        assert ended.stdout.split()[-1] == sends


NOT_FOR_THE_LEDGER = {
    "aws.iam.statements", "boto3", "botocore", "cryptography", "duckdb", "httpx", "jinja2", "moto", "numpy", "pandas",
    "prefect", "prefect_aws", "pyarrow", "pyathena",
}  # fmt: skip


def test_status_is_told_without_prefect(tmp_path):
    take_home(tmp_path)
    assert sorted(imported(["status", "--home", str(tmp_path)]).intersection(NOT_FOR_THE_LEDGER)) == []


def test_status_does_not_import_what_only_the_pages_over_all_datasets_need(tmp_path):
    take_home(tmp_path)
    modules = imported(["status", "--home", str(tmp_path)])
    assert "flows.ledger" in modules
    assert {"acceptance.overview.datasets", "acceptance.evidence.evidence"}.intersection(modules) == set()


def test_contracts_are_checked_without_prefect_aws_and_sql_databases():
    modules = imported(["contracts", "check", str(ROOT / "contracts")])
    assert "acceptance.odcs.reader" in modules
    assert sorted(modules.intersection({*NOT_FOR_THE_LEDGER, "sqlalchemy", "asyncpg"})) == []


@pytest.mark.parametrize("verb", ["up", "drop __init__.py --dataset a", "report a", "evidence verify a", "demo"])
def test_a_wrong_setting_is_told_before_prefect_is_imported(verb):
    assert "prefect" not in imported(verb.split(), ACEITE_POLL_S="often")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["drop"], "FILE"),
        (["fly"], "fly"),
        (["validate", "landing/key.csv"], "s3://bucket/key"),
        (["validate", "s3://landing/key.csv", "--without-pipeline"], "give --again too"),
        (["drop", "absent.csv", "--dataset", "nyc-flights", "--contracts", str(CONTRACTS)], "absent.csv"),
        (["drop", __file__, "--dataset", "other", "--contracts", str(CONTRACTS)], "nyc-flights"),
        (["drop", __file__, "--dataset", "nyc-flights", "--fault", "cell-change"], "cell-changed"),
        (["drop", __file__, "--dataset", "nyc-flights", "--date", "31/01/2026"], "write 2026-01-31 or 20260131"),
        (["drop", __file__, "--dataset", "nyc-flights", "--timeout", "-5"], "greater than or equal to 0"),
        (["policy", "all", "--account", "12"], "twelve digits, such as 111122223333"),
        (["status", "--home", ""], "the value is empty; give a folder"),
        (["contracts", "check", "--contracts", ""], "the value is empty; give a folder"),
        (["status", "--home", __file__], "test_command.py cannot be made"),
        (["report", "nyc-flights", "-o", "absent/page.html"], "the folder absent does not exist; create it"),
        (["report", "nyc-flights", "-o", "."], "is a folder; give a file in it"),
        (["report", "-o", __file__], "test_command.py is a file; without a dataset, give a folder"),
        (["report", "-o", "-"], "standard output takes one: give a folder, or a dataset"),
        (["report", "--noted-head", "0" * 64], "name the dataset too"),
        (["evidence", "verify", "a", "--noted-head", "abc"], "'abc' is no SHA-256, which has 64 hexadecimal digits"),
        (["report", "a", "--noted-head", "x" * 64], "is no SHA-256, which has 64 hexadecimal digits"),
        (["up", "--runner", "Warmm"], "'Warmm' is not known; did you mean 'warm'? allowed: warm, process"),
        (["status", "--verdict", "acepted"], "'acepted' is not known; did you mean 'accepted'? allowed: accepted, rej"),
        (["policy", "wacher"], "did you mean 'watcher'? allowed: watcher, validator, all, doctor"),
        (["evidence", "schema", "page"], "'page' is not known; allowed: evidence, manifest"),
        (["contracts", "init", __file__, "--output", "absent/a.yaml"], "the folder absent does not exist; create it"),
    ],
)
def test_a_usage_error_has_code_64_and_says_what_is_allowed(aceite, arguments, said):
    result = aceite(*arguments)
    assert result.returncode == 64, result.stderr
    assert said in result.stderr


def test_contracts_check_prints_every_problem_with_file_and_line(aceite, tmp_path):
    good = (CONTRACTS / "movies.odcs.yaml").read_text(encoding="utf-8")
    (tmp_path / "bad.odcs.yaml").write_text(good.replace("invoke: lambdastartecstask", "invok: x"), encoding="utf-8")
    (tmp_path / "twice.odcs.yaml").write_text("id: a\nid: b\n", encoding="utf-8")
    result = aceite("contracts", "check", str(tmp_path))
    assert result.returncode == 1
    line = good.splitlines().index(next(text for text in good.splitlines() if "invoke: lambdastartecstask" in text)) + 1
    assert f"bad.odcs.yaml:{line}:" in result.stdout
    assert "twice.odcs.yaml:2:" in result.stdout
    assert aceite("contracts", "check", str(CONTRACTS)).returncode == 0


def test_contracts_check_says_what_of_a_good_contract_is_not_checked(aceite, tmp_path):
    good = (CONTRACTS / "movies.odcs.yaml").read_text(encoding="utf-8")
    kept = "slaProperties:\n  - {property: retention, value: 5, unit: y, element: movies_table.anomesdia}"
    (tmp_path / "kept.odcs.yaml").write_text(good.replace("slaProperties:", kept), encoding="utf-8")
    result = aceite("contracts", "check", str(tmp_path / "kept.odcs.yaml"))
    assert result.returncode == 0
    line = good.splitlines().index("slaProperties:") + 2
    assert f"kept.odcs.yaml:{line}: slaProperties[0]: the service level retention is documentation" in result.stdout


def test_a_contract_that_cannot_be_used_keeps_up_from_starting(aceite, tmp_path):
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "a.yaml").write_text("not: a: contract", encoding="utf-8")
    result = aceite("up", "--sandbox")
    assert result.returncode == 64
    assert "a.yaml:1:" in result.stderr


def test_credentials_of_another_account_are_refused_and_both_are_named(aceite):
    with LocalAws() as aws:
        result = aceite(
            "up",
            "--contracts",
            str(CONTRACTS),
            ACEITE_AWS_ENDPOINT_URL=aws.endpoint,
            ACEITE_AWS_ACCESS_KEY_ID="a",
            ACEITE_AWS_SECRET_ACCESS_KEY="very-secret",
            ACEITE_AWS_REGION="us-east-1",
            ACEITE_AWS_ACCOUNT_ID="999999999999",
        )
    assert result.returncode == 64
    assert "123456789012" in result.stderr
    assert "999999999999" in result.stderr
    assert "very-secret" not in result.stderr + result.stdout


def test_status_without_a_running_aceite_is_an_empty_list(aceite, tmp_path):
    take_home(tmp_path / "home")
    assert json.loads(aceite("status", "--json").stdout)["deliveries"] == []


def test_a_taken_port_is_named_with_the_option_that_moves_it(aceite):
    with LocalAws() as aws:
        port = aws.endpoint.rsplit(":", 1)[1]
        result = aceite("up", "--sandbox", "--aws-port", port, "--contracts", str(CONTRACTS))
    assert result.returncode == 64
    assert port in result.stderr
    assert "--aws-port" in result.stderr
