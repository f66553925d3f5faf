"""The contains family: one text, all of several, any of several; as written or in lower case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sluice.assertions.model import (
    AssertionConfigError,
    AssertionProblem,
    AssertionType,
    Check,
    Compile,
    Score,
    Subject,
    shown,
    verdict,
)
from sluice.assertions.options import no_threshold, not_empty, scalar_text, text_template, text_templates
from sluice.assertions.values import Row, Template
from sluice.schema import Assertion


def _same(text: str) -> str:
    return text


def _compile_one(fold: Callable[[str], str]) -> Compile:
    def compile_contains(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
        no_threshold(assertion)
        expected = text_template(assertion)
        folded = None if expected.constant is None else fold(expected.constant)

        def judge(subject: Subject) -> Score:
            text = not_empty(expected.render(subject.row))
            passed = (fold(text) if folded is None else folded) in fold(subject.output)
            return verdict(passed, f"the output {'contains' if passed else 'does not contain'} {shown(text)}")

        return Check(judge, expected.fields)

    return compile_contains


def _compile_several(fold: Callable[[str], str], every: bool) -> Compile:
    def compile_contains(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
        no_threshold(assertion)
        templates = text_templates(assertion)
        wanted_for = _wanted(templates, isinstance(assertion.value, list))

        def judge(subject: Subject) -> Score:
            wanted = wanted_for(subject.row)
            output = fold(subject.output)
            missing = [text for text in wanted if fold(text) not in output]
            passed = not missing if every else len(missing) < len(wanted)
            return verdict(passed, _several_reason(wanted, missing))

        return Check(judge, frozenset().union(*(template.fields for template in templates)))

    return compile_contains


def _wanted(templates: list[Template], listed: bool) -> Callable[[Row], list[str]]:
    """Return what reads the texts of a case; texts without fields are read once, here."""

    def wanted(row: Row) -> list[str]:
        return _listed(templates, row) if listed else _separated(templates[0], row)

    if any(template.fields for template in templates):
        return wanted
    try:
        constant = wanted({})
    except AssertionProblem as error:
        raise AssertionConfigError(str(error), "value") from None
    return lambda row: constant


def _several_reason(wanted: list[str], missing: list[str]) -> str:
    if not missing:
        return f"the output contains all of {len(wanted)} texts"
    return f"the output lacks {len(missing)} of {len(wanted)} texts, first {shown(missing[0])}"


def _listed(templates: list[Template], row: Row) -> list[str]:
    return [not_empty(template.render(row)) for template in templates]


def _separated(template: Template, row: Row) -> list[str]:
    """Return a field's list as it is; else the rendered text, split at commas as promptfoo does."""
    if template.plain_field is not None:
        value = row.get(template.plain_field)
        if isinstance(value, list) and value:
            return [not_empty(scalar_text(item)) for item in value]
    texts = split_commas(template.render(row))
    if not texts:
        raise AssertionProblem("the value lists no text for this case")
    return texts


def split_commas(text: str) -> list[str]:
    """Split at commas; a field in double quotes may hold commas, and doubled or escaped quotation marks."""
    fields, rest = [], text.lstrip(" \t\r\n,")
    while rest:
        field, rest = _quoted(rest) if rest.startswith('"') else _unquoted(rest)
        fields.append(field)
        rest = rest.lstrip(" \t\r\n,")
    return [field for field in fields if field]


def _unquoted(text: str) -> tuple[str, str]:
    field, _, rest = text.partition(",")
    return field.strip(), rest


def _quoted(text: str) -> tuple[str, str]:
    characters, index = [], 1
    while index < len(text):
        pair = text[index : index + 2]
        if pair in ('\\"', "\\\\", '""'):
            characters.append(pair[1])
            index += 2
        elif text[index] == '"':
            rest = text[index + 1 :].lstrip()
            if rest and not rest.startswith(","):
                raise AssertionProblem(f"a comma must follow the quoted text in {shown(text)}")
            return "".join(characters), rest
        else:
            characters.append(text[index])
            index += 1
    raise AssertionProblem(f"a quotation mark is never closed in {shown(text)}")


TYPES = (
    AssertionType("contains", "the text stands in the output", "binary", 1, _compile_one(_same)),
    AssertionType(
        "icontains", "the text stands in the output, both in lower case", "binary", 1, _compile_one(str.lower)
    ),
    AssertionType(
        "contains-all",
        "every text stands in the output; the value is a list, a field that holds one, or texts with commas between",
        "binary",
        1,
        _compile_several(_same, every=True),
    ),
    AssertionType(
        "contains-any",
        "at least one of the texts stands in the output; value as for contains-all",
        "binary",
        1,
        _compile_several(_same, every=False),
    ),
    AssertionType(
        "icontains-all",
        "every text stands in the output, all in lower case; value as for contains-all",
        "binary",
        1,
        _compile_several(str.lower, every=True),
    ),
    AssertionType(
        "icontains-any",
        "at least one of the texts stands in the output, all in lower case; value as for contains-all",
        "binary",
        1,
        _compile_several(str.lower, every=False),
    ),
)
