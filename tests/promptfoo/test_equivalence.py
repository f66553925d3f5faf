"""Imported configurations give, case by case, what the real `promptfoo eval` gives on the same outputs."""

from collections import Counter
from pathlib import Path

import pytest

from promptfoo import real
from sluice.catalog import WorkingTree, load
from sluice.interchange.promptfoo import import_config
from sluice.providers.base import Completion
from sluice.results import CaseInfo
from sluice.runner.scoring import Scorer, load_code
from sluice.schema import Price
from sluice.template import compile_template

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
CONFIGS = sorted(path.parent.name for path in (HERE / "configs").glob("*/promptfooconfig.yaml"))
FREE = Price(input_per_million=0, output_per_million=0)


def imported(config, root):
    """Import a configuration, write its files and read them back by the real reader."""
    result = import_config(config, config.parent, allow_code=True)
    assert result.complete, "\n".join(str(one) for one in result.findings if one.severity == "error")
    for name, text in result.files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return load(WorkingTree(root)).require_valid()


def scored(catalog, name):
    """Score a suite's cases on what promptfoo would have answered: the recorded output, or the prompt itself."""
    suite = catalog.suites[name].value
    scorer = Scorer(suite, load_code(catalog, name))
    prompt = catalog.prompts[suite.prompt].value
    dataset = catalog.datasets[suite.dataset]
    for row in dataset.rows:
        texts = [compile_template(message.content).render(row) for message in prompt.messages]
        output = row.get("provider_output") or "\n".join(texts)
        case = CaseInfo(dataset.case_id(row), row, None, {})
        answer = Completion(text=output, finish_reason=None, prompt_tokens=1, completion_tokens=1, latency=0.001)
        result = scorer.score(case, 0, "sha256:0", answer, called=False, price=FREE)
        yield row, output, result


def bare(output):
    """A key for an output: promptfoo writes JSON that stands in texts anew, without blanks."""
    return "".join(output.split())


@pytest.mark.parametrize("name", CONFIGS)
def test_same_outcome_and_score(name, tmp_path):
    config = HERE / "configs" / name / "promptfooconfig.yaml"
    catalog = imported(config, tmp_path / "repository")
    theirs = Counter()
    for row in real.rows(real.evaluate(tmp_path, config)):
        theirs[bare(row.output), "error" if row.error else "pass" if row.passed else "fail", round(row.score, 9)] += 1
    ours = Counter()
    for suite in catalog.suites:
        repeats = catalog.suites[suite].value.repeats
        for _, output, result in scored(catalog, suite):
            score = result.metrics["score"].value if result.metrics else 0
            ours[bare(output), result.state, round(score, 9)] += repeats
    assert ours == theirs
