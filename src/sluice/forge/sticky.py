"""One text of ours in one place: found by its marker and its author, written exactly once, edited ever after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sluice.forge.client import GitHub
from sluice.forge.failures import ForgeError, Missing, Unsure

Render = Callable[[str | None], str | None]
"""Previous text (None: there is none) -> new text; None leaves everything as it is."""

MOST_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Posted:
    """What is in the place now: its number and its text."""

    id: int
    body: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, and the number of the text where there is one."""

    done: Literal["created", "edited", "unchanged", "left"]
    id: int | None


class Place(Protocol):
    """Where texts stand: the comments of a pull request, the issues of a repository."""

    def ours(self) -> Sequence[Posted]:
        """Return every text that carries the marker and was written by us, oldest first."""
        ...

    def create(self, body: str) -> int:
        """Write a new text; raise Unsure where it may have been written."""
        ...

    def edit(self, posted: Posted, body: str) -> None:
        """Replace a text; raise Missing where it is gone."""
        ...

    def remove(self, posted: Posted) -> None:
        """Take a second text away."""
        ...


def put(github: GitHub, place: Place, render: Render) -> Outcome:
    """Bring the place to exactly one text, the rendered one; raise ForgeError with the reason where that fails.

    A request without an answer is never repeated blindly: what is there is read first. Whatever two jobs do at
    once, the oldest text stays and every other goes, so that they agree without speaking to each other.
    """
    created: int | None = None
    for attempt in range(1, MOST_ROUNDS + 1):
        posted = place.ours()
        if posted:
            try:
                return _settle(place, posted, render, created)
            except Missing:
                created = None
                github.pause(attempt)
                continue
        body = render(None)
        if body is None:
            return Outcome("left", None)
        if created is not None:
            return Outcome("created", created)  # the list lags behind; what was answered was written
        try:
            created = place.create(body)
        except Unsure:
            github.pause(attempt)
    if created is not None:
        return Outcome("created", created)
    raise ForgeError(f"the forge gave no answer to {MOST_ROUNDS} attempts to write, and nothing of it is there")


def _settle(place: Place, posted: Sequence[Posted], render: Render, created: int | None) -> Outcome:
    first, *others = posted
    body = first.body if first.id == created else render(first.body)
    if body is not None and body != first.body:
        place.edit(first, body)
    for other in others:
        _remove(place, other)
    if first.id == created:
        return Outcome("created", first.id)
    return Outcome("left" if body is None else "unchanged" if body == first.body else "edited", first.id)


def _remove(place: Place, posted: Posted) -> None:
    try:
        place.remove(posted)
    except Missing:
        return
