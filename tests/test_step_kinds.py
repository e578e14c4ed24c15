"""A new kind of step is one class, and the type check names every place that must learn it."""

import ast
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from acceptance.contract.steps import STEP_KINDS, Invoke, PipelineStep
from acceptance.odcs.pipeline_property import KEYS

ROOT = Path(__file__).parents[1]
STEPS = ROOT / "acceptance" / "contract" / "steps.py"
PACKAGES = ("acceptance", "aws", "landed", "blocks", "flows", "automations", "sandbox", "cli")

PLACES = {
    "acceptance/odcs/pipeline_property.py": "how a contract says it",
    "aws/iam/policy.py": "which permissions it needs",
    "cli/doctor/plan.py": "what the doctor looks at",
    "flows/judging/pipeline.py": "which task carries it out",
    "sandbox/pipeline/pipeline_plan.py": "what the sandbox makes for it",
}
"""Each module that knows the kinds of steps apart, and what it must learn of a new one."""

QUESTIONS = {
    "title": ["acceptance/deliveries/passes.py"],
    "texts": ["acceptance/deliveries/passes.py"],
    "starts": ["acceptance/odcs/pipeline_property.py", "flows/judging/pipeline.py"],
    "lost_answer": ["flows/judging/pipeline.py"],
}
"""What each class answers for itself, and who asks it."""

QUESTIONS_WITH_A_DEFAULT = {
    "glue_job": ["acceptance/announcing/overdue.py", "flows/judging/pipeline.py"],
    "awaited_object": ["flows/judging/pipeline.py"],
    "awaited_table": ["acceptance/odcs/pipeline_property.py", "flows/judging/pipeline.py"],
}
"""What a class answers only if its steps are about such a thing, and who asks it."""

WITHOUT_ANSWERS = """

@dataclass(frozen=True, slots=True)
class RunStateMachine(PipelineStep):
    verb = "run_state_machine"
    default_within = "30m"

    name: str
    within: timedelta


Step = {union} | RunStateMachine

MADE = RunStateMachine("convert", timedelta(minutes=5))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The errors of a type check in which the pipeline has one more kind of step, which answers nothing."""
    folder = tmp_path_factory.mktemp("step_kinds")
    changed, config = folder / "steps.py", folder / "mypy.ini"
    union = re.search(r"^Step = (\([^)]*\)|.*)$", STEPS.read_text(encoding="utf-8"), re.MULTILINE)
    assert union is not None
    more = WITHOUT_ANSWERS.replace("{union}", union[0].removeprefix("Step = "))
    changed.write_text(STEPS.read_text(encoding="utf-8").replace(union[0], more), encoding="utf-8")
    ours = "".join(f"[mypy-{package}.*]\nfollow_imports = silent\n" for package in PACKAGES)
    config.write_text(
        "[mypy]\npython_version = 3.11\nexplicit_package_bases = True\ncheck_untyped_defs = True\n"
        f"follow_imports = skip\nignore_missing_imports = True\n{ours}",
        encoding="utf-8",
    )
    checked = [str(STEPS.relative_to(ROOT)), *PLACES]
    command = [sys.executable, "-m", "mypy", "--config-file", str(config), "--cache-dir", str(folder / "cache")]
    command += ["--no-error-summary", "--shadow-file", str(STEPS.relative_to(ROOT)), str(changed), *checked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    return done.stdout.replace("\\", "/").splitlines()


@pytest.mark.parametrize("place", PLACES)
def test_a_new_kind_of_step_fails_the_type_check_where_it_is_not_known(place: str, told: list[str]) -> None:
    errors = [line for line in told if line.startswith(place)]
    assert errors, "\n".join(told)
    assert all('"assert_never"' in line and "RunStateMachine" in line for line in errors), errors


def test_a_kind_of_step_that_leaves_a_question_open_fails_the_type_check(told: list[str]) -> None:
    assert len([line for line in told if 'Cannot instantiate abstract class "RunStateMachine"' in line]) == 1, told


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_step_is_made_of_a_class_that_leaves_a_question_open(question: str) -> None:
    unanswered = type("Unanswered", (Invoke,), {question: getattr(PipelineStep, question)})
    with pytest.raises(TypeError, match=question):
        unanswered("f", {}, timedelta(minutes=5))


def test_a_kind_of_step_that_says_nothing_of_it_is_about_no_glue_job_and_waits_for_no_object_and_no_table() -> None:
    step = Invoke("f", {}, timedelta(minutes=5))
    assert (step.glue_job, step.awaited_object, step.awaited_table) == ("", "", None)


def test_every_question_is_one_that_somebody_asks() -> None:
    asked = {name for name, value in vars(PipelineStep).items() if isinstance(value, property)}
    assert set(QUESTIONS) == PipelineStep.__abstractmethods__
    assert set(QUESTIONS_WITH_A_DEFAULT) == asked - PipelineStep.__abstractmethods__
    for question, places in (QUESTIONS | QUESTIONS_WITH_A_DEFAULT).items():
        for place in places:
            assert f".{question}" in (ROOT / place).read_text(encoding="utf-8"), (question, place)


@pytest.mark.parametrize("name", ["verb", "default_within"])
def test_a_kind_of_step_without_a_name_in_contracts_keeps_the_reader_from_starting(name: str) -> None:
    assert all(getattr(kind, name) for kind in STEP_KINDS)
    with pytest.raises(AttributeError, match=name):
        getattr(PipelineStep, name)


def test_nobody_else_knows_the_kinds_of_steps_apart() -> None:
    """Who only asks the questions that each class answers knows new kinds as well."""
    kinds = {kind.__name__ for kind in STEP_KINDS}
    found = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            names = {
                alias.name
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.ImportFrom)
                for alias in node.names
            }
            if names & kinds:
                found.add(path.relative_to(ROOT).as_posix())
    assert found == set(PLACES)


def test_a_contract_may_say_every_field_of_each_kind_of_step() -> None:
    assert KEYS == {
        "invoke": ("invoke", "payload", "within", "asynchronous"),
        "await_object": ("await_object", "within"),
        "await_glue_job": ("await_glue_job", "within"),
        "run_glue_job": ("run_glue_job", "arguments", "within"),
        "run_crawler": ("run_crawler", "within"),
        "start_execution": ("start_execution", "input", "within"),
        "await_execution": ("await_execution", "within"),
        "await_table": ("await_table", "within"),
        "run_workflow": ("run_workflow", "properties", "within"),
        "put_event": ("put_event", "source", "detail_type", "detail", "within"),
    }
