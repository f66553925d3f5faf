"""What a change does to the manifests of each environment, as a file: made by `rollout`, read back as hostile data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from sluice.digest import canonical_json
from sluice.errors import CannotJudge
from sluice.report.visible import clipped
from sluice.schema.base import Digest, Name
from sluice.stored import Count, OutputsRule, Stored

FORMAT = 1
"""Raised when an older reader would misread a newer file."""

MOST_BYTES = 16 * 2**20
MOST_LINES = 4_000
"""Lines of differences in one file; whoever writes one cuts, and says how many are left out."""
MOST_LINES_OF_A_PART = 400
MOST_OF_A_LINE = 500
MOST_OF_A_NAME = 300
MOST_PARTS = 100
MOST_OBJECTS = 500
MOST_WORDS = 100

_WORDS = ("changes", "gpus", "restarts", "refusals", "notes")

Commit = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
Words = tuple[str, ...]
ShortName = Annotated[Name, StringConstraints(max_length=100)]


class RenderedPart(Stored):
    """One text of an object: its manifest, or one key of a ConfigMap; `lines` begin with a blank, `-`, `+` or `@`."""

    place: str = ""
    lines: tuple[str, ...] = ()
    more: Count = 0
    """Lines that were cut off."""
    outputs: OutputsRule = "public"
    """Where its lines may be shown, as the card of the dataset says whose rows they are."""


class RenderedObject(Stored):
    """One object that differs; `before` is its earlier name where a digest of its content ends both names."""

    change: Literal["added", "removed", "changed"]
    kind: str
    name: str
    before: str | None = None
    parts: tuple[RenderedPart, ...] = ()


class RenderedEnvironment(Stored):
    """One environment: its release on both sides, what differs in words, and every reason against the head's."""

    name: ShortName
    base: Digest | None
    head: Digest | None
    changes: Words = ()
    gpus: Words = ()
    restarts: Words = ()
    refusals: Words = ()
    notes: Words = ()
    objects: tuple[RenderedObject, ...] = ()
    more: Count = 0
    """Objects that were cut off."""
    unrendered: bool = False
    """Whether a side could not be rendered, so that no objects are compared."""

    @property
    def differs(self) -> bool:
        """Whether there is more to say than that nothing changes."""
        return self.base != self.head or bool(self.objects or self.more or self.notes or self.refusals)


class RenderedChange(Stored):
    """The whole file. A side without a commit is a working tree."""

    format: Literal[1] = 1
    base: Commit | None
    head: Commit | None
    environments: Annotated[tuple[RenderedEnvironment, ...], Field(max_length=50)]

    @property
    def differs(self) -> bool:
        """Whether any environment differs."""
        return any(one.differs for one in self.environments)


def write_rendered(change: RenderedChange) -> bytes:
    """Return the file: cut to what `read_rendered` takes, in UTF-8 (lone surrogates become U+FFFD)."""
    left = MOST_LINES
    kept: list[RenderedEnvironment] = []
    for one in change.environments:
        objects: list[RenderedObject] = []
        for found in one.objects[:MOST_OBJECTS]:
            objects.append(_cut(found, left))
            left -= sum(len(part.lines) for part in objects[-1].parts)
        kept.append(_shortened(one, tuple(objects)))
    data = change.model_copy(update={"environments": tuple(kept)}).model_dump(mode="python")
    text = json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")
    return canonical_json(json.loads(text)) + b"\n"


def _cut(found: RenderedObject, left: int) -> RenderedObject:
    parts: list[RenderedPart] = []
    for part in found.parts[:MOST_PARTS]:
        most = min(MOST_LINES_OF_A_PART, left)
        lines = tuple(clipped(line, MOST_OF_A_LINE) for line in part.lines[:most])
        left -= len(lines)
        more = part.more + len(part.lines) - len(lines)
        place = clipped(part.place, MOST_OF_A_NAME)
        parts.append(part.model_copy(update={"place": place, "lines": lines, "more": more}))
    names = {name: clipped(getattr(found, name) or "", MOST_OF_A_NAME) for name in ("kind", "name", "before")}
    return found.model_copy(update={**names, "before": names["before"] or None, "parts": tuple(parts)})


def _shortened(one: RenderedEnvironment, objects: tuple[RenderedObject, ...]) -> RenderedEnvironment:
    words = {name: _words(getattr(one, name)) for name in _WORDS}
    more = one.more + len(one.objects) - len(objects)
    return one.model_copy(update={**words, "objects": objects, "more": more})


def _words(lines: Words) -> Words:
    """Cut words; of too many, the last line says how many more there are."""
    told = tuple(clipped(line, MOST_OF_A_LINE) for line in lines[:MOST_WORDS])
    return told if len(lines) <= MOST_WORDS else (*told[:-1], f"and {len(lines) - MOST_WORDS + 1:,} more")


def read_rendered(data: bytes) -> RenderedChange:
    """Return what hostile bytes hold; raise CannotJudge for what is no file of this format, or too large."""
    if len(data) > MOST_BYTES:
        raise CannotJudge(f"the rendered difference has more than {MOST_BYTES:,} bytes")
    try:
        found = RenderedChange.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = clipped(".".join(map(str, first["loc"])), 120) or "the file"
        raise CannotJudge(f"the rendered difference cannot be read: {place}: {clipped(first['msg'], 200)}") from None
    problem = next(_excesses(found), None)
    if problem:
        raise CannotJudge(f"the rendered difference has {problem}")
    return found


def _excesses(change: RenderedChange) -> Iterator[str]:
    """Yield what is more than `write_rendered` writes: nothing else may cost whoever shows it time."""
    lines = 0
    for one in change.environments:
        words = [getattr(one, name) for name in _WORDS]
        if len(one.objects) > MOST_OBJECTS or any(len(told) > MOST_WORDS for told in words):
            yield f"more than {MOST_OBJECTS} objects or {MOST_WORDS} sentences in an environment"
        texts = [line for told in words for line in told]
        for found in one.objects:
            if len(found.parts) > MOST_PARTS:
                yield f"an object with more than {MOST_PARTS} parts"
            texts += [found.kind, found.name, found.before or "", *(part.place for part in found.parts)]
            texts += [line for part in found.parts for line in part.lines]
            lines += sum(len(part.lines) for part in found.parts)
        if any(len(text) > MOST_OF_A_LINE for text in texts):
            yield f"a line of more than {MOST_OF_A_LINE} characters"
    if lines > MOST_LINES:
        yield f"more than {MOST_LINES:,} lines"
