"""A text that grows piece by piece and never exceeds its size; what did not fit is counted by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def size(text: str) -> int:
    """Return the length of a text in UTF-8 bytes, which is never less than its length in characters."""
    return len(text.encode("utf-8"))


class Page:
    """Blocks of Markdown, one blank line between them, within `budget` bytes less what is reserved."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._used = 0
        self._reserved = 0
        self._blocks: list[str] = []
        self.left_out: Counter[str] = Counter()

    @property
    def room(self) -> int:
        """How many bytes another block may take now."""
        return self._budget - self._used - self._reserved - 2

    def reserve(self, bytes_: int) -> None:
        """Keep room for blocks that come later."""
        self._reserved += bytes_

    def release(self, bytes_: int) -> None:
        """Give reserved room back, to use it."""
        self._reserved -= bytes_

    def add(self, block: str, kind: str = "") -> bool:
        """Append a block where it fits; else count one more `kind` as left out."""
        if not block:
            return True
        if size(block) > self.room:
            if kind:
                self.left_out[kind] += 1
            return False
        self._blocks.append(block)
        self._used += size(block) + 2
        return True

    def text(self) -> str:
        """Return the blocks as one text that ends with a line feed."""
        return "\n\n".join(self._blocks) + "\n"


def fitting(items: Sequence[Item], tell: Callable[[Item], str], room: int, separator: str = "\n\n") -> list[str]:
    """Return the texts of the first items, as many as fit into `room` bytes with separators between them."""
    texts: list[str] = []
    for item in items:
        text = tell(item)
        room -= size(text) + size(separator)
        if room < 0:
            break
        texts.append(text)
    return texts
