"""The words of a text as the index has them, and as measures of overlap count them."""

from __future__ import annotations

import unicodedata

import regex

_WORDS = regex.compile(r"\w+")
_ASCII = "".join(char.lower() if char.isalnum() or char == "_" else " " for char in map(chr, range(128)))
"""What `words` does to ASCII, as a translation: four times as fast as the pattern."""


def words(text: str) -> list[str]:
    """Return the runs of Unicode word characters of a text, in compatibility form (NFKC) and case folded."""
    if text.isascii():
        return text.translate(_ASCII).split()
    found: list[str] = _WORDS.findall(unicodedata.normalize("NFKC", text).casefold())
    return found
