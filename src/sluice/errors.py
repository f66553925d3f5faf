"""The exception tree, the six exit codes and `Finding`: what every room may raise or report.

SluiceError
├── UsageError      2   the command was called wrongly
├── InvalidFiles    3   the repository's files are invalid; carries findings
└── CannotJudge     4   too little evidence, a provider that failed, an interrupted run

Anything else that reaches the command line is a bug in Sluice (70).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal

Severity = Literal["error", "warning"]


class ExitCode(IntEnum):
    """The published exit codes of every verb."""

    OK = 0
    GATE_NO = 1
    USAGE = 2
    INVALID = 3
    CANNOT_JUDGE = 4
    BUG = 70


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One problem in one place of one file. `line` and `column` count from 1."""

    path: str
    line: int
    column: int
    rule: str
    found: str
    expected: str
    fix: str
    severity: Severity = "error"

    def __str__(self) -> str:
        """Render the one-line form: place, rule, what was found, what was expected, what to do."""
        place = f"{self.path}:{self.line}:{self.column}"
        return f"{place}: {self.severity} [{self.rule}] found {self.found}; expected {self.expected}; {self.fix}"


def last_told(finding: Finding, most: int) -> Finding:
    """Return the last of `most` findings of a kind in a file, which says that the list ends here."""
    return replace(finding, found=f"{finding.found} (number {most} of its kind in this file; the rest is left out)")


class SluiceError(Exception):
    """Base of every error that is a message for a person, not a bug."""

    exit_code: ExitCode = ExitCode.BUG


class UsageError(SluiceError):
    """The command was called with words that cannot be followed."""

    exit_code = ExitCode.USAGE


class InvalidFiles(SluiceError):
    """Files of the repository are invalid; all findings are carried, not only the first."""

    exit_code = ExitCode.INVALID

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        count = f"{len(self.findings)} finding{'' if len(self.findings) == 1 else 's'}"
        super().__init__(f"{count} in the repository's files")


class CannotJudge(SluiceError):
    """A verdict is impossible for a reason that is not the change itself."""

    exit_code = ExitCode.CANNOT_JUDGE


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `did you mean 'x'?` for the nearest known name, or the list of known names."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return "known: " + ", ".join(names) if names else "none are known here"
