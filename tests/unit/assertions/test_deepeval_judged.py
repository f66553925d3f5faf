"""DeepEval's judged metrics through our front door give the scores of its own runner; nothing is left behind."""

import json
import os
import subprocess
import sys
import urllib.request

import pytest
from miniature import PROMPT, commit, edit_prompt, miniature, write
from servers.deepeval_judge import scripted
from servers.fixtures import tgi  # noqa: F401 - the fixture is used by name
from servers.tgi_contract import Settings, text_of

from sluice.assertions import AssertionConfigError, AssertionProblem, Reply, Subject, compile_assertion
from sluice.assertions import deepeval as adapter
from sluice.cli import main
from sluice.schema import Assertion

try:
    adapter.require_deepeval()
    ABSENT = False
except AssertionConfigError:
    ABSENT = True
needs_deepeval = pytest.mark.skipif(ABSENT, reason=f"DeepEval is absent: {adapter.INSTALL}")

COUNT = 8
JUDGE = {
    **PROMPT,
    "description": "Answers what DeepEval's metrics ask.",
    "parameters": {"max_tokens": 512, "temperature": 0},
    "inputs": {"prompt": {"type": "string"}},
    "messages": [{"role": "user", "content": "{{ prompt }}"}],
}
QUESTION = {"input": "{{ question }}"}
RETRIEVED = {**QUESTION, "retrieval_context": ["{{ page }} says {{ expected }}", "{{ topic }}"]}
STEPS = ("Read the question.", "Score how well the output answers it.")
METRICS = {
    "AnswerRelevancyMetric": QUESTION,
    "FaithfulnessMetric": RETRIEVED,
    "BiasMetric": QUESTION,
    "ToxicityMetric": QUESTION,
    "HallucinationMetric": {**QUESTION, "context": ["{{ page }} says {{ expected }}"]},
    "ContextualRelevancyMetric": RETRIEVED,
    "ContextualPrecisionMetric": {**RETRIEVED, "expected_output": "{{ expected }}"},
    "ContextualRecallMetric": {**RETRIEVED, "expected_output": "{{ expected }}"},
    "GEval": QUESTION,
}
OWN = """
from deepeval.metrics import BaseMetric


class Shortness(BaseMetric):
    def __init__(self, longest=40, threshold=0.5):
        self.longest, self.threshold = longest, threshold

    def measure(self, test_case, *arguments, **options):
        self.score = max(0.0, 1 - len(test_case.actual_output) / self.longest)
        self.reason = "by length"
        self.success = self.score >= self.threshold
        return self.score

    async def a_measure(self, test_case, *arguments, **options):
        return self.measure(test_case)

    @property
    def __name__(self):
        return "Shortness"
"""


def asked(metric, **more):
    own = {"steps": list(STEPS)} if metric == "GEval" else {}
    # Values of their own: written as YAML, shared ones would become anchors.
    value = json.loads(json.dumps(METRICS[metric]))
    return {"metric": metric.lower(), "type": f"deepeval:{metric}", "judge": "asked", "value": value, **own, **more}


def answers(generation):
    if text_of(generation.messages[0]).startswith("Answer"):
        return text_of(generation.messages[-1])
    return scripted(generation)


@pytest.fixture
def judged(tmp_path, monkeypatch, tgi):  # noqa: F811
    root = miniature(tmp_path / "repository", COUNT)
    write(root, "prompts/asked.yaml", JUDGE)
    own = {"metric": "short", "type": "deepeval:Shortness", "value": {"longest": 80}, "threshold": 0.2}
    assertions = [*map(asked, METRICS), own]
    gates = {one["metric"]: {"max_drop": 0.5, "tier": "warn"} for one in assertions}
    suite = {"description": "x", "prompt": "answer", "dataset": "questions", "assertions": assertions, "gates": gates}
    write(root, "evals/answer.yaml", suite)
    (root / "evals/answer.py").write_text(OWN)
    commit(root)
    server = tgi(answers, max_input_tokens=4000, max_total_tokens=6000)
    monkeypatch.setenv("SLUICE_ENDPOINT", server.url)
    monkeypatch.setenv("CI", "true")
    monkeypatch.chdir(root)
    return root, server


def ours(root):
    [suite] = json.loads((root / ".sluice/last-judgement.json").read_bytes())["suites"]
    return {pair["info"]["id"]: pair["head"][0] for pair in suite["comparison"]["pairs"]}


@needs_deepeval
def test_scores_equal_those_of_deepevals_own_runner(judged, capsys):
    root, server = judged
    edit_prompt(root, "Answer with the last word, please.")
    code = main(["eval", "--complete", "--base", "HEAD"])
    shown = capsys.readouterr()
    assert code == 0, shown.out + shown.err
    found = ours(root)
    assert {one["error"] for one in found.values()} == {None}
    expected = evaluated(server.url, found)
    assert len(expected) == COUNT
    for case, scores in expected.items():
        metrics = found[case]["metrics"]
        assert {name: metrics[name.lower()]["value"] for name in scores} == pytest.approx(scores), case
        length = len(found[case]["output"])
        assert metrics["short"]["value"] == pytest.approx(max(0, 1 - length / 80))
    spread = {name: {scores[name] for scores in expected.values()} for name in METRICS}
    assert sum(len(values) > 1 for values in spread.values()) >= 6, spread


@needs_deepeval
def test_judging_twice_asks_nothing_twice(judged, capsys):
    root, server = judged
    edit_prompt(root, "Answer with the last word, please.")
    main(["eval", "--complete", "--base", "HEAD"])
    first, count = ours(root), len(server.generations)
    main(["eval", "--complete", "--base", "HEAD"])
    assert (ours(root), len(server.generations)) == (first, count)
    hidden = {path.name for path in root.rglob("*") if "deepeval" in path.name}
    assert hidden == set(), "neither caches nor telemetry"


def evaluated(url, results):
    """Return case -> metric -> score, by DeepEval's `evaluate`, with a judge that speaks to the same server."""
    from deepeval import evaluate, metrics
    from deepeval.evaluate.configs import AsyncConfig, CacheConfig, DisplayConfig
    from deepeval.models import DeepEvalBaseLLM
    from deepeval.test_case import LLMTestCase, SingleTurnParams
    from miniature import rows

    class Served(DeepEvalBaseLLM):
        def load_model(self):
            return None

        def generate(self, prompt):
            body = {"model": Settings.model_id, "messages": [{"role": "user", "content": prompt}], "temperature": 0}
            data = json.dumps({**body, "max_tokens": 512}).encode()
            request = urllib.request.Request(f"{url}/v1/chat/completions", data, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request) as response:
                return json.loads(response.read())["choices"][0]["message"]["content"]

        async def a_generate(self, prompt):
            return self.generate(prompt)

        def get_model_name(self):
            return "served"

    params = [SingleTurnParams.ACTUAL_OUTPUT, SingleTurnParams.INPUT]
    chosen = [
        metrics.GEval(name="geval", evaluation_steps=list(STEPS), evaluation_params=params, model=Served())
        if name == "GEval"
        else getattr(metrics, name)(model=Served())
        for name in METRICS
    ]
    cases = [
        LLMTestCase(
            name=row["id"],
            input=row["question"],
            actual_output=results[row["id"]]["output"],
            expected_output=row["expected"],
            context=[f"{row['page']} says {row['expected']}"],
            retrieval_context=[f"{row['page']} says {row['expected']}", row["topic"]],
        )
        for row in rows(COUNT)
    ]
    done = evaluate(
        cases,
        chosen,
        async_config=AsyncConfig(run_async=False),
        display_config=DisplayConfig(show_indicator=False, print_results=False),
        cache_config=CacheConfig(write_cache=False, use_cache=False),
    )
    return {
        one.name: {name: data.score for name, data in zip(METRICS, one.metrics_data, strict=True)}
        for one in done.test_results
    }


@needs_deepeval
def test_an_answer_in_another_shape_is_an_error_and_no_zero():
    one = asked("BiasMetric")
    check = compile_assertion(Assertion(**one))
    subject = Subject("word", {"question": "Which?"}, ask=lambda questions: (Reply("I would rather not.", {}),))
    with pytest.raises(AssertionProblem, match="the judge's answer is no") as problem:
        check.score(subject)
    assert problem.value.kind == "judge_parse"


@needs_deepeval
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type": "deepeval:FaithfulnessMetric"}, "needs retrieval_context in its value"),
        ({"judge": None}, "needs a judge"),
        ({"value": {"input": "x", "strict": True}}, "takes no 'strict'"),
        ({"type": "deepeval:GEval"}, "needs steps"),
        ({"repeats": 2}, "asked once"),
        ({"type": "deepeval:TaskCompletionMetric"}, "a case here is one answer"),
        ({"type": "deepeval:Missing"}, "no class of that name"),
    ],
)
def test_what_cannot_be_measured_is_refused_when_the_suite_is_read(change, said):
    with pytest.raises(AssertionConfigError, match=said):
        compile_assertion(Assertion(**{**asked("BiasMetric"), **change}))


@needs_deepeval
def test_a_plain_pytest_run_is_neither_slowed_nor_touched(tmp_path):
    """Its plugin costs seconds because it imports the package; without it nothing of the package is loaded."""
    (tmp_path / ".env").write_text("SLUICE_TEST_SECRET=1\n")
    (tmp_path / "test_plain.py").write_text(
        "import os, sys\n"
        "def test_plain():\n"
        "    assert 'deepeval' not in sys.modules and 'SLUICE_TEST_SECRET' not in os.environ\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:deepeval", "test_plain.py"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DEEPEVAL", "PYTEST"))}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sessionfinish" not in done.stdout
    assert not (tmp_path / ".deepeval").exists()
