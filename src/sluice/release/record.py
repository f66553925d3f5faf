"""The record of one release, as it is committed: the lock, where it came from, and the evidence that allowed it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationError

from sluice.digest import canonical_json
from sluice.errors import CannotJudge
from sluice.evidence.statement import Commit, Time, VerdictWord
from sluice.release.lock import Lock
from sluice.schema.base import Digest, Frozen, Name, Text

Number = Annotated[int, Field(ge=1, le=2**53)]
How = Literal["unchanged", "verdict", "compared", "first"]
"""Nothing that the suite sees differs; a stored verdict; two stored runs compared for this release; nothing to compare
with."""


class Judged(Frozen):
    """What the gate says of a suite against one earlier release."""

    base: Digest | None = None
    word: VerdictWord
    how: How
    verdict: Text | None = None
    """Where the verdict lies on the branch `evidence`."""
    acceptances: tuple[Digest, ...] = ()
    words: tuple[str, ...] = ()
    """Who accepted what, and why."""


class SuiteEvidence(Frozen):
    """The run that speaks for a suite, and what it was compared with."""

    closure: Digest
    run: Text
    engine: Name
    model: Name
    evaluated_at: Time
    current: Judged
    anchor: Judged | None = None


class Anchor(Frozen):
    """The last release that a person named as reference, with the closures that it was judged on."""

    number: Number
    release: Digest
    commit: Commit
    by: Text
    closures: dict[Name, Digest]


class Record(Frozen):
    """One release of one environment; numbers go up by one, a rollback has a number of its own."""

    format: Literal[1] = 1
    number: Number
    lock: Lock
    source_commit: Commit
    released_at: Time
    evidence: dict[Name, SuiteEvidence]
    anchor: Anchor
    changes: tuple[str, ...]
    restores: Number | None = None
    """The release that a rollback brought back."""

    @property
    def release(self) -> str:
        """The digest of the lock: the release's name."""
        return self.lock.digest

    @property
    def closures(self) -> dict[str, str]:
        """Suite -> the closure that its evidence is about."""
        return {name: one.closure for name, one in self.evidence.items()}

    @property
    def accepted(self) -> tuple[str, ...]:
        """What persons accepted for this release, in words."""
        judged = [one for suite in self.evidence.values() for one in (suite.current, suite.anchor) if one]
        return tuple(dict.fromkeys(words for one in judged for words in one.words))

    def write(self) -> bytes:
        """Return the one way in which a record is written."""
        return canonical_json(self.model_dump(mode="json", exclude_none=True)) + b"\n"


def read_record(data: bytes) -> Record:
    """Return the record that `write` wrote; raise CannotJudge for anything else."""
    try:
        record = Record.model_validate_json(data)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, problem["loc"]))
        raise CannotJudge(f"the record of the release cannot be read: {place}: {problem['msg']}") from None
    if record.write() != data:
        raise CannotJudge("the record of the release differs from the one way in which a record is written")
    return record
