from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.template import CompiledTemplate, TemplateProblem, compile_template, render_value


@pytest.mark.parametrize(
    ("template", "row", "text"),
    [
        ("{{ a }}", {"a": "<b> & 'c'"}, "<b> & 'c'"),
        ("plain", {}, "plain"),
        ("{% for p in ps %}[{{ p.id }}] {{ p.text }}\n{% endfor %}", {"ps": [{"id": 1, "text": "x"}]}, "[1] x\n"),
        ("{% if a %}yes{% else %}no{% endif %}", {"a": False}, "no"),
        ("{{ a|tojson }}", {"a": {"b": "<é>", "a": 1}}, '{"a": 1, "b": "<é>"}'),
        ("{{ a|round(1) }}", {"a": 1.25}, "1.2"),
        ("{{ a|indent(2) }}", {"a": "x\ny"}, "x\n  y"),
    ],
)
def test_renders(template: str, row: dict[str, object], text: str) -> None:
    assert render_value(template, row) == text


@given(st.text())
def test_values_are_never_rendered_twice(value: str) -> None:
    assert render_value("{{ a }}|{{ b }}", {"a": value, "b": "{{ a }}"}) == f"{value}|{{{{ a }}}}"


@pytest.mark.parametrize(
    "template",
    [
        "{{ a.__class__ }}", "{{ a|attr('x') }}", "{{ '{0.__class__}'.format(a) }}", "{{ a.upper() }}",
        "{% for x in range(10**9) %}{% endfor %}", "{{ 'a' * 1000000000 }}", "{{ 2 ** 99999999 }}",
        "{{ '%999999999d' % 1 }}", "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}",
        "{% macro m() %}{% endmacro %}", "{{ a|format }}", "{{ a|pprint }}", "{{ lipsum }}{{ a", "{% if %}",
        "{% for x in a %}{% for y in a %}{% for z in a %}{% endfor %}{% endfor %}{% endfor %}",
        "{{ cycler() }}", "{% filter upper %}x{% endfilter %}", "{{ a|map('attr', 'x')|pprint }}", "x" * 100_001,
        "{{ " + "(" * 5000 + "a" + ")" * 5000 + " }}",
    ],
)  # fmt: skip
def test_refused_before_rendering(template: str) -> None:
    with pytest.raises(TemplateProblem):
        CompiledTemplate(template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ a['__class__'] }}", "{{ a|map('attr', '__class__')|list }}", "{{ missing }}", "{{ a.missing }}",
        "{{ a|indent(999999999) }}", "{{ 1.5|round(999999999, 'floor') }}",
        "{{ a|tojson(indent=999999999) }}", "{{ a['x' ~ 'y'] }}", "{{ 1 / 0 }}", "{{ a + 1 }}", "{{ a|int / 0 }}",
    ],
)  # fmt: skip
def test_refused_while_rendering(template: str) -> None:
    began = time.monotonic()
    with pytest.raises(TemplateProblem):
        CompiledTemplate(template).render({"a": "text"})
    assert time.monotonic() - began < 5


def test_private_attributes_of_items_stay_undefined() -> None:
    assert "class" not in render_value("{{ a|map(attribute='__class__')|list }}", {"a": "text"})


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(TemplateProblem, match="question"):
        render_value("{{ question }}", {})


def test_fields_and_their_first_lines() -> None:
    template = compile_template("{{ a }}\n{% for p in ps %}\n{{ p.b }}\n{% endfor %}\n{{ a }} {{ c }}")
    assert template.fields == {"a", "ps", "c"}
    assert template.first_use == {"a": 1, "ps": 2, "c": 5}


def test_a_problem_knows_its_line() -> None:
    with pytest.raises(TemplateProblem) as caught:
        CompiledTemplate("one\ntwo\n{{ a.__x__ }}")
    assert caught.value.line == 3


@given(st.text(alphabet="{}%#ab|.()[]'\" \n_-0", max_size=60))
def test_arbitrary_text_compiles_or_is_a_problem(text: str) -> None:
    with contextlib.suppress(TemplateProblem):
        CompiledTemplate(text).render({"a": "x", "b": ["y"]})
