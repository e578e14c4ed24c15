"""A text that somebody else wrote is shown so that nothing in it is invisible, and it ends."""

import json
import unicodedata
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptance.untrusted_text import LONGEST_LINE, json_escaped, one_line, several_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b\x1b[2J\x7f\x9b", "a␀b␛[2J␡⟨U+009B⟩"),
        ("one\r\ntwo\u0085three\u2028four", "one␍␊two⟨U+0085⟩three⟨U+2028⟩four"),
        ("fdp.\u202eexe\u2066\u061c", "fdp.⟨U+202E⟩exe⟨U+2066⟩⟨U+061C⟩"),
        ("\ufeffa\u200bb\u00adc\u2060", "⟨U+FEFF⟩a⟨U+200B⟩b⟨U+00AD⟩c⟨U+2060⟩"),
        ("\u115f\u1160\u3164\uffa0\u2800", "⟨U+115F⟩⟨U+1160⟩⟨U+3164⟩⟨U+FFA0⟩⟨U+2800⟩"),
        ("\U000e0001\U000e0041\ufe0f\U000e0100\u180b\u034f",
         "⟨U+E0001⟩⟨U+E0041⟩⟨U+FE0F⟩⟨U+E0100⟩⟨U+180B⟩⟨U+034F⟩"),
        ("\ud800\ufffe\U0001ffff\ue000", "⟨U+D800⟩⟨U+FFFE⟩⟨U+1FFFF⟩⟨U+E000⟩"),
        ("a\u00a0b\u3000", "a⟨U+00A0⟩b⟨U+3000⟩"),
        ("ação, שלום, 日本語 😀 <b>&'\"`", "ação, שלום, 日本語 😀 <b>&'\"`"),
    ],
)  # fmt: skip
def test_a_sign_stands_for_what_cannot_be_seen_and_what_can_stays(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_several_lines_keep_their_line_feeds_and_tabs_and_nothing_else() -> None:
    assert several_lines("tab\tone\r\ntwo\rthree\x0b") == "tab\tone\ntwo␍three␋"


def test_a_long_text_is_cut() -> None:
    assert one_line("x" * 100_000) == "x" * (LONGEST_LINE - 1) + "…"
    assert several_lines("\x1b\n" * 50, at_most=10) == "␛\n␛\n␛\n␛\n␛…"
    assert one_line("\u202e" * 10**6, at_most=30) == "⟨U+202E⟩⟨U+202E⟩⟨U+202E⟩⟨U+20…"


@given(st.text(st.characters()))
def test_whatever_the_text_its_line_is_visible_legal_in_xml_and_stays_as_it_is(text: str) -> None:
    shown = one_line(text)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert ET.fromstring(f"<t>{shown.replace('&', '').replace('<', '')}</t>") is not None
    assert one_line(shown) == shown


@given(st.text(st.characters()))
def test_json_is_the_same_document_with_its_invisible_characters_escaped(text: str) -> None:
    escaped = json_escaped(json.dumps({"key": text}, indent=2, ensure_ascii=False))
    assert json.loads(escaped) == {"key": text}
    assert one_line(escaped.replace("\n", "")) == escaped.replace("\n", "")
