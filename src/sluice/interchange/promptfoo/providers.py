"""What the providers of a configuration say about sampling, and the functions that they declare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sluice.digest import canonical_json
from sluice.interchange.promptfoo.spots import Spot

_MAX_TOKENS = 256
_CHANGES_OUTPUT = ("transform", "transformResponse", "responseParser")


@dataclass(frozen=True, slots=True)
class Providers:
    """Sampling parameters that all providers agree on, and the functions or tools that all declare."""

    parameters: dict[str, Any]
    functions: list[Any] | None


def read_providers(config: Spot) -> Providers:
    """Read `providers` or `targets`; what changes answers or chooses prompts is refused."""
    spot = config.get("providers") or config.get("targets")
    listed = [] if spot is None else list(spot.items()) if isinstance(spot.value, list) else [spot]
    entries = [_entry(one) for one in listed]
    for entry in entries:
        for place in _refused(entry):
            place.refuse(f"{place.keys[-1]} of a provider is not imported", "outputs are judged as models give them")
    configs = [found for entry in entries if (found := _config(entry)) is not None]
    return Providers(_parameters(configs, len(listed)), _functions(configs, len(listed)))


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


def _functions(configs: list[dict[str, Any]], providers: int) -> list[Any] | None:
    declared = [item.get("functions") or item.get("tools") for item in configs]
    same = {canonical_json(one) for one in declared if isinstance(one, list) and one}
    return declared[0] if len(same) == 1 and len(declared) == providers and None not in declared else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
