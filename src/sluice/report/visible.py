"""Text that others wrote, made harmless for any screen: what is invisible or commands a terminal becomes visible."""

from __future__ import annotations

import re
import unicodedata

TAB = "    "
_JOINERS = "\u200c\u200d"
"""Zero-width joiners shape scripts and emoji; they carry no direction and no command."""
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SUSPECT = re.compile(r"[^\x20-\x7e\n]")
_BLANKS = re.compile(r"\s+")


def visible(text: str) -> str:
    r"""Return the text with every control, format and surrogate character as an escape such as `\x1b`.

    Line feeds stay, carriage returns before them go, tabs become blanks. This covers ANSI sequences, C0 and C1
    controls, bidirectional overrides, invisible tags and lone surrogates.
    """
    return _SUSPECT.sub(_escaped, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Return `visible` text on one line, each run of blanks and line ends as a single blank."""
    return _BLANKS.sub(" ", visible(text)).strip()


def escaped_line(text: str) -> str:
    r"""Return `visible` text on one line, with blanks as they are and line feeds as `\n`: it names a place exactly."""
    return visible(text).replace("\n", "\\n")


def clipped(text: str, limit: int) -> str:
    """Return the text cut to at most `limit` characters, the last one an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: max(0, limit - 1)].rstrip() + "\u2026"


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    if character == "\t":
        return TAB
    if character in _JOINERS or unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
