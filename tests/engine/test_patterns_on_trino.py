"""Patterns: Trino matches as the sandbox does, or the sandbox says that it cannot tell; a contract loads no others."""

import duckdb
import pytest
from sandbox_sql import answer_of_sandbox, prepared
from trino_server import Refused, Trino

from acceptance.sql.character_properties import PROPERTIES
from acceptance.sql.patterns import problem_of
from acceptance.sql.text import text_literal

pytestmark = pytest.mark.engine

TEXTS = [
    "", "a", "A", "b", "ab", "abc", "aa", "a b", "é", "ç", "É", "ß", "_", "-", "1", "\u0660", "\n", "a\n", "a\nb",
    "\r", "a\r\n", "\t", " ", "\xa0", "\u2028", ".", "a.b", "\U0001f3ac", "e\u0301", "\u03a9", "\u4e2d", "$", "x",
    "F", "g", "\x01", "\x7f", "/", "@", "q", "|", "{2}", "a{2", "a{,3}", "\x85", "aaa", "N", "R", "z", "-z", "K",
    "p", "pL", "u", "h",
]  # fmt: skip

PATTERNS = [
    r"\p{Latin}", r"\p{L}", r"\p{Lu}", r"\p{Alphabetic}", r"\p{Alpha}", r"\p{Alnum}", r"\p{Digit}", r"\p{Punct}",
    r"\p{Upper}", r"\p{Lower}", r"\p{Space}", r"\p{ASCII}", r"\p{javaLowerCase}", r"\p{InGreek}", r"\p{Greek}",
    r"\p{Sc}", r"\p{Nd}", r"\P{L}", r"\pL", r"\h", r"\H", r"\R", r"\X", r"\v", r"\V", r"\N", r"\G", r"\A", r"\Z",
    r"\z", r"\b", r"\B", r"\Qa.b\E", r"[\x{00e9}]", r"\x{e9}", r"\u00e9", r"\xe9", r"\x41", r"\0101", r"\101",
    r"\cA", r"\e", r"\a", r"\t", r"[[:alpha:]]", r"[a-z&&[^b]]", r"[a-c[x-z]]", r"(?i)abc", r"(?s).", r"(?m)^a",
    r"(?x)a b", r"(?-i)a", r"(?i:a)b", r"(?>a)b", r"a++", r"a*+", r"a?+", r"a{1,2}+", r"(?<n>a)\k<n>", r"(?<n>a)",
    r"(?'n'a)", r"(a)\1", r"(?=a)", r"(?!a)", r"(?<=a)", r"(?<!a)", r"a{,3}", r"a{2", r"a**", r"a]", r"[]a]",
    r"[^]a]", r"[a-]", r"[-a]", r"\d-\w", r"[\w-z]", r"\_", r"\-", r"\/", r"\@", r"\é", r"\q", r"\y", r"\i", r"\K",
    r"\g<1>", r"(?#c)a", r"(?i-s:a)", r"\s", r"\S", r"\w", r"\W", r"\d", r"\D", r".", r"^$", r"$", r"a$", r"^a",
    r"a|", r"|a", r"()", r"(?:)", r"a{0}", r"a{100000}", r"(a{1000}){1000}", r"\x", r"\u", r"\u12", r"\x{110000}",
    r"\p{InLatin1Supplement}", r"\p{XDigit}", r"\p{Cntrl}", r"\p{Graph}", r"\p{Print}", r"\p{Blank}", r"\p{Han}",
    r"\p{Any}", r"\p{Word}", r"\p{ALPHA}", r"\p{alpha}", r"\p{lu}", r"\p{LATIN}", r"[\p{L}\d]", r"[^\p{L}]",
    r"^(?:[A-Za-z0-9]{2,3}|x)$", r"^[^\s@]+@[^\s@]+\.[a-z]{2,}$", r"^(?=.*b)(?!x).+$", r"(?m)^b$", r"(?m)a$",
    r"\bab\b", r"^(?<year>[0-9]{4})-[0-9]{2}$", r"[$]", r"\$", r"\Q$\E", r"a\Z", r"(?i)É", r"(?s)a.b", r"^.$",
    r"^..$", r"^[^a]$",
]  # fmt: skip
REFUSED = [
    r"\p{IsLatin}", r"\p{IsAlphabetic}", r"\p{script=Latin}", r"\p{IsL}", r"\p{IsGreek}", r"\p{IsDigit}", r"\p{^L}",
    r"(?u)abc", r"(?U)\w", r"(?d)a", r"(?P<n>a)", r"(a)\2", r"(?<=a+)", r"(?<=a{1,3})b", r"{2}", r"*a", r"+", r"?",
    r"(a", r"a)", r"[a", r"[z-a]", r"[a-\d]", r"(?~a)", r"(?|a)", r"(?1)", r"(?R)", r"a{1,100001}", r"\p{Foo}",
    r"\p", r"\pX", r"\p{gc=Lu}", r"\p{general_category=Lu}", r"\p{blk=Latin}", r"\p{IsUppercase}",
    r"\p{IsWhite_Space}", r"\p{IsIdeographic}", r"\p{IsHan}", r"[\p{IsLatin}a]",
]  # fmt: skip
"""Trino refuses them."""


@pytest.fixture(scope="module")
def duck(trino: Trino) -> duckdb.DuckDBPyConnection:
    """The texts in DuckDB, and in Trino's table `texts`."""
    folder, duck = trino.external_table("texts", {"number": "int", "text": "string"}), prepared(duckdb.connect())
    duck.execute("CREATE TABLE texts (number INTEGER, text VARCHAR)")
    duck.executemany("INSERT INTO texts VALUES (?, ?)", list(enumerate(TEXTS)))
    duck.execute(f"COPY texts TO '{(folder / 'part.parquet').as_posix()}' (FORMAT parquet)")
    return duck


def test_a_pattern_matches_the_same_texts_or_the_sandbox_cannot_tell(trino: Trino, duck: duckdb.DuckDBPyConnection):
    wrong, told = {}, 0
    for pattern in [pattern for pattern in PATTERNS if not problem_of(pattern)]:
        sql = f"SELECT number FROM texts WHERE regexp_like(text, {text_literal(pattern)})"
        by_sandbox = answer_of_sandbox(duck, sql)
        if isinstance(by_sandbox, str):
            wrong |= {} if by_sandbox.startswith("NOT_SUPPORTED") else {pattern: by_sandbox}
            continue
        found, expected = {number for (number,) in by_sandbox}, {number for (number,) in trino.ask(sql).rows}
        told += 1
        wrong |= {pattern: [TEXTS[number] for number in found ^ expected]} if found != expected else {}
    assert wrong == {}
    assert told > 70


@pytest.mark.parametrize("pattern", REFUSED)
def test_a_pattern_that_trino_refuses_is_refused_when_the_contract_is_loaded(trino: Trino, pattern: str):
    with pytest.raises(Refused):
        trino.ask(f"SELECT regexp_like(text, {text_literal(pattern)}) FROM texts")
    assert problem_of(pattern)


def test_trino_knows_every_property_that_a_contract_may_name(trino: Trino):
    names = sorted(PROPERTIES)
    for start in range(0, len(names), 80):
        known = ", ".join(f"regexp_like('a', '\\p{{{name}}}')" for name in names[start : start + 80])
        assert len(trino.ask(f"SELECT {known}").rows) == 1
