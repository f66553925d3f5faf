from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.report.test_neutral import texts

from sluice.errors import Finding
from sluice.report.annotations import MOST, findings_lines, workflow_command
from sluice.report.visible import visible

COMMAND = re.compile(r"::(?P<level>[a-z]+)(?: (?P<properties>[^:\r\n]*))?::(?P<data>[^\r\n]*)\Z")
UNESCAPED = {"%25": "%", "%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ","}


def unescape(text):
    """As the runner does it."""
    return re.sub(r"%(?:25|0D|0A|3A|2C)", lambda match: UNESCAPED[match.group()], text)


def parsed(line):
    """Read one line as the runner does: level, properties, message."""
    match = COMMAND.match(line)
    assert match, line
    pairs = (part.partition("=") for part in (match["properties"] or "").split(",") if part)
    return match["level"], {name: unescape(value) for name, _, value in pairs}, unescape(match["data"])


hostile = (
    texts | st.text() | st.sampled_from(["::set-output name=a::b", "\r\n::error::x", "%0A::stop-commands::x", "a,b=c"])
)


@given(hostile, hostile, hostile)
def test_a_command_is_one_line_that_says_what_it_was_given(message, file, title):
    line = workflow_command("error", message, file=file, line=3, end_line=5, column=2, title=title)
    level, properties, told = parsed(line)
    assert level == "error"
    assert told == visible(message) and len(line.splitlines()) == 1
    assert properties == {"file": visible(file), "line": "3", "endLine": "5", "col": "2", "title": visible(title)}


def test_what_is_not_given_is_not_told():
    assert workflow_command("notice", "hello") == "::notice::hello"


def test_a_level_that_is_none_is_refused():
    with pytest.raises(ValueError, match="none of"):
        workflow_command("set-output", "x")


def finding(number, severity="error", path="prompts/a.yaml"):
    return Finding(path, number, 2, "some-rule", "x\n::error::y", "z", "do w", severity)


def test_findings_stand_on_their_lines_errors_first():
    lines = list(findings_lines([finding(4, "warning"), finding(9)]))
    assert [parsed(line)[:2] for line in lines] == [
        ("error", {"file": "prompts/a.yaml", "line": "9", "col": "2", "title": "some-rule"}),
        ("warning", {"file": "prompts/a.yaml", "line": "4", "col": "2", "title": "some-rule"}),
    ]
    assert parsed(lines[0])[2] == "prompts/a.yaml:9: found x\n::error::y; expected z; do w"


def test_more_findings_than_the_runner_keeps_are_plain_lines():
    lines = list(findings_lines([finding(number) for number in range(1, MOST + 4)]))
    assert [line.startswith("::error ") for line in lines] == [True] * MOST + [False] * 3
    assert all("\n" not in line and not line.startswith("::error::") for line in lines)


@given(hostile, hostile, st.integers(-3, 10**6))
def test_no_finding_can_command(found, path, line):
    bad = Finding(path, line, line, "rule", found, found, found)
    for told in findings_lines([bad] * (MOST + 1)):
        assert len(re.split(r"[\r\n]", told)) == 1
        assert told.startswith("::error ") is bool(COMMAND.match(told))
