r"""Words and n-grams, with the white space that JavaScript's `\s` knows (promptfoo's measures are defined on it)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

BLANKS = "\t\n\x0b\x0c\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_WORD = re.compile(f"[^{BLANKS}]+")


def words(text: str) -> list[str]:
    """Return the runs without white space, in order."""
    return _WORD.findall(text)


def ngrams(tokens: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    """Return how often each run of `order` tokens occurs."""
    return Counter(zip(*(tokens[start:] for start in range(order)), strict=False))


def overlap(found: Counter[tuple[str, ...]], wanted: Counter[tuple[str, ...]]) -> int:
    """Return the clipped number of common n-grams (Papineni et al. 2002, section 2.1)."""
    return sum((found & wanted).values())
