"""`$ref` in a promptfoo configuration: a place of the same file (`#/a/b`), or a plain file of the repository."""

from __future__ import annotations

from typing import Any

from sluice.interchange.promptfoo.sources import Sources
from sluice.interchange.promptfoo.spots import Spot

_MOST = 30
"""References within one another; more is a circle."""


def resolved(config: Spot, sources: Sources) -> tuple[Spot, frozenset[str]]:
    """Return the configuration with every `$ref` replaced, and the top-level keys that references lead into."""
    walker = _Walker(config, sources)
    return config.with_value(walker.walk(config, 0)), frozenset(walker.roots)


class _Walker:
    def __init__(self, config: Spot, sources: Sources) -> None:
        self._config = config
        self._sources = sources
        self.roots: set[str] = set()

    def walk(self, spot: Spot, depth: int) -> Any:
        value = spot.value
        if isinstance(value, list):
            return [self.walk(item, depth) for item in spot.items()]
        if not isinstance(value, dict):
            return value
        if isinstance(value.get("$ref"), str):
            return self._target(spot, depth + 1)
        return {
            key: value[key] if key == "providers" and not spot.keys else self.walk(spot.child(key), depth)
            for key in value
        }

    def _target(self, spot: Spot, depth: int) -> Any:
        reference = str(spot.value["$ref"])
        file, _, pointer = reference.partition("#")
        root = self._file(spot, file) if file else self._config
        if root is None or depth > _MOST:
            if root is not None:
                spot.refuse(f"$ref {reference!r} leads in a circle", "write the value out")
            return None
        if not file and pointer.strip("/"):
            self.roots.add(pointer.strip("/").split("/")[0])
        try:
            found = _at(root, pointer)
        except (KeyError, IndexError, ValueError, TypeError):
            spot.report(
                "import-reference", f"$ref {reference!r} leads nowhere", "a place that exists", "correct the reference"
            )
            return None
        target = self.walk(found, depth)
        beside = {key: self.walk(spot.child(key), depth) for key in spot.value if key != "$ref"}
        return {**target, **beside} if beside and isinstance(target, dict) else target

    def _file(self, spot: Spot, name: str) -> Spot | None:
        files = self._sources.files(spot, name)
        return self._sources.data(files[0]) if len(files) == 1 else None


def _at(spot: Spot, pointer: str) -> Spot:
    for part in pointer.strip("/").split("/") if pointer.strip("/") else []:
        key = part.replace("~1", "/").replace("~0", "~")
        spot = spot.child(int(key)) if isinstance(spot.value, list) else spot.child(key)
    return spot
