"""Text from others stays text: no control, no reordering, valid UTF-8, at most the limit."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.reports.text import ELLIPSIS, clean_tail, clean_text, plain

any_text = st.text(st.characters(), max_size=200) | st.text(
    st.sampled_from("\x1b[0m31;]P\\\x07\x9b\x00\r\n\t\ud800\u202e\u2066\u200b\ufeff\u0301ab "), max_size=80
)
REORDERING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@given(any_text, st.integers(0, 60))
def test_cleaned_text_is_plain_and_within_the_limit(text: str, limit: int) -> None:
    for cleaned in (clean_text(text, limit), clean_tail(text, limit)):
        assert len(cleaned) <= limit
        cleaned.encode("utf-8")
        assert not any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in cleaned)
        assert not any(c in REORDERING for c in cleaned)


@given(any_text, st.integers(0, 60))
def test_cleaning_twice_changes_nothing(text: str, limit: int) -> None:
    once, tail = clean_text(text, limit), clean_tail(text, limit)
    assert clean_text(once, limit) == once
    assert clean_tail(tail, limit) == tail


@given(st.text("abcdefghijklmnopqrstuvwxyzäöü ?!<>&\n", max_size=60))
def test_ordinary_text_is_kept(text: str) -> None:
    assert clean_text(text, 60) == text
    assert clean_tail(text, 60) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07rest", "rest"),
        ("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]never closed", "never closed"),
        ("\x9b1mbold", "bold"),
        ("a\x00b\x08c\x7f", "abc"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("\ud83d alone", "\ufffd alone"),
        ("\u202egpj.exe", "⟨U+202E⟩gpj.exe"),
        ("zero\u200bwidth\ufeff\U000e0041", "zerowidth"),
        ("tab\tstays\n", "tab\tstays\n"),
        ("שלום مرحبا \u200dज\u094d\u200dञ", "שלום مرحبا \u200dज\u094d\u200dञ"),
        ("e\u0301", "e\u0301"),
        ("Z" + 50 * "\u0301", "Z" + 4 * "\u0301"),
    ],
)
def test_what_becomes_of_special_characters(text: str, expected: str) -> None:
    assert plain(text) == expected


def test_a_hundred_kilobytes_without_a_space_are_capped() -> None:
    assert clean_text("A" * 100_000, 2_000) == "A" * 1_999 + ELLIPSIS
    assert clean_tail("A" * 100_000, 2_000) == ELLIPSIS + "A" * 1_999


def test_a_text_of_control_characters_is_known_to_be_cut() -> None:
    assert clean_text("\x00" * 100_000 + "end", 10) == ELLIPSIS
