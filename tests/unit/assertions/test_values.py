import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.assertions import AssertionConfigError, AssertionProblem
from sluice.assertions.values import Data, Template
from sluice.template import compile_template

PIECES = st.sampled_from(
    [
        "{{ a }}",
        "{{b}}",
        "{{  a  }}",
        "plain",
        " ",
        "\n",
        "\r\n",
        "}",
        "{",
        "[",
        "{{ a | upper }}",
        "{% if a %}y{% endif %}",
        "{# c #}",
        "$",
        "ü",
    ]
)


@given(st.lists(PIECES, max_size=6), st.one_of(st.text(max_size=5), st.integers()), st.text(max_size=5))
def test_the_fast_path_equals_the_renderer(pieces, a, b):
    text, row = "".join(pieces), {"a": a, "b": b}
    try:
        template = Template(text)
    except AssertionConfigError:
        return
    if template.constant is None:
        assert template.render(row) == compile_template(text).render(row)
    else:
        assert template.render(row) == text


def test_values_are_never_rendered_twice():
    assert Template("x {{ a }}").render({"a": "{{ b }}", "b": "secret"}) == "x {{ b }}"


def test_fields_and_plain_field():
    assert Template("{{ a }} {{ b.c }}").fields == {"a", "b"}
    assert Template(" {{ a }} ").plain_field == "a"
    assert Template("{{ true }}").plain_field is None
    assert Template("{{ a }}{{ a }}").plain_field is None


def test_a_missing_field_is_a_problem_of_the_harness():
    with pytest.raises(AssertionProblem, match="'a'"):
        Template("{{ a }}").render({})


def test_a_bad_template_is_a_problem_of_the_file():
    with pytest.raises(AssertionConfigError) as caught:
        Template("{{ a ")
    assert caught.value.key == "value"


@given(st.text(max_size=12))
def test_escaped_values_match_themselves_only(value):
    pattern = Template("<{{ a }}>").render_escaped({"a": value})
    assert re.fullmatch(pattern, f"<{value}>")
    assert re.fullmatch(pattern, f"<{value}x>") is None


def test_nested_data_keeps_json_types():
    data = Data.of({"n": "{{ n }}", "text": "n={{ n }}", "items": ["{{ items }}", 1]})
    assert data.fields == {"n", "items"}
    assert data.build({"n": 3, "items": ["x"]}) == {"n": 3, "text": "n=3", "items": [["x"], 1]}
