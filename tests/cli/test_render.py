"""`sluice render`: the inputs are held to what the prompt declares, and invalid files are said to be that."""

import json

import pytest
from miniature import PROMPT, write


@pytest.fixture
def strict(repository):
    """The question must not be empty."""
    write(repository, "prompts/answer.yaml", {**PROMPT, "inputs": {"question": {"type": "string", "minLength": 1}}})
    return repository


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"question": ""}, "minLength: 1"),
        ({"question": 7}, 'type: "string"'),
        ({}, "no value for 'question'"),
        ({"question": "x", "qestion": "y"}, "did you mean 'question'?"),
        ({"question": "", "other": "y"}, "'other'"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(strict, sluice, inputs, said):
    code, out, err = sluice("render", "answer", "--inputs", json.dumps(inputs))
    assert (code, out) == (2, "") and said in err


def test_inputs_that_fit_are_rendered(strict, sluice):
    code, out, _ = sluice("render", "answer", "--inputs", '{"question": "Why?"}')
    assert code == 0 and out.endswith("[user]\nWhy?\n")


@pytest.mark.parametrize("inputs", ["{}", "", '{"question": "Why?"}'])
def test_a_case_and_inputs_exclude_each_other(strict, sluice, inputs):
    code, out, err = sluice("render", "answer", "case-0001", "--inputs", inputs)
    assert (code, out) == (2, "") and "not both" in err


@pytest.mark.parametrize("content", ["{{ question.__class__ }}", "{% include 'x' %}", "{{ gone }}"])
def test_a_forbidden_template_is_a_finding_as_it_is_for_check(repository, sluice, content):
    write(
        repository,
        "prompts/answer.yaml",
        {**PROMPT, "messages": [{"role": "user", "content": f"{{{{ question }}}}{content}"}]},
    )
    code, out, _ = sluice("render", "answer", "case-0001")
    assert code == 3
    assert out.splitlines()[0] in sluice("check")[1]
