"""The commit message of a release: what it is, what changed, and trailers that tools read."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.digest import short
from sluice.evidence.branch import Place
from sluice.release.record import Record


def message(record: Record) -> str:
    """Return the whole message."""
    name = f"Release {record.number} of {record.lock.environment}: {short(record.release)}"
    if record.restores is not None:
        name = f"Release {record.number} of {record.lock.environment} restores release {record.restores}"
    body = [f"- {_line(one)}" for one in record.changes or ("nothing that runs changed, only how it is deployed",)]
    body += [f"- {_line(one)}" for one in record.accepted]
    trailers = [f"{key}: {value}" for key, value in _trailers(record)]
    return "\n".join([name, "", *body, "", *trailers, ""])


def _line(text: str) -> str:
    """Keep what persons wrote to one line: a line of its own could pass for a trailer."""
    return " ".join(text.split())


def _trailers(record: Record) -> Iterator[tuple[str, str]]:
    yield "Release", record.release
    yield "Release-Number", str(record.number)
    yield "Source-Commit", record.source_commit
    for path in evidence_paths(record):
        yield "Evidence", path
    if record.restores is not None:
        yield "Restores", str(record.restores)


def evidence_paths(record: Record) -> tuple[str, ...]:
    """Return the files of the branch `evidence` that a release rests on: runs, verdicts and acceptances."""
    paths: dict[str, None] = {}
    for suite in record.evidence.values():
        paths[suite.run] = None
        for judged in (suite.current, suite.anchor):
            if judged is not None and judged.verdict is not None:
                paths[judged.verdict] = None
            for acceptance in judged.acceptances if judged else ():
                paths[Place("acceptance", acceptance.removeprefix("sha256:")).path] = None
    return tuple(paths)
