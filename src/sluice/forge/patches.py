"""Which lines of a file a patch adds or changes."""

from __future__ import annotations

import re
from collections.abc import Iterator

_HUNK = re.compile(r"@@ -\d{1,9}(?:,\d{1,9})? \+(\d{1,9})(?:,(\d{1,9}))? @@")

Lines = tuple[int, int]
"""First and last line, counted from 1 in the new file."""


def changed_lines(patch: str) -> list[Lines]:
    """Return the runs of added lines in a unified diff of one file; where lines only went, a line beside them."""
    runs: list[Lines] = []
    for number in sorted(set(_touched(patch))):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _touched(patch: str) -> Iterator[int]:
    """Yield the line of each change; what stands before the first hunk names files, not lines."""
    line, empty, removed, inside = 0, True, False, False
    for text in [*patch.split("\n"), "@@ -0 +0 @@"]:
        hunk = _HUNK.match(text)
        if hunk:
            if removed:
                # Nothing of the new file follows in this hunk: the line before tells where the others stood.
                yield max(1, line if empty else line - 1)
            line, empty, removed, inside = int(hunk.group(1)), hunk.group(2) == "0", False, True
        elif not inside:
            continue
        elif text.startswith("-"):
            removed = True
        elif text.startswith(("+", " ")):
            if removed or text.startswith("+"):
                yield line
            line, removed = line + 1, False
