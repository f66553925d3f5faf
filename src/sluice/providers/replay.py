"""The provider that answers from a recorded file: canonical JSONL, one request digest and outcome per line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from sluice.digest import canonical_json, short
from sluice.errors import Finding, InvalidFiles
from sluice.providers.base import Answered, Completion, ErrorKind, Failure, Identity, Outcome, Request
from sluice.schema.base import Digest, Frozen

FORMAT = "sluice-recording/1"
Count = Annotated[int, Field(ge=0)]


class RecordedIdentity(Frozen):
    """What answered when the recording was made."""

    engine: str
    model: str
    revision: str | None = None
    version: str | None = None
    limits: dict[str, int] = {}
    facts: dict[str, str] = {}


class Header(Frozen):
    """The first line of a recording."""

    format: Literal["sluice-recording/1"]
    identity: RecordedIdentity


class RecordedCompletion(Frozen):
    """An answer; `latency` is in seconds."""

    text: str
    finish_reason: str | None
    prompt_tokens: Count | None
    completion_tokens: Count | None
    latency: float = Field(ge=0)
    attempts: int = Field(default=1, ge=1)
    first_token: float | None = Field(default=None, ge=0)
    logprobs: tuple[float, ...] | None = None


class RecordedFailure(Frozen):
    """A call that gave no answer."""

    kind: ErrorKind
    message: str
    attempts: int = Field(default=1, ge=0)


class Line(Frozen):
    """Every other line: the request's digest and its outcome."""

    request: Digest
    completion: RecordedCompletion | None = None
    failure: RecordedFailure | None = None

    def outcome(self) -> Outcome | None:
        """Return the recorded outcome, None for a line that does not hold exactly one."""
        if self.completion is not None and self.failure is None:
            return Completion(**self.completion.model_dump())
        if self.failure is not None and self.completion is None:
            return Failure(**self.failure.model_dump())
        return None


def write_recording(path: Path, identity: Identity, outcomes: Iterable[tuple[Request, Outcome]]) -> None:
    """Write a recording, replacing an old one as a whole. Of two outcomes of one request the last is kept."""
    lines = {request.digest(): outcome for request, outcome in outcomes}
    temporary = path.with_name(path.name + ".partial")
    with temporary.open("wb") as file:
        file.write(canonical_json({"format": FORMAT, "identity": asdict(identity)}) + b"\n")
        for request_digest in sorted(lines):
            file.write(_line(request_digest, lines[request_digest]))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _line(request_digest: str, outcome: Outcome) -> bytes:
    kind = "completion" if isinstance(outcome, Completion) else "failure"
    return canonical_json({"request": request_digest, kind: asdict(outcome)}) + b"\n"


def read_recording(path: Path) -> tuple[Identity, Mapping[str, Outcome]]:
    """Return who answered, and the outcome of each request digest. Raises InvalidFiles with every bad line."""
    findings: list[Finding] = []
    outcomes: dict[str, Outcome] = {}
    identity = Identity(engine="", model="")
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InvalidFiles([_finding(path, 1, error.strerror or "an unreadable file", "a recording")]) from None
    if not lines:
        findings.append(_finding(path, 1, "an empty file", f"a header of format {FORMAT}"))
    for number, line in enumerate(lines, start=1):
        try:
            if number == 1:
                identity = Identity(**Header.model_validate_json(line).identity.model_dump())
                continue
            recorded = Line.model_validate_json(line)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, problem["loc"]))
            findings.append(_finding(path, number, f"{place or 'the line'}: {problem['msg']}", FORMAT))
            continue
        outcome = recorded.outcome()
        if outcome is None:
            findings.append(_finding(path, number, "no single outcome", "`completion` or `failure`"))
        elif recorded.request in outcomes:
            findings.append(_finding(path, number, f"{recorded.request} again", "each request once"))
        else:
            outcomes[recorded.request] = outcome
    if findings:
        raise InvalidFiles(findings)
    return identity, outcomes


def _finding(path: Path, line: int, found: str, expected: str) -> Finding:
    return Finding(str(path), line, 1, "recording-invalid", found, expected, "make the recording again")


class ReplayProvider:
    """Answers what was recorded, at once; a request that was not is a failure that says what to do."""

    batch_size: int = 1

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity, self._outcomes = read_recording(path)

    def identity(self) -> Identity:
        """Return what answered when the recording was made."""
        return self._identity

    def lengths(self, requests: Sequence[Request]) -> list[int]:
        """Return the recorded prompt tokens, a quarter of the characters where they are unknown."""
        return [self._length(request) for request in requests]

    def run(self, batches: Sequence[Sequence[Request]]) -> Iterator[Answered]:
        """Yield the batches in their order."""
        for index, batch in enumerate(batches):
            yield [(index, [self._answer(request) for request in batch])]

    def close(self) -> None:
        """Nothing is held."""

    def _length(self, request: Request) -> int:
        outcome = self._outcomes.get(request.digest())
        if isinstance(outcome, Completion) and outcome.prompt_tokens is not None:
            return outcome.prompt_tokens
        return sum(len(message.content) for message in request.messages) // 4

    def _answer(self, request: Request) -> Outcome:
        request_digest = request.digest()
        outcome = self._outcomes.get(request_digest)
        if outcome is not None:
            return outcome
        return Failure(
            "data",
            f"{self._path.name} holds no answer to request {short(request_digest)}: the prompt, its parameters "
            "or the row changed since it was recorded; record it again from a model that answers",
        )
