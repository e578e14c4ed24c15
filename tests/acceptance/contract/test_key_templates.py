from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from acceptance.contract.keys.template import KeyTemplate
from acceptance.errors import UnroutableKey

MOVIES = KeyTemplate.parse("s3://landing/business/imdb/{business_date:%Y%m%d}/movies/{file}.csv")
DAY = date(2025, 1, 2)

NAMES = [
    "a b",
    "a+b",
    "100%",
    "é à ü",
    "千と千尋",
    "o'clock",
    '"x"',
    "x'; DROP TABLE t; --",
    "{key}",
    "a.csv",
    "%41",
    "\n",
]


def the_reason(template: KeyTemplate, key: str) -> str:
    with pytest.raises(UnroutableKey) as raised:
        template.read(key)
    return str(raised.value)


def test_a_key_tells_business_date_and_fields() -> None:
    assert MOVIES.read("business/imdb/20250102/movies/top 250.csv") == (DAY, {"file": "top 250"})


@pytest.mark.parametrize("name", NAMES)
def test_odd_characters_in_a_key_are_characters(name: str) -> None:
    key = MOVIES.write(DAY, {"file": name})
    assert key == f"business/imdb/20250102/movies/{name}.csv"
    assert MOVIES.read(key) == (DAY, {"file": name})


@given(
    day=st.dates(),
    provider=st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60),
    file=st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60),
)
def test_what_is_written_is_read_again(day: date, provider: str, file: str) -> None:
    template = KeyTemplate.parse("s3://landing/{provider}/ano={business_date:%Y}/{business_date:%m-%d}/{file}.csv")
    key = template.write(day, {"provider": provider, "file": file})
    assert template.read(key) == (day, {"provider": provider, "file": file})


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_any_key_is_read_or_has_a_reason(key: str) -> None:
    try:
        day, fields = MOVIES.read(key)
    except UnroutableKey as error:
        assert str(error)
    else:
        assert MOVIES.write(day, fields) == key


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("business/imdb/20250230/movies/a.csv", "the business date 2025-02-30 does not exist: day is out of range"),
        ("business/imdb/20251301/movies/a.csv", "the business date 2025-13-01 does not exist"),
        ("business/imdb/00000101/movies/a.csv", "the business date 0000-01-01 does not exist"),
        ("business/imdb/2025-01-02/movies/a.csv", "segment 3 is '2025-01-02', expected {business_date:%Y%m%d}"),
        ("business/imdb/٢٠٢٥٠١٠٢/movies/a.csv", "segment 3 is"),
        ("business/imdb/20250102/movie/a.csv", "segment 4 is 'movie', expected movies"),
        ("business/imdb/20250102/movies/a.csv.gz", "segment 5 is 'a.csv.gz', expected {file}.csv"),
        ("business/imdb/20250102/movies/.csv", "segment 5 is '.csv', expected {file}.csv"),
        ("business/imdb/20250102/movies/", "segment 5 is '', expected {file}.csv"),
        ("business/imdb/20250102", "the key has 3 segments, expected 5"),
        ("business/imdb/20250102/movies/a.csv/b", "the key has 6 segments, expected 5"),
        ("", "segment 1 is '', expected business"),
    ],
)
def test_a_key_that_does_not_fit_says_where(key: str, reason: str) -> None:
    assert the_reason(MOVIES, key).startswith(reason)


def test_a_field_that_stands_twice_has_one_value() -> None:
    template = KeyTemplate.parse("s3://landing/{region}/{business_date:%Y}/{region}-{business_date:%Y%m%d}.csv")
    assert template.read("br/2025/br-20250102.csv") == (DAY, {"region": "br"})
    assert the_reason(template, "br/2025/ar-20250102.csv") == "{region} is both 'br' and 'ar'"
    assert the_reason(template, "br/2024/br-20250102.csv") == "{business_date:%Y} is both '2024' and '2025'"


def test_the_first_of_two_fields_in_a_segment_takes_as_little_as_it_can() -> None:
    template = KeyTemplate.parse("s3://landing/{provider}_{file}_{business_date:%Y%m%d}.csv")
    assert template.read("imdb_top_250_20250102.csv") == (DAY, {"provider": "imdb", "file": "top_250"})


def test_values_that_would_be_read_differently_are_not_written() -> None:
    template = KeyTemplate.parse("s3://landing/{business_date:%Y%m%d}/{provider}_{file}.csv")
    with pytest.raises(UnroutableKey, match="would be read with other values of provider, file"):
        template.write(DAY, {"provider": "imdb_top", "file": "250"})


@pytest.mark.parametrize("fields", [{}, {"file": ""}])
def test_a_missing_value_is_named(fields: dict[str, str]) -> None:
    with pytest.raises(UnroutableKey, match="needs a value for file"):
        MOVIES.write(DAY, fields)


def test_a_slash_is_not_written_into_a_field() -> None:
    with pytest.raises(UnroutableKey, match=r"segment 5 is 'a', expected \{file\}\.csv"):
        MOVIES.write(DAY, {"file": "a/b"})


def test_a_key_is_not_longer_than_s3_allows() -> None:
    with pytest.raises(UnroutableKey, match="S3 allows 1,024"):
        MOVIES.write(DAY, {"file": "é" * 600})


def test_a_hostile_key_is_read_in_no_time() -> None:
    template = KeyTemplate.parse("s3://landing/{business_date:%Y%m%d}/{a}_{b}_{c}_{d}_{e}_{f}.csv")
    assert "segment 2" in the_reason(template, "20250102/" + "_" * 1000)  # backtracking would take years


@pytest.mark.parametrize(
    ("location", "prefix", "fields"),
    [
        ("s3://landing/business/imdb/{business_date:%Y%m%d}/movies/{file}.csv", "business/imdb/", ("file",)),
        ("s3://landing/business/imdb-{business_date:%Y%m%d}.csv", "business/", ()),
        ("s3://landing/{business_date}/{file}_{region}.csv", "", ("file", "region")),
        ("s3://landing/{{x}}/{business_date:%Y/%m/%d}/{file}", "{x}/", ("file",)),
    ],
)
def test_the_prefix_is_what_every_key_starts_with(location: str, prefix: str, fields: tuple[str, ...]) -> None:
    template = KeyTemplate.parse(location)
    assert (template.prefix, template.fields) == (prefix, fields)
    assert template.write(DAY, dict.fromkeys(fields, "x")).startswith(prefix)


def overlap(one: str, other: str) -> str | None:
    return KeyTemplate.parse("s3://landing/" + one).overlap(KeyTemplate.parse("s3://landing/" + other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{business_date:%Y%m%d}/{file}.csv", "{business_date:%Y%m%d}/{file}.csv"),
        ("imdb/{business_date:%Y%m%d}/{file}.csv", "{provider}/{business_date:%Y%m%d}/{file}"),
        ("{business_date:%Y%m%d}/{file}x.csv", "{business_date:%Y%m%d}/y{file}"),
        ("{business_date:%Y%m%d}/a_{file}.csv", "{day}/a_{business_date:%Y%m%d}.csv"),
        ("{business_date:%Y%m%d}/{x}.csv", "{x}0229/{business_date:%d%m%Y}.csv"),  # only in a leap year
        ("{business_date:%Y%m%d}/{x}/{x}.csv", "{business_date:%Y%m%d}/{y}/b.csv"),
        ("{business_date:%Y%m%d}/{x}/b{y}", "{business_date:%Y%m%d}/{x}/{x}"),
        ("y={business_date:%Y}/{business_date:%Y%m%d}.csv", "{x}2023/{business_date:%Y%m%d}.csv"),
        ("y={business_date:%Y}/m={business_date:%m}/d={business_date:%d}/{x}", "{a}/m=02/d=29/{business_date:%Y%m%d}"),
    ],
)
def test_templates_that_overlap_show_a_key_of_both(one: str, other: str) -> None:
    key = overlap(one, other)
    assert key is not None
    for pattern in (one, other):
        KeyTemplate.parse("s3://landing/" + pattern).read(key)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{business_date:%Y%m%d}/{file}.csv", "{business_date:%Y%m%d}/{file}.json"),
        ("{business_date:%Y%m%d}/{file}.csv", "{business_date:%Y-%m-%d}/{file}.csv"),
        ("{business_date:%Y%m%d}/{file}.csv", "{business_date:%Y%m%d}/{region}/{file}.csv"),
        ("{business_date:%Y%m%d}.csv", "{file}.csv/{business_date:%Y%m%d}"),
        ("{business_date:%Y%m%d}/{file}", "{file}0230/{business_date:%Y%m%d}"),
        ("{business_date:%Y%m%d}/{x}/{x}.csv", "{business_date:%Y%m%d}/a/b.csv"),
        ("y={business_date:%Y}/{business_date:%Y%m%d}.csv", "y=2023/2024{x}{business_date:%Y%m%d}.csv"),
    ],
)
def test_templates_that_cannot_overlap_show_no_key(one: str, other: str) -> None:
    assert overlap(one, other) is None
    assert overlap(other, one) is None


def test_templates_of_different_buckets_never_overlap() -> None:
    assert MOVIES.overlap(KeyTemplate.parse("s3://other/" + MOVIES.pattern)) is None


PIECES = st.sampled_from(["a", "b", "ab", "{p}", "{q}", "{p}a", "b{q}", "{p}a{q}", "a{p}b"])
SMALL = st.lists(PIECES, min_size=1, max_size=2).map("/".join)
TEXTS = [first + rest for first in ("a", "b") for rest in ("", "a", "b", "ab", "ba", "aa", "bb", "aab", "abb")]
SHORT_KEYS = [f"20250102/{text}" for text in TEXTS] + [f"20250102/{text}/{more}" for text in TEXTS for more in TEXTS]


def small(pattern: str) -> KeyTemplate:
    return KeyTemplate.parse("s3://landing/{business_date:%Y%m%d}/" + pattern)


def without_repeated_fields(pattern: str) -> str:
    numbers = iter("123456789")
    return "".join(character + next(numbers) if character in "pq" else character for character in pattern)


@settings(max_examples=100, deadline=None)
@given(one=SMALL.map(without_repeated_fields), other=SMALL.map(without_repeated_fields))
def test_overlap_agrees_with_trying_every_short_key(one: str, other: str) -> None:
    ours, theirs = small(one), small(other)
    assert (ours.overlap(theirs) is None) == (theirs.overlap(ours) is None)
    if any(accepts(ours, key) and accepts(theirs, key) for key in SHORT_KEYS):
        assert ours.overlap(theirs) is not None


@settings(max_examples=100, deadline=None)
@given(one=SMALL, other=SMALL)
@example(one="{p}/b{q}", other="{p}/{p}")
def test_an_example_of_an_overlap_is_accepted_by_both(one: str, other: str) -> None:
    key = small(one).overlap(small(other))
    assert key is None or (accepts(small(one), key) and accepts(small(other), key))


def accepts(template: KeyTemplate, key: str) -> bool:
    try:
        template.read(key)
    except UnroutableKey:
        return False
    return True


@pytest.mark.parametrize("name", [".", ".."])
def test_no_field_leads_to_another_folder(name: str) -> None:
    with pytest.raises(UnroutableKey, match="leads to another folder"):
        KeyTemplate.parse("s3://landing/{business_date:%Y%m%d}/{region}/{file}.csv").read(f"20250102/{name}/a.csv")


def test_no_key_holds_what_no_argument_of_a_pipeline_can_hold() -> None:
    with pytest.raises(UnroutableKey, match=r"a\\x00\.csv' holds a NUL"):
        KeyTemplate.parse("s3://landing/{business_date:%Y%m%d}/{file}.csv").read("20250102/a\0.csv")


@pytest.mark.parametrize(
    "pattern", ["x[/{region}]/{business_date:%Y%m%d}.csv", "[x/]{business_date:%Y%m%d}/{file}.csv"]
)
def test_a_part_in_brackets_is_refused_as_none_is_optional(pattern: str) -> None:
    with pytest.raises(ValueError, match="no part is optional; write two contracts"):
        KeyTemplate.parse(f"s3://landing/{pattern}")


def test_a_bracket_in_a_name_is_a_letter_of_the_key() -> None:
    template = KeyTemplate.parse("s3://landing/{business_date:%Y%m%d}/[final] {file}.csv")
    assert template.read("20250102/[final] a.csv") == (DAY, {"file": "a"})


def test_a_name_that_is_no_utf8_is_refused_by_its_escape() -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    with pytest.raises(UnroutableKey, match=r"caf.udce9.csv' is no UTF-8, which every key of S3 is; rename the file"):
        MOVIES.write(DAY, {"file": name})
