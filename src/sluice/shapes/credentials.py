"""Finds credentials by their shape in raw bytes. Long unbroken runs are located first; only they meet a regex.

Where `SECRETS` finds nothing, neither does the search.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Iterator

from sluice.shapes.sieve import Sieve

_RUN_LENGTH = 20
_RUN_BYTES = (string.ascii_letters + string.digits + "_-").encode()
_RUNS = bytes(ord("a") if byte in _RUN_BYTES else ord(" ") for byte in range(256))
_NEEDLE = b"a" * _RUN_LENGTH

_SHAPES: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("an AWS access key id", re.compile(rb"(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])(?<!EXAMPLE)")),
    ("a GitHub token", re.compile(rb"gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,}")),
    ("a GitLab token", re.compile(rb"glpat-[A-Za-z0-9_-]{20}")),
    ("a Hugging Face token", re.compile(rb"hf_[A-Za-z0-9]{30,}")),
    ("a Slack token", re.compile(rb"xox[abeoprs]-[A-Za-z0-9-]{16,}")),
    ("a Google API key", re.compile(rb"AIza[A-Za-z0-9_-]{35}")),
    ("a Stripe key", re.compile(rb"[sr]k_live_[A-Za-z0-9]{16,}")),
    ("a key of a model provider", re.compile(rb"sk-(?:[a-z]+-)*(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{24,}")),
    ("an npm token", re.compile(rb"npm_[A-Za-z0-9]{36}")),
)
_JWT = re.compile(rb"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}")
_ASSIGNED = re.compile(
    rb"(?:api[_-]?key|secret(?:[_-]?key)?|access[_-]?key|auth[_-]?token|access[_-]?token|token|passw(?:or)?d)"
    rb"[\\\"']{0,2}\s*[:=]\s*(?:Bearer\s+)?[\\\"']{0,2}\Z",
    re.IGNORECASE,
)
_PRIVATE_KEY = b"PRIVATE KEY-----"
_IN_URL = re.compile(rb"[A-Za-z0-9._%+-]{1,64}:(?![{<$*%])([^\s/@:\"'\\{}<>]{6,100})@[A-Za-z0-9]")
_LEAST_BITS = 3.5

SECRETS = Sieve(
    r"(?:AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|hf_|xox[a-z]-|AIza|k_live_|sk-|npm_|eyJ)[A-Za-z0-9_-]{10}",
    r"(?i:key|token|secret|passwo?r?d)[\\\"']{0,2}[ \t\n\r\f\v]*[:=][ \t\n\r\f\v]*(?:(?i:bearer)[ \t\n\r\f\v]+)?"
    r"[\\\"']{0,2}[A-Za-z0-9_-]{20}",
    r"PRIVATE KEY-----",
    r"://[A-Za-z0-9._%+-]+:[^ \t\n\r\f\v/@:]+@",
)


def find_secrets(data: bytes) -> Iterator[tuple[int, str]]:
    """Yield (offset, kind) of what looks like a credential; never the credential itself."""
    yield from _runs(data)
    for position in _occurrences(data, _PRIVATE_KEY):
        if b"-----BEGIN" in data[max(0, position - 40) : position]:
            yield position, "a private key"
    for position in _occurrences(data, b"://"):
        if _IN_URL.match(data, position + 3):
            yield position + 3, "a password in a URL"


def _runs(data: bytes) -> Iterator[tuple[int, str]]:
    mask = data.translate(_RUNS)
    position = mask.find(_NEEDLE)
    while position >= 0:
        end = mask.find(b" ", position)
        end = len(data) if end < 0 else end
        # In JSON a line feed before a key is written \n, and its n joins the run.
        start = position + (data[position - 1 : position] == b"\\")
        kind = _kind(data, start, end)
        if kind:
            yield start, kind
        position = mask.find(_NEEDLE, end)


def _kind(data: bytes, start: int, end: int) -> str | None:
    run = data[start:end]
    for name, shape in _SHAPES:
        if shape.match(run):
            return name
    if run.startswith(b"eyJ") and _JWT.match(data, start):
        return "a JSON web token"
    if _ASSIGNED.search(data, max(0, start - 40), start) and _random(run):
        return "a credential"
    return None


def _random(run: bytes) -> bool:
    """Say whether a run mixes letters and digits as keys do and words do not (Shannon entropy per character)."""
    text = run.decode("ascii")
    if not (any(map(str.isdigit, text)) and any(map(str.isalpha, text))):
        return False
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts) >= _LEAST_BITS


def _occurrences(data: bytes, needle: bytes) -> Iterator[int]:
    position = data.find(needle)
    while position >= 0:
        yield position
        position = data.find(needle, position + len(needle))
