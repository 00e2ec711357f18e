"""Text that somebody else wrote, made harmless to store and to show: it stays text, it stays where it is printed."""

from __future__ import annotations

import re
import unicodedata

ELLIPSIS = "…"
INPUT_FACTOR = 4  # of an over-long text, at most this many times the limit is looked at
INPUT_MARGIN = 1_000
REPLACEMENT = "\ufffd"

# Terminal control: CSI (colours, cursor), OSC/DCS strings that are closed, and two-character escapes.
_ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_UNSAFE = re.compile(
    "(?P<bidi>[\u202a-\u202e\u2066-\u2069])"  # embeddings, overrides, isolates: they reorder what is around them
    "|(?P<broken>[\ud800-\udfff\ufffe\uffff])"  # lone surrogates and noncharacters: not valid in UTF-8 or in HTML
    "|[\x00-\x08\x0e-\x1f\x7f-\x9f]"  # control characters
    "|[\u200b\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"  # invisible: zero width, tags
)
_STACKED = re.compile("([\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})[\u0300-\u036f"
                      "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")  # fmt: skip


def clean_text(text: str, limit: int) -> str:
    r"""Return ``text`` as plain characters, its beginning kept when it is longer than ``limit``.

    Args:
        text: anything, such as a message of an exception that a student's code raised.
        limit: the largest number of characters to return.

    Returns:
        At most ``limit`` characters that encode to UTF-8. Line ends are ``\n``; terminal sequences, other control
        characters and invisible characters are gone; lone surrogates are U+FFFD; characters that change the direction
        of the text around them are written out, as in ``⟨U+202E⟩``. A text that was cut ends with an ellipsis.

    Example:
        >>> clean_text("\x1b[31mred\x1b[0m\x00 \u202eevil", 80)
        'red ⟨U+202E⟩evil'
        >>> clean_text("abcdef", 4)
        'abc…'
    """
    head = text[: limit * INPUT_FACTOR + INPUT_MARGIN]
    cleaned = plain(head)
    if len(cleaned) <= limit and len(head) == len(text):
        return cleaned
    return (cleaned[: limit - 1] + ELLIPSIS)[:limit] if limit > 0 else ""


def clean_tail(text: str, limit: int) -> str:
    """Return ``text`` as :func:`clean_text` does, but its end kept, after an ellipsis, when it is too long.

    Example:
        >>> clean_tail("abcdef", 4)
        '…def'
    """
    tail = text[-(limit * INPUT_FACTOR + INPUT_MARGIN) :]
    cleaned = plain(tail)
    if len(cleaned) <= limit and len(tail) == len(text):
        return cleaned
    if limit <= 0:
        return ""
    return ELLIPSIS + cleaned[len(cleaned) - min(len(cleaned), limit - 1) :]


def plain(text: str) -> str:
    """Return ``text`` as :func:`clean_text` does, whole."""
    if text.isascii() and text.isprintable():
        return text
    text = _LINE_ENDS.sub("\n", _ANSI.sub("", text))
    return _STACKED.sub(r"\1", _UNSAFE.sub(_neutral, text))


def is_word_part(character: str) -> bool:
    """Return whether a character is a letter, a digit or a mark that belongs to one, in any script."""
    return character.isalnum() or unicodedata.category(character) in ("Mn", "Mc")


def _neutral(match: re.Match[str]) -> str:
    if match["bidi"]:
        return f"⟨U+{ord(match['bidi']):04X}⟩"
    return REPLACEMENT if match["broken"] else ""
