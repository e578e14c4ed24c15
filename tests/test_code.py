"""The code keeps its own rules: ruff, mypy and the import rules of pyproject.toml."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from repository import ROOT

RULES = {
    "ruff finds nothing": ["-m", "ruff", "check", "."],
    "the code is formatted": ["-m", "ruff", "format", "--check", "."],
    "the types agree": ["-m", "mypy"],
    "packages import only what they may": [
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
    ],
}


@pytest.mark.parametrize("rule", RULES)
def test_rule(rule):
    result = subprocess.run(
        [sys.executable, *RULES[rule]], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


PRODUCT = ("acceptance", "aws", "landed", "blocks", "flows", "automations", "sandbox", "cli")
POSIX_ONLY = re.compile(
    r"(import|from) (fcntl|grp|pwd|pty|resource|syslog|termios|tty)\b"
    r"|os\.(fork|forkpty|kill|killpg|getpgid|setsid|getuid|geteuid|getppid|mkfifo|chown|nice|uname|wait\w*|pipe)\("
    r"|signal\.(SIGKILL|SIGHUP|SIGUSR1|SIGUSR2|SIGCHLD|SIGALRM|alarm|setitimer|pause)\b"
    r"|\.(add_signal_handler|symlink_to|hardlink_to|rename|chmod)\("
    r"|select\.(select|poll|epoll|kqueue)\(|preexec_fn|pass_fds|shell=True|%-[dmyHMS]"
    r"|[\"']/(tmp|dev|proc|var|etc)/"
    r"|os\.(link|symlink|readlink|statvfs|getloadavg|sched_\w+|sync|spawn\w*|O_(NOFOLLOW|DIRECTORY|NONBLOCK))\b"
    r"|time\.tzset|AF_UNIX|open_unix_connection|start_unix_server|get_context\([\"']fork"
    r"|NamedTemporaryFile|locale\.\w*(encoding|setlocale)|encoding=[\"']locale[\"']"
    r"|\bstr\(\w+\) \+ [\"']/|[\"'][A-Za-z]:[\\\\/]"
)
"""What Windows has not, or has otherwise.

No file is renamed to one that is there or opened twice, no pipe is selected, and no local path is joined by hand.
"""
ASKS_FIRST = "blocks/private_files.py"
"""The module that may use modes and links of POSIX, because it asks first which system it is on."""
TEXT = {"read_text", "write_text"}
PROCESSES = {"run", "Popen", "check_output"}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield name, node


def opens_text(name: str, call: ast.Call) -> bool:
    """In the system's own encoding, that is without saying which."""
    said = {keyword.arg: keyword.value for keyword in call.keywords}
    if "encoding" in said:
        return False
    is_method = isinstance(call.func, ast.Attribute)
    place = 0 if is_method else 1
    given = said.get("mode") or (call.args[place] if len(call.args) > place else None)
    mode = str(given.value) if isinstance(given, ast.Constant) else ""
    # A method `open` without a mode may be anything's, such as gzip's, whose default is bytes.
    is_text_file = name == "open" and (set(mode) <= set("rwax+t") if mode else given is None and not is_method)
    is_pipe = name in PROCESSES and bool({"text", "universal_newlines"} & said.keys())
    return name in TEXT or is_text_file or is_pipe


def translates_line_ends(name: str, call: ast.Call) -> bool:
    """On Windows only, that is a text is written without saying how its lines end."""
    said = {keyword.arg: keyword.value for keyword in call.keywords}
    place = 0 if isinstance(call.func, ast.Attribute) else 1
    given = said.get("mode") or (call.args[place] if len(call.args) > place else None)
    mode = str(given.value) if isinstance(given, ast.Constant) else ""
    writes = name == "write_text" or (name == "open" and set(mode) <= set("rwax+t") and bool(set(mode) & set("wax+")))
    return writes and "newline" not in said


def test_the_product_runs_on_windows_as_far_as_reading_it_can_tell():
    files = [path for package in PRODUCT for path in (ROOT / package).rglob("*.py")]
    found = []
    for path in files:
        place = path.relative_to(ROOT).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if place != ASKS_FIRST and POSIX_ONLY.search(line.partition("  #")[0]):
                found.append(f"{place}:{number}: {line.strip()}")
        found += [f"{place}:{call.lineno}: no encoding" for name, call in calls(path) if opens_text(name, call)]
        found += [
            f"{place}:{call.lineno}: no newline" for name, call in calls(path) if translates_line_ends(name, call)
        ]
    assert found == []
    assert len(files) > 100


OUTSIDE = {"cli/terminal.py", "cli/serving/child_process.py"}
"""The terminal itself; and the line by which a process tells its parent that it is ready."""


def prints(name: str, call: ast.Call) -> bool:
    """Past the terminal, which alone shows a key or AWS's words so that they cannot steer it. Bytes are documents."""
    if isinstance(call.func, ast.Attribute):
        return (name, ast.unparse(call.func.value)) in {("write", "sys.stdout"), ("write", "sys.stderr")}
    return name in ("print", "Console")


def test_nothing_is_printed_past_the_terminal():
    found = [
        f"{path.relative_to(ROOT).as_posix()}:{call.lineno}"
        for package in PRODUCT
        for path in (ROOT / package).rglob("*.py")
        if package != "sandbox" and path.relative_to(ROOT).as_posix() not in OUTSIDE
        for name, call in calls(path)
        if prints(name, call)
    ]
    assert found == []


@pytest.mark.parametrize("line", ["print(key)", "sys.stderr.write(key)", "Console(stderr=True)"])
def test_that_rule_sees_what_is_printed(line):
    call = ast.parse(line, mode="eval").body
    assert isinstance(call, ast.Call)
    assert prints(getattr(call.func, "attr", getattr(call.func, "id", "")), call)


LONGEST_FUNCTION = 40
MOST_MODULES = 12
"""In one folder, without its `__init__`: what one takes in at a look."""


def test_no_text_of_ours_is_printed_with_a_line_end_in_it():
    """The terminal would show it as a sign: `print` takes a line, `print_lines` several."""
    printed = [
        (f"{path.relative_to(ROOT).as_posix()}:{call.lineno}", text.value)
        for path in (ROOT / "cli").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "print"
        for text in ast.walk(call)
        if isinstance(text, ast.Constant) and isinstance(text.value, str)
    ]
    assert len(printed) > 20
    assert [place for place, text in printed if "\n" in text] == []


def test_a_function_is_short_enough_to_be_read_at_once():
    functions = [
        (f"{path.relative_to(ROOT).as_posix()}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1)
        for package in PRODUCT
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [(place, lines) for place, lines in functions if lines > LONGEST_FUNCTION] == []
    assert len(functions) > 1000


def test_a_folder_holds_few_enough_modules_to_be_seen_at_once():
    modules = [path.parent for package in PRODUCT for path in (ROOT / package).rglob("*.py") if path.stem != "__init__"]
    tests = [path.parent for path in (ROOT / "tests").rglob("test_*.py")]
    counts = Counter(folder.relative_to(ROOT).as_posix() for folder in modules + tests)
    assert {folder: count for folder, count in counts.items() if count > MOST_MODULES} == {}
    assert len(counts) > 50


def test_each_room_says_in_a_sentence_what_is_in_it():
    rooms = [path for package in PRODUCT for path in (ROOT / package).rglob("__init__.py")]
    said = {path.parent.relative_to(ROOT).as_posix(): docstring(path).partition("\n\n")[0] for path in rooms}
    assert {room: text for room, text in said.items() if "\n" in text or not text.endswith(".")} == {}
    assert len(said) > 30


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


NO_SUBJECT = re.compile(r"(Of|What|Whether|Those)\b")


def test_a_docstring_begins_with_its_subject_or_its_verb():
    """Also those below a constant. CONTRIBUTING has the rule; this is as much of it as a machine can tell."""
    texts = [
        (f"{path.relative_to(ROOT).as_posix()}:{node.lineno}", node.value.value)
        for package in PRODUCT
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    assert [place for place, text in texts if NO_SUBJECT.match(text.lstrip())] == []
    assert len(texts) > 1000


def test_no_import_hides_from_the_import_rules():
    """Import-linter sees the imports under TYPE_CHECKING, and every other one, unless it is told not to."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    assert not settings.get("exclude_type_checking_imports")
    assert [rule["name"] for rule in settings["contracts"] if "ignore_imports" in rule] == []
    assert set(settings["root_packages"]) == set(PRODUCT)


@pytest.mark.parametrize(
    "line",
    [
        "import fcntl",
        "os.kill(pid, 9)",
        "path.rename(other)",
        'Path("/tmp/x")',
        "signal.SIGKILL",
        'f"{day:%-d}"',
        "tempfile.NamedTemporaryFile()",
        "locale.getpreferredencoding()",
        'path.open(encoding="locale")',
        'multiprocessing.get_context("fork")',
        'str(folder) + "/evidence.json"',
        r'Path("C:\\aceite")',
        "os.open(path, os.O_NOFOLLOW)",
        "socket.AF_UNIX",
    ],
)
def test_that_rule_sees(line):
    assert POSIX_ONLY.search(line)


@pytest.mark.parametrize(
    ("line", "is_seen"),
    [
        ('path.write_text(text, encoding="utf-8")', True),
        ('path.write_text(text, encoding="utf-8", newline="\\n")', False),
        ('path.open("w", encoding="utf-8")', True),
        ('path.open("wb")', False),
        ('path.open(encoding="utf-8")', False),
        ('open(path, "a", encoding="utf-8")', True),
    ],
)
def test_that_rule_sees_texts_whose_lines_end_otherwise_on_windows(line, is_seen):
    call = ast.parse(line, mode="eval").body
    assert isinstance(call, ast.Call)
    assert translates_line_ends(getattr(call.func, "attr", getattr(call.func, "id", "")), call) is is_seen


@pytest.mark.parametrize(
    ("line", "is_seen"),
    [
        ("open(path)", True),
        ("path.open()", False),
        ('path.open("a")', True),
        ('path.open("ab")', False),
        ("path.read_text()", True),
        ('path.write_text(text, encoding="utf-8")', False),
        ("subprocess.run(command, text=True)", True),
        ("subprocess.run(command)", False),
    ],
)
def test_that_rule_sees_texts_without_an_encoding(line, is_seen):
    call = ast.parse(line, mode="eval").body
    assert isinstance(call, ast.Call)
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    assert opens_text(name, call) is is_seen
