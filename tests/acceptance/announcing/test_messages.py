"""What people are told holds other people's texts, and these are nothing but text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptance.announcing.messages import LONGEST, message, plain

HOSTILE = {
    "a link of Slack": ("<https://evil.example|click here>", "‹https∶//evil.example¦click here›"),
    "everybody in Slack": ("<!channel>", "‹!channel›"),
    "everybody in Discord": ("@everyone", "＠everyone"),
    "a link of Markdown": ("[click](https://evil.example)", "⁅click⁆(https∶//evil.example)"),
    "an image of Markdown": ("![x](data://p)", "!⁅x⁆(data∶//p)"),
    "an element of HTML": ("<img src=x onerror=alert(1)>", "‹img src=x onerror=alert(1)›"),
    "an entity of HTML": ("&lt;b&gt;", "＆lt;b＆gt;"),
    "an address without a scheme": ("see www.evil.example", "see www．evil.example"),
    "a mail address": ("mailto:a@b", "mailto∶a＠b"),
    "emphasis": ("*bold* _slanted_ ~gone~ `code`", "∗bold∗ ˍslantedˍ ∼gone∼ ˋcodeˋ"),
    "a heading": ("# Urgent", "Urgent"),
    "lines": ("one\r\n\r\n- Verdict: accepted\u2028two", "one␍␊␍␊- Verdict: accepted⟨U+2028⟩two"),
    "text that turns round": ("fdp.\u202eexe", "fdp.⟨U+202E⟩exe"),
    "a template": ("{{ secrets }} {% x %}", "{ { secrets }} { % x %}"),
}


@pytest.mark.parametrize(("text", "shown"), HOSTILE.values(), ids=HOSTILE.keys())
def test_markup_is_shown_as_text(text, shown):
    assert plain(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "year_range: expected 0 rows, observed 3 rows",
        "no object below s3://sor/movies_table/anomesdia=20260102/",
        "São Paulo (2) #1, 5 % a.b-c_d; 'x' \"y\"",
    ],
)
def test_what_is_no_markup_stays_as_it_is(text):
    assert plain(text) == text


@given(st.text(max_size=2000))
def test_any_text_becomes_one_short_line_without_markup_and_stays_as_it_became(text):
    shown = plain(text)
    assert len(shown) <= LONGEST
    assert not set(shown) & set("<>[]`*~|@\\&\n\r\x00\u202e")
    assert plain(shown) == shown


def test_a_message_is_a_list_of_facts_without_those_that_are_empty_and_our_links_stay_whole():
    long = "x" * 2000
    told = message("a\nb", [("Key", long), ("Nothing", "")], {"Run": "http://127.0.0.1:4200/runs/1", "Evidence": ""})
    assert told["subject"] == "a␊b"
    assert told["body"] == f"- Key: {'x' * (LONGEST - 1)}…\n- Run: http://127.0.0.1:4200/runs/1"
