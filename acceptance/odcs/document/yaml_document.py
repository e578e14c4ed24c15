"""A YAML document read strictly: every value knows its line, nothing is guessed, nothing is executed.

Plain scalars are read as YAML 1.2 has them: `no`, `12:30`, `1_000` and `2025-01-02` are texts. Refused, with their
lines: duplicate keys, keys that are not text, tags, merge keys, and documents that grow beyond the bounds below.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from acceptance.errors import ContractError, Problem, did_you_mean
from acceptance.odcs.document.node import At, Node, Source, shown

MOST_BYTES = 1_000_000
MOST_VALUES = 50_000
MOST_CHARACTERS = 4_000_000
"""The limit of all texts together. An alias counts at each use."""

MOST_DEPTH = 40

_CONSTANTS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,100}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_OF_QUERIES = ("object", "property", "table", "column")
"""In the query of a rule `${...}` names the delivered rows and the column, not variables."""

_READABLE = ("LANDING_BUCKET", "ATHENA_DATABASE", "ATHENA_WORKGROUP")
_READABLE_PREFIX = "CONTRACT_"


def read_document(text: str, path: str) -> Node:
    """Return the root of the only YAML document in the text. Raise ContractError with every problem found."""
    source = Source(path)
    size = len(text.encode(errors="surrogatepass"))
    if size > MOST_BYTES:
        raise ContractError([Problem(path, 0, f"the file has {size:,} bytes; at most {MOST_BYTES:,} are read")])
    try:
        root = yaml.compose(text, Loader=_UntaggedLoader)
        value = None if root is None else _Builder(source).build(root, ())
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        reason = " ".join(filter(None, (error.context, error.problem)))
        raise ContractError([*source.problems, Problem(path, line, f"not YAML: {reason}")]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        reason = f"the character U+{error.character:04X} is not allowed"
        raise ContractError([Problem(path, line, f"not YAML: {reason}")]) from error
    except RecursionError as error:
        raise ContractError([Problem(path, 0, f"values are nested more than {MOST_DEPTH} deep")]) from error
    if root is None:
        raise ContractError([Problem(path, 0, "the file is empty; an ODCS document is needed")])
    if source.problems:
        raise ContractError(source.problems)
    return Node(value, source)


def may_read(variable: str) -> bool:
    """Return True if a contract may read the variable: its texts end up in evidence, where no secret belongs."""
    return variable in _READABLE or variable.startswith(_READABLE_PREFIX)


def variables_in(text: str) -> frozenset[str]:
    """Return the variables that a contract of this text reads and may read."""
    return frozenset(name for name, _ in _VARIABLE.findall(text) if may_read(name))


def holds_variable(text: str) -> bool:
    """Return True if a resolved text still holds a variable, because it is not set."""
    return _VARIABLE.search(text) is not None


def resolve_variables(root: Node, environment: Mapping[str, str]) -> tuple[Node, tuple[Problem, ...]]:
    """Replace `${NAME}` and `${NAME:-default}` in the texts. Return a problem for each variable without a value.

    A variable that contracts may not read has none. As ODCS v3.2 says, an empty variable is unset, and a default is
    taken as it stands. The value of a variable is not searched for variables.
    """
    unset = replace(root.source, problems=[])

    def resolve(value: Any, at: At) -> Any:
        def replacement(match: re.Match[str]) -> str:
            name, default = match.groups()
            if at[-1:] == ("query",) and name in _OF_QUERIES:
                return match[0]
            found = (environment.get(name) if may_read(name) else None) or default
            if not may_read(name):
                unset.refuse(
                    at,
                    f"a contract may not read the variable {name}: its texts are shown in evidence"
                    f"{did_you_mean(name, _READABLE)} allowed: "
                    f"{', '.join(_READABLE)}, and names that begin with {_READABLE_PREFIX}, such as "
                    f"{_READABLE_PREFIX}{name}",
                )
            elif found is None:
                unset.refuse(at, f"the variable {name} is not set; set it, or give a default: ${{{name}:-default}}")
            return match[0] if found is None else found

        match value:
            case str():
                return _VARIABLE.sub(replacement, value)
            case dict():
                return {key: resolve(child, (*at, key)) for key, child in value.items()}
            case list():
                return [resolve(child, (*at, index)) for index, child in enumerate(value)]
        return value

    return replace(root, value=resolve(root.value, root.at)), tuple(unset.problems)


class _UntaggedLoader(yaml.SafeLoader):
    """Refuse tags before a node is made of them."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None):
            raise yaml.MarkedYAMLError(problem=f"the tag {event.tag} is not allowed", problem_mark=event.start_mark)
        return super().compose_node(parent, index)


@dataclass(slots=True)
class _Builder:
    """Builds values from YAML nodes. It builds an alias again at each use, so the limits count its expanded size."""

    source: Source
    count: int = 0
    characters: int = 0

    def build(self, node: yaml.Node, at: At, line: int | None = None) -> Any:
        mark = node.start_mark
        self.source.lines[at] = line or mark.line + 1
        self.count += 1
        if self.count > MOST_VALUES:
            reason = f"the document grows to more than {MOST_VALUES:,} values; use fewer aliases"
            raise yaml.MarkedYAMLError(problem=reason, problem_mark=mark)
        if len(at) > MOST_DEPTH:
            raise yaml.MarkedYAMLError(problem=f"values are nested more than {MOST_DEPTH} deep", problem_mark=mark)
        match node:
            case yaml.MappingNode():
                return self._mapping(node, at)
            case yaml.SequenceNode():
                return [self.build(child, (*at, index)) for index, child in enumerate(node.value)]
            case yaml.ScalarNode():
                self._count_characters(node)
                return node.value if node.style else _plain(node.value)

    def _count_characters(self, node: yaml.Node) -> None:
        self.characters += len(node.value)
        if self.characters > MOST_CHARACTERS:
            reason = f"the texts of the document grow to more than {MOST_CHARACTERS:,} characters; use fewer aliases"
            raise yaml.MarkedYAMLError(problem=reason, problem_mark=node.start_mark)

    def _mapping(self, node: yaml.MappingNode, at: At) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            self._count_characters(key_node)
            key = self._key(key_node)
            line = key_node.start_mark.line + 1
            if key is None:
                continue
            if key in built:
                first = self.source.lines[(*at, key)]
                message = f"the key {key!r} stands twice in one mapping, first on line {first}"
                self.source.problems.append(Problem(self.source.path, line, message))
                continue
            built[key] = self.build(value_node, (*at, key), line)
        return built

    def _key(self, node: yaml.Node) -> str | None:
        quoted = isinstance(node, yaml.ScalarNode) and node.style
        key = _plain(node.value) if isinstance(node, yaml.ScalarNode) and not quoted else node.value
        if isinstance(key, str) and (key != "<<" or quoted):
            return key
        found = "a merge key (<<)" if key == "<<" else f"the key {shown(key)}"
        message = f"{found} is not allowed: keys are texts, written out; quote it if it is one"
        self.source.problems.append(Problem(self.source.path, node.start_mark.line + 1, message))
        return None


def _plain(text: str) -> Any:
    """Return the value of a scalar without quotes."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text
