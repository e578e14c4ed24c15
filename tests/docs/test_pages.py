"""The README is short and its contract whole; the other pages say what the code says."""

import ast
import re
import subprocess
import sys

import pytest
from markdown_pages import DOCS, README, ROOT, code, code_blocks, links, section, tables
from typer.testing import CliRunner

from acceptance.evidence.object_keys import CLAIM
from cli.main import app
from flows.prefect_api.switches import switch_name

MOST_WORDS = 1300
LONGEST_CONTRACT = 25


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


def the_readme():
    return README.read_text(encoding="utf-8")


def test_the_readme_can_be_read_in_five_minutes():
    assert len(the_readme().split()) <= MOST_WORDS


@pytest.mark.parametrize(
    "command",
    [
        'pip install -e ".[test]" -c constraints.txt && pytest',
        'pip install -e ".[sandbox]" -c constraints.txt && aceite demo',
    ],
)
def test_the_readme_has_the_two_commands_as_people_and_ci_take_them(command):
    assert command in the_readme().splitlines()


def test_the_readmes_contract_is_whole(tmp_path, monkeypatch):
    (text,) = code_blocks(the_readme(), "yaml")
    contract = tmp_path / "orders.odcs.yaml"
    contract.write_text(text, encoding="utf-8")
    monkeypatch.setenv("ACEITE_LANDING_BUCKET", "landing")
    result = CliRunner().invoke(app, ["contracts", "check", str(contract)])
    assert result.exit_code == 0, result.output
    assert "1 valid, 0 refused" in result.output
    assert len(text.splitlines()) <= LONGEST_CONTRACT


def test_what_comes_from_the_code_is_as_the_code_has_it():
    result = subprocess.run(
        [sys.executable, str(DOCS / "write_reference.py"), "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert result.returncode == 0, result.stderr


PROMISES = tables(page("promises.md"))[0]


@pytest.mark.parametrize("row", PROMISES, ids=lambda row: re.sub(r"\W+", " ", row["promise"])[:40].strip())
def test_a_promise_leads_to_tests(row):
    shown_by = [(DOCS / target).resolve() for _, target in links(row["shown by"])]
    assert shown_by
    assert [
        path for path in shown_by if not re.search(r"^\s*(?:async )?def test_", path.read_text("utf-8"), re.M)
    ] == []


def test_the_promises_are_many():
    assert len(PROMISES) > 10


@pytest.mark.parametrize("path", [*sorted(DOCS.rglob("*.md")), README], ids=lambda path: path.name)
def test_a_benchmark_that_a_page_names_exists(path):
    named = re.findall(r"python (benchmarks/\w+\.py)", path.read_text(encoding="utf-8"))
    assert [script for script in named if not (ROOT / script).is_file()] == []


def test_each_table_of_performance_stands_under_its_command():
    text = page("performance.md")
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert len(parts) > 3
    for part in parts:
        command, _, rest = part.partition("\n|")
        assert "python benchmarks/" in command, part.splitlines()[0]
        assert rest
    assert re.search(r"\d{4}-\d{2}-\d{2}", text)


def literals(*paths):
    """The texts in some modules of the product."""
    trees = [ast.parse((ROOT / path).read_text(encoding="utf-8")) for path in paths]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return {node.value for node in nodes if isinstance(node.value, str)}


def test_the_first_steps_name_what_aceite_makes_in_prefect():
    part = section(page("first-steps.md"), "What Aceite makes in Prefect")
    automations, deployments, blocks = ({code(next(iter(row.values())))[0] for row in table} for table in tables(part))
    of_automations = literals(*(path.relative_to(ROOT) for path in (ROOT / "automations").glob("*.py")))
    named = {text for text in of_automations if re.match(r"Aceite: \w", text)}
    assert automations == named | {switch_name("DATASET")}
    assert deployments == {text for text in of_automations if re.fullmatch(r"aceite-(watcher|validation).*", text)}
    assert blocks == {text for text in literals("blocks/names.py") if re.fullmatch(r"aceite-\w+", text)}


def test_the_first_steps_name_the_files_of_the_evidence():
    (table,) = tables(section(page("first-steps.md"), "What you see"))
    of_code = literals("flows/evidence/files.py", "acceptance/evidence/object_keys.py")
    files = {text for text in of_code if re.fullmatch(r"[a-z]+\.(json|html|xml)", text)} - {CLAIM}
    assert {code(row["file"])[0] for row in table} == files


def test_the_index_leads_to_every_page():
    index = page("README.md")
    pages = [*DOCS.glob("*.md"), *(DOCS / "operating").glob("*.md")]
    missing = [each.relative_to(DOCS).as_posix() for each in pages if each.name != "README.md"]
    assert [name for name in missing if f"({name})" not in index] == []
