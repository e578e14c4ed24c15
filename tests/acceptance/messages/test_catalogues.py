"""The catalogues hold every message that the code can make, with a translation that has the same values."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from jinja2 import Environment, nodes
from repository import ROOT

from acceptance.messages.languages import ENGLISH, LANGUAGES, Language, catalogue_of
from acceptance.messages.message import placeholders

sys.path.insert(0, str(ROOT / "docs"))
import update_catalogues as catalogues

OTHERS = tuple(language for language in LANGUAGES if language != ENGLISH)


def forms(texts: object) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else tuple(texts)  # type: ignore[call-overload]


def made() -> Iterator[tuple[str, ast.Call]]:
    """Every call in the code that makes a message."""
    for path in catalogues.sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Message", "Message.counted"):
                yield f"{path.relative_to(ROOT).as_posix()}:{node.lineno}", node


def templates_of(call: ast.Call) -> list[ast.expr]:
    return call.args[: 1 if isinstance(call.func, ast.Name) else 2]


def literal(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def missing(catalogue: Catalog, wanted: Catalog) -> list[object]:
    """What is wanted and has no translation, or one that nobody confirmed."""
    return [
        message.id
        for message in wanted
        if message.id and ((found := catalogue.get(message.id)) is None or found.fuzzy or not all(forms(found.string)))
    ]


def test_the_code_makes_messages_only_from_templates_that_it_says_literally():
    calls = list(made())
    assert len(calls) > 80
    assert [place for place, call in calls if not all(map(literal, templates_of(call)))] == []


def test_every_message_gets_the_values_that_its_template_names():
    for place, call in made():
        given = {keyword.arg for keyword in call.keywords} | ({"count"} if len(templates_of(call)) == 2 else set())
        for template in templates_of(call):
            if None not in given:  # else they are in a mapping
                assert set(placeholders(literal(template))) <= given, place
        named = {name for template in templates_of(call) for name in placeholders(literal(template))}
        assert given - {None, "count"} <= named, f"{place}: a value that no template shows"


def test_babel_finds_every_message_that_the_code_makes():
    extracted = {form for message in catalogues.templates() if message.id for form in forms(message.id)}
    in_code = {literal(template) for _, call in made() for template in templates_of(call)}
    assert in_code | {template for _, texts, _ in said_by_pages() for template in texts} == extracted


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_has_a_translation(language: Language):
    catalogue = catalogues.read_catalogue(language)
    found = missing(catalogue, catalogues.templates())
    assert found == [], "run: python docs/update_catalogues.py, and translate what has no translation"


@pytest.mark.parametrize("language", OTHERS)
def test_every_translation_has_the_values_of_its_message(language: Language):
    for message in catalogues.read_catalogue(language):
        if message.id:
            names = [placeholders(form) for form in forms(message.id)]
            assert all(placeholders(form) in names for form in forms(message.string)), message.id


@pytest.mark.parametrize("language", OTHERS)
def test_the_file_is_as_babel_writes_it(language: Language):
    result = subprocess.run(
        [sys.executable, "docs/update_catalogues.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert result.returncode == 0, f"{result.stdout}; run: python docs/update_catalogues.py"
    assert catalogue_of(language).gettext("not measured") != "not measured"


def said_by_pages() -> Iterator[tuple[str, list[str], set[str]]]:
    """Every message of the pages' templates: where it is, its texts, and the names of the values that it gets."""
    for path in catalogues.pages():
        for call in Environment().parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in ("_", "counted"):
                is_counted = call.node.name == "counted"
                texts = [arg.value for arg in call.args[: 2 if is_counted else 1] if isinstance(arg, nodes.Const)]
                named = {keyword.key for keyword in call.kwargs} | ({"count"} if is_counted else set())
                yield f"{path.name}:{call.lineno}", texts, named


def test_every_message_of_a_page_is_literal_and_gets_its_values():
    found = list(said_by_pages())
    assert len(found) > 150
    for place, texts, named in found:
        assert texts, place
        assert all(set(placeholders(text)) <= named for text in texts), place
        assert named - {"count"} <= {name for text in texts for name in placeholders(text)}, place


TRANSLATED = (
    "evidence",
    "macros",
    "landed",
    "checks",
    "differences",
    "steps",
    "queries",
    "parameters",
    "provenance",
    "trend",
)
"""The templates of the evidence page. Those of other pages are in English."""
UNTRANSLATED = {"Aceite", "SHA", "null"}
OF_MARKUP = {"code", "value", "start", "middle", "end", " of-files", " newest", " few", " open", " class=mark"}
"""Classes, places and attributes."""
_WORD = re.compile(r"[^\W\d_]{2,}")


def texts_past_the_catalogue(source: str) -> set[str]:
    """The words of a template that a person reads and that are no message: between tags, in attributes, in values."""
    markup = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", "", source, flags=re.DOTALL)
    markup = re.sub(r'<script.*?</script>|<span class="code">.*?</span>', "", markup, flags=re.DOTALL)
    seen = re.findall(r'(?:title|aria-label|data-label|alt)="([^"]*)"', markup) + re.sub(
        r"<[^>]*>", "\n", markup
    ).split("\n")
    found = {word for text in seen for word in _WORD.findall(text.replace("evidence.json", "").replace("&", ""))}
    values = [child for output in Environment().parse(source).find_all(nodes.Output) for child in output.nodes]
    return (found | {word for value in values for text in said(value) for word in _WORD.findall(text)}) - UNTRANSLATED


def said(value: nodes.Node) -> Iterator[str]:
    """The texts that an expression may show as they are. A filter on one is computed in English, before any page."""
    match value:
        case nodes.Const(value=str(text)) if text not in OF_MARKUP:
            yield text
        case nodes.CondExpr(expr1=one, expr2=other):
            yield from (text for each in (one, other) if each is not None for text in said(each))
        case nodes.Filter(node=nodes.Const() as filtered):
            yield from said(filtered)
        case nodes.Or(left=one, right=other) | nodes.Add(left=one, right=other):
            yield from (text for each in (one, other) for text in said(each))


@pytest.mark.parametrize("name", TRANSLATED)
def test_the_evidence_page_says_nothing_past_the_catalogue(name: str):
    (path,) = (path for path in catalogues.pages() if path.name.partition(".")[0] == name)
    assert texts_past_the_catalogue(path.read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize(
    "source",
    [
        "<h2>Checks</h2>",
        '<td data-label="Row">{{ row }}</td>',
        '{{ "Files" if files else _("File") }}',
        '{{ "accepted" | named }}',
        '{{ value or "unknown" }}',
        "<p>{{ number }} of them</p>",
    ],
)
def test_a_text_past_the_catalogue_is_found(source: str):
    assert texts_past_the_catalogue(source)


def test_a_message_without_a_translation_is_found():
    wanted = catalogues.templates()
    wanted.add("nobody has translated {this}")
    assert missing(catalogues.read_catalogue("pt-BR"), wanted) == ["nobody has translated {this}"]


def test_the_wheel_has_the_catalogues():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '"acceptance.messages" = ["catalogues/*"]' in project
    assert [Path(path).suffix for path in (ROOT / "acceptance/messages/catalogues").iterdir()] == [".po"] * len(OTHERS)


def test_english_needs_no_babel():
    program = (
        "import sys; from acceptance.messages.languages import in_language; "
        "from acceptance.messages.message import Message; in_language(Message('not measured'), 'en'); import cli.main; "
        "sys.exit('babel' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
