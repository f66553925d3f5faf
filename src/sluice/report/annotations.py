"""Messages on lines of files, as workflow commands of GitHub Actions; no text in one can end it or begin another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from sluice.errors import Finding
from sluice.report.visible import clipped, escaped_line, visible

LEVELS = ("error", "warning", "notice")
MOST = 10
"""Annotations of one level that the runner keeps for one step; further ones would only stand in the log."""
MOST_CHARACTERS = 4_000
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}


def workflow_command(
    level: str,
    message: str,
    *,
    file: str | None = None,
    line: int | None = None,
    end_line: int | None = None,
    column: int | None = None,
    title: str | None = None,
) -> str:
    """Return `::error file=…,line=…::message` on one line, everything in it escaped; lines and columns count from 1.

    Raises ValueError for a level that is none.
    """
    if level not in LEVELS:
        raise ValueError(f"{level!r} is none of {', '.join(LEVELS)}")
    given = {"file": file, "line": line, "endLine": end_line, "col": column, "title": title}
    told = ",".join(f"{name}={_escaped(str(value), _PROPERTY)}" for name, value in given.items() if value is not None)
    return f"::{level}{' ' if told else ''}{told}::{_escaped(message, _DATA)}"


def _escaped(text: str, marks: Mapping[str, str]) -> str:
    """Escape as the runner unescapes; what is invisible or steers a terminal becomes visible first."""
    return "".join(marks.get(character, character) for character in clipped(visible(text), MOST_CHARACTERS))


def findings_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield one line for each finding, errors first: annotations, and plain lines beyond what the runner keeps."""
    seen: Counter[str] = Counter()
    for finding in sorted(findings, key=lambda one: (one.severity, one)):
        seen[finding.severity] += 1
        yield _annotation(finding) if seen[finding.severity] <= MOST else escaped_line(str(finding))


def _annotation(finding: Finding) -> str:
    """The log shows the message alone, so that it names its place too."""
    place = f"{finding.path}:{finding.line}"
    message = f"{place}: found {finding.found}; expected {finding.expected}; {finding.fix}"
    line, column = max(1, finding.line), max(1, finding.column)
    return workflow_command(finding.severity, message, file=finding.path, line=line, column=column, title=finding.rule)
