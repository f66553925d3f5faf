"""Word tokens in the manner of the Penn Treebank, for lower-case text: punctuation and clitics stand alone."""

from __future__ import annotations

import re

_PATTERNS = (
    (r"``|''|\"", ' " '),
    (r"\.{3}", " ... "),
    (r"([:,])(?!\d)", r" \1 "),
    (r"([;@#$%&?!\[\](){}<>])", r" \1 "),
    (r"--", " -- "),
)
_RULES = tuple((re.compile(pattern), replacement) for pattern, replacement in _PATTERNS)
_LAST_STOP = re.compile(r"(?<=[^.])(?<!\b[a-z]\.[a-z])\.(?=[\])}>'\s\"]*\Z)")
_CLITICS = (
    (re.compile(r"(?<=[^'])'(?= )"), " ' "),
    (re.compile(r"'([smd])(?= )"), r" '\1 "),
    (re.compile(r"('ll|'re|'ve|n't)(?= )"), r" \1 "),
)
_CONTRACTIONS = re.compile(
    r"(?<!\w)(?:(can)(not)|(d)('ye)|(gim)(me)|(gon)(na)|(got)(ta)|(lem)(me)|(more)('n)|(wan)(na)(?= )"
    r"|('t)(is|was))(?!\w)"
)


def treebank_tokens(text: str) -> list[str]:
    """Split lower-case text. A full stop stands alone at the very end only; double quotation marks are one token."""
    text = " ".join(text.split())
    text = _LAST_STOP.sub(" . ", text)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    text = f" {text} "
    for pattern, replacement in _CLITICS:
        text = pattern.sub(replacement, text)
    text = _CONTRACTIONS.sub(lambda match: " ".join(part for part in match.groups() if part), text)
    return text.split()
