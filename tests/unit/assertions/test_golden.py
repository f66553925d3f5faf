"""Every registered type against its golden vectors, whose digest is bound to the type's semantics number."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from sluice.assertions import (
    REGISTRY,
    AssertionConfigError,
    AssertionProblem,
    Reply,
    Subject,
    Versus,
    compile_assertion,
)
from sluice.digest import digest
from sluice.schema import Assertion

HERE = Path(__file__).parent
FILES = sorted((HERE / "golden").glob("*.json"))
GOLDEN = {content["type"]: content for content in (json.loads(path.read_text("utf-8")) for path in FILES)}
SEMANTICS = json.loads((HERE / "semantics.json").read_text("utf-8"))
CASES = [
    pytest.param(content, case, id=f"{name}-{number}")
    for name, content in GOLDEN.items()
    for number, case in enumerate(content["cases"])
]


def suite_module(code: str | None) -> ModuleType | None:
    if code is None:
        return None
    module = ModuleType("suite")
    exec(code, module.__dict__)
    return module


def judge_of(case):
    """Answer what a judge is asked with the case's replies, which must be used up."""

    def ask(questions):
        assert len(questions) == len(case["replies"])
        assert all(case["output"] in str(question.inputs) for question in questions)
        texts = (reply if isinstance(reply, str) else json.dumps(reply) for reply in case["replies"])
        return tuple(Reply(text, case.get("contract", {})) for text in texts)

    return ask if "replies" in case else None


@pytest.mark.parametrize(("content", "case"), CASES)
def test_vector(content, case):
    asked = {key: case[key] for key in ("judge", "repeats") if key in case} | {"steps": tuple(case.get("steps", ()))}
    assertion = Assertion(
        metric="m", type=content["type"], value=case.get("value"), threshold=case.get("threshold"), **asked
    )
    try:
        compiled = compile_assertion(assertion, suite_code=suite_module(content.get("code")))
    except AssertionConfigError as error:
        if "is not installed" in str(error):
            pytest.skip(str(error))
        raise
    about = {name: case[name] for name in ("latency", "cost", "finish_reason", "first_token") if name in case}
    logprobs = tuple(case["logprobs"]) if "logprobs" in case else None
    versus = Versus(*case["versus"]) if "versus" in case else None
    subject = Subject(
        case["output"], case.get("row", {}), **about, logprobs=logprobs, ask=judge_of(case), versus=versus
    )
    if case["expect"] == "problem":
        with pytest.raises(AssertionProblem):
            compiled.score(subject)
        return
    score = compiled.score(subject)
    assert score is not None
    assert score.passed is case["expect"]["passed"], score.reason
    assert score.value == pytest.approx(case["expect"]["value"], abs=1e-9)
    assert score.reason


def test_every_type_has_golden_vectors_and_its_opposite_too():
    assert set(GOLDEN) == set(REGISTRY)
    alone = {name for name in REGISTRY if not name.startswith("not-") and f"not-{name}" not in REGISTRY}
    assert alone == {"pairwise"}, "of which the opposite would prefer both sides at once"


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_vectors_are_bound_to_the_semantics_number(name):
    """Changed vectors are a changed meaning: raise `semantics` of the type and add a line; never edit an old line."""
    history = SEMANTICS[name]
    content = GOLDEN[name]
    number = REGISTRY[name].semantics
    assert list(history) == [str(known) for known in range(1, number + 1)]
    signature = {"signature": content["signature"]} if "signature" in content else {}
    assert history[str(number)] == digest({"code": content.get("code"), "cases": content["cases"], **signature})


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_vectors_show_both_outcomes(name):
    outcomes = {case["expect"]["passed"] for case in GOLDEN[name]["cases"] if case["expect"] != "problem"}
    assert outcomes == {True, False}


def test_differences_from_promptfoo_are_explained():
    stated = [case["promptfoo"] for content in GOLDEN.values() for case in content["cases"] if "promptfoo" in case]
    assert stated
    assert all(difference["why"] for difference in stated)
