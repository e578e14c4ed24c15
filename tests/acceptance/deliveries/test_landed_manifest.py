"""What a sender can write in a manifest, and what is refused."""

import base64
import json
from dataclasses import replace

import pytest
from groups_seen import FOLDER, landed
from hypothesis import given
from hypothesis import strategies as st

from acceptance.deliveries.landed_manifest import MOST_BYTES, Entry, Unreadable, read_manifest

MANIFEST = landed("manifest.json")
MD5, SHA256 = bytes(range(16)), bytes(range(32))
A, B = Entry(FOLDER + "a.csv"), Entry(FOLDER + "b.csv")


def read(content: str | bytes | list | dict) -> tuple[Entry, ...] | Unreadable:
    if isinstance(content, list | dict):
        content = json.dumps(content)
    return read_manifest(content.encode() if isinstance(content, str) else content, MANIFEST)


def the_reason(content: str | bytes | list | dict) -> str:
    found = read(content)
    assert isinstance(found, Unreadable), found
    beginning = "the manifest s3://landing/shop/20250101/manifest.json is invalid: "
    assert found.reason.startswith(beginning)
    return found.reason.removeprefix(beginning)


@pytest.mark.parametrize(
    "content",
    [
        [A.key, B.key],
        ["a.csv", "s3://landing/shop/20250101/b.csv"],
        [{"key": A.key}, {"name": "b.csv", "rows": 3}],
        {"entries": [{"url": "s3://landing/shop/20250101/a.csv", "mandatory": True}, {"url": B.key}]},
        {"files": ["a.csv", "b.csv"], "total": 2},
        "a.csv\nb.csv",
        "\ufeffa.csv\r\n\r\nshop/20250101/b.csv\r\n",
        "  [\"a.csv\", \"b.csv\"]\n",
    ],
)  # fmt: skip
def test_a_manifest_lists_files(content) -> None:
    assert read(content) == (A, B)


def test_an_entry_says_what_the_file_must_be() -> None:
    content = [
        {"key": A.key, "size": 0, "etag": '"0cc175b9-2"', "md5": MD5.hex().upper(), "sha256": SHA256.hex()},
        {"key": B.key, "md5": base64.b64encode(MD5).decode(), "sha256": base64.b64encode(SHA256).decode()},
        {"key": "c.csv", "size": None, "etag": None, "md5": None},
    ]
    assert read(content) == (
        Entry(A.key, 0, "0cc175b9-2", MD5.hex(), SHA256.hex()),
        Entry(B.key, md5=MD5.hex(), sha256=SHA256.hex()),
        Entry(FOLDER + "c.csv"),
    )


@pytest.mark.parametrize("name", ["été 100%.csv", "a\u2028b.csv", " a .csv", "#1.csv", "a+b?.csv", "{x}.csv"])
def test_odd_characters_in_a_line_are_characters(name: str) -> None:
    assert read(f"b.csv\n{name}\n") == (B, Entry(FOLDER + name))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a.csv\n\xff", "the byte 0xFF at 6 is not UTF-8"),
        (b"x" * (MOST_BYTES + 1), "it has 5,000,001 bytes; at most 5,000,000 are allowed"),
        ("", "it lists no file"),
        ("\n \n", "it lists no file"),
        ([], "it lists no file"),
        ("[", "it begins like JSON but is not valid JSON"),
        ("[" * 100_000, "it begins like JSON but is not valid JSON"),
        ('[{"key": "a", "size": ' + "9" * 5000 + "}]", "it begins like JSON but is not valid JSON"),
        ({"keys": ["a.csv"]}, "its object holds 'keys'; it must hold exactly one of entries, files"),
        ({}, "its object holds 'nothing'"),
        ({"entries": [], "files": []}, "its object holds 'entries and files'"),
        ({"files": {"a.csv": 1}}, "it holds an object instead of a list of files"),
        ({"files": 7}, "it holds 7 instead of a list of files"),
        (["a.csv", 7], "entry 2 is 7; allowed: a key, or an object with one of key, url, name"),
        ([["a.csv"]], "entry 1 is a list"),
        ([{"path": "a.csv"}], "entry 1 names nothing; it must have a text as one of key, url, name"),
        ([{"key": 7}], "entry 1 names 7"),
        ([{"key": "a", "size": "10"}], "the size of entry 1 is '10'; it must be a whole number of bytes"),
        ([{"key": "a", "size": True}], "the size of entry 1 is True"),
        ([{"key": "a", "size": -1}], "the size of entry 1 is -1"),
        ([{"key": "a", "size": 1.5}], "the size of entry 1 is 1.5"),
        ([{"key": "a", "etag": 7}], "the etag of entry 1 is 7; it must be a text"),
        ([{"key": "a", "etag": '""'}], "the etag of entry 1 is"),
        ([{"key": "a", "md5": "abc"}], "the md5 of entry 1 is 'abc'; it must be 16 bytes in hexadecimal or base64"),
        ([{"key": "a", "sha256": MD5.hex()}], "the sha256 of entry 1 is"),
        ([{"key": "a", "sha256": "é" * 44}], "the sha256 of entry 1 is"),
        (["s3://attic/a.csv"], "entry 1 is 's3://attic/a.csv'; only files of the bucket landing are allowed"),
        (["https://landing/a.csv"], "allowed: a key, s3://bucket/key, a name in the same folder"),
        ('["\\ud800.csv"]', "entry 1 is '\\ud800.csv', which is not valid UTF-8"),
        (["a.csv", "shop/20250101/a.csv"], "it lists 'shop/20250101/a.csv' twice"),
        ("a.csv\na.csv", "it lists 'shop/20250101/a.csv' twice"),
        ("a.csv\nhttp://x/b", "line 2 is 'http://x/b'"),
    ],
)
def test_a_manifest_cannot_be(content, reason: str) -> None:
    assert reason in the_reason(content)


def test_what_is_shown_of_a_manifest_is_short() -> None:
    assert len(the_reason(["a.csv", "http://" + "x" * 100_000])) < 500


def test_a_name_is_of_the_folder_of_the_manifest_also_at_the_root_of_a_bucket() -> None:
    assert read_manifest(b"a.csv", replace(MANIFEST, key="manifest.txt")) == (Entry("a.csv"),)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
def test_any_bytes_are_read_or_have_a_reason(content: bytes) -> None:
    found = read_manifest(content, MANIFEST)
    assert found.reason if isinstance(found, Unreadable) else found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["key", "url", "size", "etag", "md5", "entries", "files"]), inner, max_size=3)
    ),
)


@given(JSON)
def test_any_json_is_read_or_has_a_reason(document) -> None:
    found = read_manifest(json.dumps(document).encode(), MANIFEST)
    assert found.reason if isinstance(found, Unreadable) else found
