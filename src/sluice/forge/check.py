"""The check run `sluice` of a commit: what it concludes, and posting it once with all its annotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sluice.forge.answers import Answer, Number, read
from sluice.forge.client import GitHub
from sluice.forge.failures import ForgeError, Unsure
from sluice.gate.judgement import Judgement
from sluice.gate.verdict import Verdict

NAME = "sluice"
MOST_ANNOTATIONS = 50
"""GitHub takes no more in one request; further requests append."""
MOST_OUTPUT = 65_535
MOST_ROUNDS = 5
STANDING_IN = ", standing in for "
"""How an engine's title says that it is not the model named; names of models hold no blanks."""

Annotated = Literal["notice", "warning", "failure"]
Conclusion = Literal["success", "failure", "action_required"]
"""Never `neutral` or `skipped`: on GitHub both satisfy a required check."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """A message on lines of a file, counted from 1."""

    path: str
    start_line: int
    end_line: int
    level: Annotated
    title: str
    message: str

    def as_json(self) -> dict[str, Any]:
        """Return the fields that GitHub takes, within its sizes."""
        return {
            "path": self.path,
            "start_line": self.start_line,
            "end_line": self.end_line,
            "annotation_level": self.level,
            "title": self.title[:255],
            "message": self.message[:4096],
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What a check run says: a conclusion, a title of one line, a summary in Markdown."""

    conclusion: Conclusion
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()


def conclude(verdict: Verdict, obstacles: Sequence[str]) -> tuple[Conclusion, str]:
    """Return what a check concludes, and its title. `obstacles` say why the run cannot vouch for its own verdict."""
    if obstacles:
        return "action_required", f"needs a maintainer's run: {obstacles[0]}"
    if verdict.tolerated:
        return "success", f"{verdict.word}, which the base's policy lets through with a warning"
    match verdict.word:
        case "pass" | "skipped":
            return "success", "no worse than the base" if verdict.word == "pass" else "nothing to judge"
        case "accepted":
            return "success", "pass (accepted): somebody other than the author accepted what speaks against it"
        case "first":
            return "success", "the first run: there is nothing to compare with"
        case "fail":
            return "failure", "the gate says no"
        case "inconclusive":
            return "action_required", "inconclusive: the cases cannot decide"
        case "invalid":
            return "failure", "cannot be judged"


def stand_ins(judgement: Judgement) -> list[str]:
    """Say where another model answered than the one that is named: such a result is advice."""
    sides = [side for suite in judgement.suites for side in (suite.comparison.base, suite.comparison.head)]
    standing_in = any(STANDING_IN in str(side.engine.get("title", "")) for side in sides)
    return ["a stand-in answered, not the model that the prompt names"] if standing_in else []


class _Output(Answer):
    annotations_count: int = 0


class _App(Answer):
    id: Number


class _CheckRun(Answer):
    id: Number
    external_id: str | None = None
    output: _Output = _Output()
    app: _App | None = None


def post(github: GitHub, head: str, external_id: str, url: str, report: Report) -> int:
    """Bring a commit to exactly one check run of this `external_id`, and return its number.

    Annotations are appended by every request, so how many are there is asked before any are sent.
    """
    fields = _fields(report, url)
    run = _create_once(github, head, external_id, fields, report)
    for attempt in range(1, 2 * MOST_ROUNDS):
        missing = report.annotations[run.output.annotations_count :]
        if not missing:
            return run.id
        github.send("PATCH", f"check-runs/{run.id}", {"output": _output(report, missing[:MOST_ANNOTATIONS])})
        run = _read(github.get(f"check-runs/{run.id}"))
        if len(report.annotations) - run.output.annotations_count == len(missing):
            github.pause(attempt)
    raise ForgeError("the forge took the check run, but not all of its annotations")


def _create_once(github: GitHub, head: str, external_id: str, fields: dict[str, Any], report: Report) -> _CheckRun:
    for attempt in range(1, MOST_ROUNDS + 1):
        found = _existing(github, head, external_id)
        if found is not None:
            return _read(github.send("PATCH", f"check-runs/{found.id}", fields | {"output": _output(report, ())}))
        first = _output(report, report.annotations[:MOST_ANNOTATIONS])
        new = {"name": NAME, "head_sha": head, "external_id": external_id, **fields, "output": first}
        try:
            return _read(github.send("POST", "check-runs", new))
        except Unsure:
            github.pause(attempt)
    raise ForgeError(f"the forge gave no answer to {MOST_ROUNDS} attempts to post the check run")


def _existing(github: GitHub, head: str, external_id: str) -> _CheckRun | None:
    """Find ours by what only we write: a job called like the check makes a check run of that name too."""
    listed = github.pages(f"commits/{head}/check-runs", "check_runs", check_name=NAME, filter="all")
    ours = [one for one in map(_read, listed) if one.external_id == external_id]
    return min(ours, key=lambda one: one.id, default=None)


def _fields(report: Report, url: str) -> dict[str, Any]:
    return {"status": "completed", "conclusion": report.conclusion, "details_url": url}


def _output(report: Report, annotations: Sequence[Annotation]) -> dict[str, Any]:
    output: dict[str, Any] = {"title": report.title[:250], "summary": fitted(report.summary, MOST_OUTPUT)}
    if annotations:
        output["annotations"] = [annotation.as_json() for annotation in annotations]
    return output


def _read(value: Any) -> _CheckRun:
    return read(_CheckRun, value, "a check run")


def fitted(text: str, limit: int) -> str:
    """Return the text, or as many of its first lines as `limit` bytes hold, with a line that says so."""
    if len(text.encode("utf-8")) <= limit:
        return text
    told = "\n\nThe rest did not fit; the comment and the run have it."
    kept = text.encode("utf-8")[: limit - len(told)].decode("utf-8", "ignore")
    return kept[: kept.rfind("\n")] + told if "\n" in kept else kept + told
