"""A text in another encoding than its contract says is told, with its line and what to write."""

import pytest
from landed_contract import column, contract

from acceptance.proof.comparison_options import comparison_options
from landed.file import read_landed, rows_of_buckets


@pytest.fixture
def said(tmp_path):
    def said(content, encoding="UTF-8", **facts):
        path = tmp_path / "landed"
        path.write_bytes(content)
        of = contract(column("id", "bigint"), column("city", "string"), encoding=encoding, **facts)
        return "\n".join(map(str, read_landed(path, of, tmp_path).faults))

    return said


@pytest.mark.parametrize("encoding", ["cp1252", "ISO-8859-1", "ISO-8859-15", "cp850", "cp1251", "ascii"])
@pytest.mark.parametrize("city", ["S\u00e3o Paulo", "\u041c\u043e\u0441\u043a\u0432\u0430", "\u20ac", "\U0001f600"])
def test_utf_8_under_another_encoding_is_told_with_the_line_of_its_first_character(said, encoding, city):
    fault = said(f"id,city\n1,a\n2,{city}\n3,b\n".encode(), encoding)
    assert fault.startswith(f"line 3: the file looks like UTF-8, and the contract says {encoding}: ")
    assert "write `encoding: UTF-8` for the landing server" in fault
    assert "looks like UTF-8" in said(f'{{"id": 1, "city": "{city}"}}\n'.encode(), encoding, format="json")


def test_a_contract_that_is_certain_of_its_encoding_has_the_strange_characters(said, tmp_path):
    content = "id,city\n1,\u00c3\u00a3\n".encode("cp1252")
    assert "say `certainEncoding: true` beside the encoding" in said(content, "cp1252")
    assert said(content, "cp1252", certain_encoding=True) == ""
    of = contract(column("id", "bigint"), column("city", "string"), encoding="cp1252", certain_encoding=True)
    assert list(rows_of_buckets(tmp_path / "landed", of, tmp_path, 1, {0})) == [(0, ("1", "\u00c3\u00a3"))]
    assert comparison_options(of)["encoding"] == "cp1252, even if all bytes are UTF-8"
    assert "(81) is not valid in the contract's encoding" in said(b"id,city\n1,\x81\n", "cp1252", certain_encoding=True)


def test_its_first_character_may_be_far_behind_and_cut_by_a_chunk(said):
    rows = b"".join(b"%d,plain\n" % number for number in range(130_000))
    at = 1024 * 1024 - len("id,city\n")
    before = rows[:at][: rows[:at].rfind(b"\n") + 1]
    pad = b"x" * (at - len(before) - 3)
    content = b"id,city\n" + before + b"1," + pad + "\u00e3\n".encode() + rows
    assert content[1024 * 1024 - 1 : 1024 * 1024 + 1] == "\u00e3".encode()
    line = before.count(b"\n") + 2
    assert said(content, "cp1252").startswith(f"line {line}: the file looks like UTF-8")


@pytest.mark.parametrize(
    "city",
    ["S\u00e3o Paulo", "CAF\u00c9\u00bb", "CAF\u00c9\u2014", "\u00c3\u00a3 and S\u00e3o", "plain", "\u00c9\u2026"],
)
def test_a_text_of_the_declared_encoding_is_no_utf_8(said, city):
    assert said(f"id,city\n1,{city}\n".encode("cp1252"), "cp1252") == ""


@pytest.mark.parametrize(
    ("written", "declared", "named"),
    [
        ("utf-8-sig", "cp1252", "UTF-8"),
        ("utf-8-sig", "ISO-8859-1", "UTF-8"),
        ("utf-8-sig", "UTF-16", "UTF-8"),
        ("utf-16", "UTF-8", "UTF-16"),
        ("utf-16", "cp1252", "UTF-16"),
        ("utf-32", "UTF-8", "UTF-32"),
    ],
)
def test_the_byte_order_mark_of_another_encoding_is_called_by_its_name(said, written, declared, named):
    fault = said("id,city\n1,a\n".encode(written), declared)
    assert fault == (
        f"line 1: the file begins with the byte order mark of {named}, and the contract says {declared}; write "
        f"`encoding: {named}` for the landing server, or land the file in {declared}"
    )


@pytest.mark.parametrize("declared", ["UTF-8", "cp1252"])
@pytest.mark.parametrize("written", ["UTF-16-LE", "UTF-16-BE"])
def test_utf_16_without_a_mark_is_recognised_by_its_zeros(said, written, declared):
    fault = said("id,city\n1,S\u00e3o Paulo\n".encode(written), declared)
    assert fault.startswith(f"line 1: the file looks like {written}: every second byte is zero")


@pytest.mark.parametrize(
    ("written", "mark"), [("utf-8-sig", "UTF-8"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16-LE")]
)
def test_a_mark_of_the_declared_encoding_is_no_fault(said, written, mark):
    assert said("id,city\n1,S\u00e3o Paulo\n".encode(written), mark) == ""


@pytest.mark.parametrize("written", ["cp1252", "cp850"])
def test_a_byte_that_is_no_utf_8_is_told_with_the_encoding_that_it_looks_like(said, written):
    fault = said("id,city\n1,a\n2,S\u00e3o Lu\u00eds e Para\u00edba\n".encode(written))
    assert fault.startswith("line 3: byte ")
    assert fault.endswith(f"; the bytes there look like {written}")
