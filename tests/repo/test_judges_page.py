"""The files that docs/judges.md shows are files that this repository would take."""

import json
import re
from pathlib import Path

import yaml

from sluice.assertions import compile_assertion, find_type
from sluice.schema import Assertion, DatasetCard, Prompt

PAGE = (Path(__file__).resolve().parents[2] / "docs/judges.md").read_text(encoding="utf-8")
PROMPT, ASSERTIONS, CARD, DEEPEVAL = (
    yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
)


def test_the_judge_fits_the_assertion_that_asks_it():
    judge = Prompt.model_validate_json(json.dumps(PROMPT))
    rubric = compile_assertion(Assertion.model_validate({**ASSERTIONS["assertions"][0]}))
    assert rubric.asking is not None
    assert rubric.asking.needs <= judge.inputs.keys()
    assert set(rubric.asking.answers) & judge.output.schema_["properties"].keys()


def test_every_assertion_compiles():
    for one in ASSERTIONS["assertions"]:
        steps = tuple(one.get("steps", ()))
        assert compile_assertion(Assertion.model_validate({**one, "steps": steps})).asking is not None


def test_the_card_names_its_judge_and_its_label():
    assert CARD.keys() <= DatasetCard.model_fields.keys()
    assert CARD["judge"] == "grade-answer"


def test_the_metrics_of_deepeval_are_known():
    for one in DEEPEVAL["assertions"]:
        assertion = Assertion.model_validate({**one, "steps": tuple(one.get("steps", ()))})
        assert find_type(assertion.type).name == assertion.type
