"""How a setting that was found falls short of the one that is wanted; stricter than wanted is no difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

IDENTITY = ("type", "context", "actor_type", "name")
"""Keys that tell the entries of a list apart."""

CLOSED = frozenset({"bypass_actors", "include", "exclude", "patterns_allowed", "allowed_merge_methods", "branches"})
"""Lists where an entry that nobody asked for is a difference; anywhere else more entries are more rules."""

AT_LEAST = frozenset({"required_approving_review_count", "wait_timer"})
"""Numbers that may be higher than wanted."""

NOTHING = "nothing"


def differences(wanted: Any, found: Any, place: str = "") -> Iterator[str]:
    """Yield a phrase for each difference: where, what is there, what is wanted."""
    key = place.rpartition(".")[2]
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            yield _told(place, found, wanted)
            return
        for name in wanted:
            yield from differences(wanted[name], found.get(name), f"{place}.{name}" if place else name)
    elif isinstance(wanted, Sequence) and not isinstance(wanted, str):
        yield from _of_lists(wanted, found, place, closed=key in CLOSED)
    elif not (key in AT_LEAST and isinstance(found, int) and found >= wanted) and found != wanted:
        yield _told(place, found, wanted)


def _of_lists(wanted: Sequence[Any], found: Any, place: str, *, closed: bool) -> Iterator[str]:
    if not isinstance(found, Sequence) or isinstance(found, str):
        yield f"{place} is not shown to this token" if found is None else _told(place, found, wanted)
        return
    left = list(found)
    for one in wanted:
        match = next((other for other in left if _same(one, other)), None)
        if match is None:
            yield f"{place} lacks {_short(one)}"
            continue
        left.remove(match)
        if isinstance(one, Mapping):
            yield from differences(one, match, f"{place}.{_name(one)}")
    if closed:
        yield from (f"{place} also has {_short(one)}" for one in left)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = [key for key in IDENTITY if key in one]
        return bool(keys) and all(one[key] == other.get(key) for key in keys)
    return bool(one == other)


def _name(entry: Mapping[str, Any]) -> str:
    return next((str(entry[key]) for key in IDENTITY if key in entry), "entry")


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        shown = [str(value[key]) for key in (*IDENTITY, "actor_id") if value.get(key) is not None]
        return " ".join(shown) or NOTHING
    return str(value)


def _told(place: str, found: Any, wanted: Any) -> str:
    return f"{place} is {_word(found)}, wanted {_word(wanted)}"


def _word(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "on" if value else "off"
    return "settings" if isinstance(value, Mapping) else str(value)[:80]
