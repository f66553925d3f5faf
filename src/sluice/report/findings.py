"""Findings as lines for a screen: one line each, whatever stands in the name of a file or in a row."""

from __future__ import annotations

from collections.abc import Sequence

from sluice.errors import Finding
from sluice.report.neutral import code
from sluice.report.numbers import counted
from sluice.report.visible import escaped_line


def finding_line(finding: Finding) -> str:
    """Return the one-line form of a finding, harmless for a terminal."""
    return escaped_line(str(finding))


def finding_item(finding: Finding) -> str:
    """Return a finding as an item of a Markdown list: one code span."""
    return f"- {code(finding_line(finding))}"


def tally(findings: Sequence[Finding]) -> str:
    """Return how many findings there are: `2 errors, 1 warning`, or `no findings`."""
    errors = sum(finding.severity == "error" for finding in findings)
    kinds = (("error", errors), ("warning", len(findings) - errors))
    return ", ".join(counted(number, kind) for kind, number in kinds if number) or "no findings"
