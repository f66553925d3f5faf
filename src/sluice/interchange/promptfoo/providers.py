"""What the providers of a configuration say about sampling, and the functions that they declare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sluice.digest import canonical_json
from sluice.interchange.promptfoo.sources import SCHEME, Sources
from sluice.interchange.promptfoo.spots import Spot

_MAX_TOKENS = 256
_CHANGES_OUTPUT = ("transform",)


@dataclass(frozen=True, slots=True)
class Providers:
    """Sampling parameters that all providers agree on, and the functions or tools that they declare."""

    parameters: dict[str, Any]
    functions: Functions


@dataclass(frozen=True, slots=True)
class Functions:
    """What each provider says about functions or tools; files are read only where an assertion asks for them."""

    declared: tuple[Spot | None, ...]
    sources: Sources

    def read(self, asking: Spot) -> list[Any] | None:
        """Return the functions that all providers declare, or None after a finding that says why there are none."""
        spots = [spot for spot in self.declared if spot is not None]
        if not spots or len(spots) < len(self.declared):
            found = "no functions or tools in the configuration of the provider, which this assertion reads"
            fix = "add them to the config of each provider"
            asking.report("import-value", found, "functions or tools", fix)
            return None
        read = [self._listed(spot) for spot in spots]
        if len({canonical_json(one) for one in read}) > 1 and None not in read:
            spots[1].refuse("functions that providers declare differently", "declare the same, or import each alone")
            return None
        return None if None in read else read[0]

    def _listed(self, spot: Spot) -> list[Any] | None:
        before = len(self.sources.findings)
        value = self._loaded(spot)
        if value is spot.value and isinstance(value, list) and all(isinstance(one, str) for one in value):
            parts = [self._loaded(item) for item in spot.items()]
            value = [one for part in parts for one in (part if isinstance(part, list) else [part])]
        if len(self.sources.findings) > before:
            return None
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            return value
        spot.refuse("functions or tools that are no list of declarations", "write the list, or name a file that has it")
        return None

    def _loaded(self, spot: Spot) -> Any:
        value = spot.value
        return self.sources.value(spot, value) if isinstance(value, str) and value.startswith(SCHEME) else value


def read_providers(config: Spot, sources: Sources) -> Providers:
    """Read `providers` or `targets`; what changes answers or chooses prompts is refused."""
    spot = config.get("providers") or config.get("targets")
    listed = [] if spot is None else list(spot.items()) if isinstance(spot.value, list) else [spot]
    entries = [_entry(one) for one in listed]
    for entry in entries:
        for place in _refused(entry):
            place.refuse(f"{place.keys[-1]} of a provider is not imported", "outputs are judged as models give them")
    configs = [found for entry in entries if (found := _config(entry)) is not None]
    return Providers(_parameters(configs, len(listed)), Functions(tuple(map(_declared, entries)), sources))


def _entry(spot: Spot) -> Spot:
    """Return the settings of a provider, also where they stand below its id."""
    value = spot.value
    if isinstance(value, dict) and "id" not in value and len(value) == 1:
        return spot.child(next(iter(value)))
    return spot


def _config(spot: Spot) -> dict[str, Any] | None:
    found = spot.value.get("config") if isinstance(spot.value, dict) else None
    return found if isinstance(found, dict) else None


def _refused(spot: Spot) -> Iterator[Spot]:
    if isinstance(spot.value, dict):
        yield from (spot.child(key) for key in _CHANGES_OUTPUT if spot.value.get(key))
        yield from (spot.child("prompts") for _ in range(1) if spot.value.get("prompts"))
    inner = spot.get("config")
    if inner is not None and isinstance(inner.value, dict):
        yield from (inner.child(key) for key in _CHANGES_OUTPUT if inner.value.get(key))


def _parameters(configs: list[dict[str, Any]], providers: int) -> dict[str, Any]:
    parameters: dict[str, Any] = {"max_tokens": _MAX_TOKENS, "temperature": 0}
    for name in parameters:
        stated = [item[name] for item in configs if _is_number(item.get(name))]
        if stated and len(stated) == providers and len(set(stated)) == 1:
            parameters[name] = stated[0]
    return parameters


def _declared(entry: Spot) -> Spot | None:
    inner = entry.get("config")
    found = [] if inner is None else [spot for key in ("functions", "tools") if (spot := inner.get(key)) is not None]
    return next((spot for spot in found if spot.value), None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
