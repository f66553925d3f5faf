"""Says of a piece of text, quickly, that it holds no shape of a kind; whatever else it says must be looked at closely.

The patterns run in the linear-time engine that the JSON Schema validator brings along: it jumps from one literal to
the next, several times as fast as a search for each shape in bytes, and cannot be slowed down by what it reads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import jsonschema_rs


class Sieve:
    """Patterns of which one occurs wherever a close search would find something; where none does, it need not run."""

    def __init__(self, *patterns: str) -> None:
        self._patterns = patterns

    @cached_property
    def _occurs(self) -> list[Callable[[str], bool]]:
        # Apart, each pattern keeps the literals by which it is found; joined, they would be tried at every byte.
        options = jsonschema_rs.RegexOptions()
        return [
            jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=options).is_valid
            for pattern in self._patterns
        ]

    def holds(self, data: bytes) -> bool:
        """Return whether some pattern occurs, or the bytes are no UTF-8 and so cannot be searched."""
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            return True
        return any(occurs(text) for occurs in self._occurs)
