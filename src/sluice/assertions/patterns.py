"""The regex assertion: row values are escaped, and every search has a time limit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import regex

from sluice.assertions.model import (
    AssertionConfigError,
    AssertionProblem,
    AssertionType,
    Check,
    Score,
    Subject,
    shown,
    verdict,
)
from sluice.assertions.options import no_threshold, text_template
from sluice.assertions.values import Template
from sluice.schema import Assertion

TIME_LIMIT = 1.0
"""Seconds for one search of one output."""


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern, regex.VERSION0)


def compile_pattern(pattern: str) -> regex.Pattern[str]:
    """Compile a pattern; raise AssertionConfigError with the place of the mistake."""
    try:
        return _compiled(pattern)
    except regex.error as error:
        raise AssertionConfigError(f"the pattern {pattern!r} is not valid: {error}", "value") from None


def pattern_template(assertion: Assertion) -> Template:
    """Return the value as a template of a pattern; only plain fields may stand in it, since they are escaped."""
    template = text_template(assertion)
    if not template.only_plain_fields:
        raise AssertionConfigError(
            "a pattern may only insert plain fields, `{{ name }}`, because each is escaped", "value"
        )
    sample = dict.fromkeys(template.fields, "x")
    compile_pattern(template.render_escaped(sample))
    return template


def pattern_for(template: Template, subject: Subject) -> regex.Pattern[str]:
    """Return the compiled pattern for a case."""
    pattern = template.render_escaped(subject.row)
    try:
        return _compiled(pattern)
    except regex.error as error:
        raise AssertionProblem(f"the pattern {shown(pattern)} is not valid for this case: {error}") from None


def _compile_regex(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    no_threshold(assertion)
    template = pattern_template(assertion)
    constant = None if template.fields else compile_pattern(template.render_escaped({}))

    def judge(subject: Subject) -> Score:
        pattern = constant or pattern_for(template, subject)
        try:
            passed = pattern.search(subject.output, timeout=TIME_LIMIT) is not None
        except TimeoutError:
            raise AssertionProblem(
                f"the search for {shown(pattern.pattern)} took more than {TIME_LIMIT:g} s; simplify the pattern"
            ) from None
        return verdict(passed, f"{'a' if passed else 'no'} match for {shown(pattern.pattern)}")

    return Check(judge, template.fields)


TYPES = (
    AssertionType(
        "regex",
        "the pattern matches somewhere in the output; syntax and classes of the Python package `regex` (Unicode "
        "\\w and \\d, `$` also before a last line feed); row values are escaped; one second per search",
        "binary",
        1,
        _compile_regex,
    ),
)
