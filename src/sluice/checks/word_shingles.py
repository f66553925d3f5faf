"""What makes two texts alike: the words that remain of them, and the triples in which the words follow one another."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any

SIMILAR = 0.8
_WORD = re.compile(r"\w+")
_END = "\0"
_WORD_CHARACTERS = string.ascii_letters + string.digits + "_" + _END
_ASCII = "".join(chr(code).lower() if chr(code) in _WORD_CHARACTERS else " " for code in range(128))


def normalised(value: Any) -> str:
    """Return the words of a value, lower case in Unicode's compatibility form, joined by one blank."""
    text = value if type(value) is str else " ".join(_leaves(value))
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(_WORD.findall(text.lower()))


def normalised_all(values: list[Any]) -> list[str]:
    """Return what `normalised` does of each value; ASCII texts are cut into words all at once."""
    if set(map(type, values)) == {str}:
        joined = _END.join(values)
        if joined.isascii() and joined.count(_END) == len(values) - 1:
            return [" ".join(text.split()) for text in joined.translate(_ASCII).split(_END)]
    return list(map(normalised, values))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name in sorted(value):
            yield from _leaves(value[name])
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield str(value)


def near(left: Sequence[str], right: Sequence[str]) -> bool:
    """Return whether every field is equal or nearly so."""
    return all(one == other or jaccard(one, other) >= SIMILAR for one, other in zip(left, right, strict=True))


def jaccard(left: str, right: str) -> float:
    """Return the Jaccard similarity of the word 3-shingles of two normalised texts."""
    one, other = set(_of_text(left)), set(_of_text(right))
    return len(one & other) / len(one | other) if one or other else 1.0


def _of_text(text: str) -> Iterator[tuple[str, ...]]:
    words = text.split(" ")
    return zip(words, words[1:], words[2:]) if len(words) > 2 else iter((tuple(words),))  # noqa: B905


def hashes_of(field: int, text: str) -> Iterator[int]:
    """Return the hashes of a normalised text's shingles, each marked with its field: n - 2 of n words, at least one.

    An empty text has none.
    """
    words = text.split(" ")
    if len(words) > 2:
        return map(hash, zip(repeat(field), words, words[1:], words[2:]))
    return iter([hash((field, text))] if text else [])
