from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.template import CompiledTemplate, TemplateProblem, compile_template


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
    assert compile_template(template).render(row) == text


@given(st.text())
def test_values_are_never_rendered_twice(value: str) -> None:
    assert compile_template("{{ a }}|{{ b }}").render({"a": value, "b": "{{ a }}"}) == f"{value}|{{{{ a }}}}"


@pytest.mark.parametrize(
    "template",
    [
        "{{ a.__class__ }}", "{{ a|attr('x') }}", "{{ '{0.__class__}'.format(a) }}", "{{ a.upper() }}",
        "{% for x in range(10**9) %}{% endfor %}", "{{ 'a' * 1000000000 }}", "{{ 2 ** 99999999 }}",
        "{{ '%999999999d' % 1 }}", "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}",
        "{% macro m() %}{% endmacro %}", "{{ a|format }}", "{{ a|pprint }}", "{{ lipsum }}{{ a", "{% if %}",
        "{% for x in a %}{% for y in a %}{% for z in a %}{% endfor %}{% endfor %}{% endfor %}",
        "{{ cycler() }}", "{% filter upper %}x{% endfilter %}", "{% set x %}{{ a }}{% endset %}",
        "{{ a|map('attr', 'x')|pprint }}", "x" * 100_001,
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
    began = time.process_time()
    with pytest.raises(TemplateProblem):
        CompiledTemplate(template).render({"a": "text"})
    assert time.process_time() - began < 5


THOUSAND = "x" * 1_000
DOUBLED = "".join(f"{{% set a = a {sign} a %}}" for sign in "~+" * 30)


@pytest.mark.parametrize(
    "template",
    [
        "{{ a" + f"|replace('x', '{'x' * 900}')" * 5 + " }}",
        "{{ a" + "|indent(100, true, true)|replace(' ', '\n')" * 5 + " }}",
        "{{ a" + "|list|join(a)" * 5 + " }}",
        "{{ a|list|map('replace', 'x', a)|map('replace', 'x', a)|list|length }}",
        "{{ a|list|map('replace', 'x', a)|join }}",
        "{{ a|list|map('replace', 'x', a)|map('replace', 'x', a)|last }}",
        DOUBLED + "{{ a|length }}",
        "{% set a = a|list %}" + DOUBLED.replace("~", "+") + "{{ a|length }}",
        "{% for x in a %}{% for y in a %}" + THOUSAND + "{% endfor %}{% endfor %}",
        "{% for x in a %}{% for y in a %}{{ a }}{% endfor %}{% endfor %}",
        "{% set b = [" + "a, " * 100 + "] %}{% set c = [" + "b, " * 100 + "] %}{{ c }}",
        "{% set b = [" + "a, " * 100 + "] %}{% set c = [" + "b, " * 100 + "] %}{{ c|tojson|length }}",
        "{% set b = [" + "a, " * 100 + "] %}{% set c = [" + "b, " * 100 + "] %}{{ c|string|length }}",
        "{{ a|list|tojson(indent=100)" + "|indent(100)" * 10 + " }}",
    ],
)  # fmt: skip
def test_no_text_grows_without_bound(template: str) -> None:
    began = time.process_time()
    with pytest.raises(TemplateProblem, match="grows beyond 1,000,000 characters"):
        CompiledTemplate(template).render({"a": THOUSAND})
    assert time.process_time() - began < 10


def test_a_long_text_within_the_bound_is_rendered() -> None:
    text = compile_template("{{ a ~ a }}{{ a|replace('x', 'yy') }}").render({"a": "x" * 100_000})
    assert text == "x" * 200_000 + "y" * 200_000


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ ps|join(', ', attribute='n') }}", "1, 2"),
        ("{{ ps|map(attribute='n')|join('-') }}", "1-2"),
        ("{{ ps|map(attribute='n')|join(d='-') }}", "1-2"),
        ("{{ 'aaa'|replace('a', 'bc', 2) }}", "bcbca"),
        ("{{ 'aaa'|replace('a', 'b', count=1) }}", "baa"),
        ("{{ ps|map(attribute='n')|sort(reverse=true)|first }}", "2"),
        ("{{ ps|selectattr('n', 'equalto', 2)|list|length }}", "1"),
        ("{{ 'a' ~ 1 ~ none ~ true }}", "a1NoneTrue"),
        ("{{ 1 + 2 }}{{ 'a' + 'b' }}{{ [1] + [2] }}", "3ab[1, 2]"),
        ("{{ {'b': [1], 'a': 'é'}|tojson(indent=1) }}", '{\n "a": "é",\n "b": [\n  1\n ]\n}'),
    ],
)
def test_the_bound_changes_no_text(template: str, text: str) -> None:
    assert compile_template(template).render({"ps": [{"n": 1}, {"n": 2}]}) == text


def test_private_attributes_of_items_stay_undefined() -> None:
    assert "class" not in compile_template("{{ a|map(attribute='__class__')|list }}").render({"a": "text"})


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(TemplateProblem, match="question"):
        compile_template("{{ question }}").render({})


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
