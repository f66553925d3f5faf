from __future__ import annotations

from pathlib import Path

import pytest
from trees import build_tree

from sluice.catalog import WorkingTree, load
from sluice.checks.suite_plan import SuitePlan, compile_suites

SUITE = """description: d
prompt: p
dataset: d
assertions:
  - {metric: m, type: python, value: judge}
gates: {m: {max_drop: 0.1}}
"""


def _plan(code: str, root: Path) -> SuitePlan:
    files = {"evals/s.yaml": SUITE, "evals/s.py": code}
    return compile_suites(load(WorkingTree(build_tree(files, root))))["s"]


def test_code_is_read_and_never_run(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    code = f"""
open({str(trap)!r}, "w")
def deco(f):
    open({str(trap)!r}, "w")
    return f
@deco
def judge(output: str, row: open({str(trap)!r}, "w"), extra=open({str(trap)!r}, "w"), *, k=deco(1)) -> bool:
    return True
"""
    plan = _plan(code, tmp_path)
    assert not plan.errors and plan.compiled[0].kind == "binary"
    assert not trap.exists()


@pytest.mark.parametrize(
    "code", ["def other(output, row): ...", "async def judge(output, row): ...", "def judge(output): ...", "judge = 1"]
)
def test_functions_that_cannot_judge(code: str, tmp_path: Path) -> None:
    assert [broken.error.key for broken in _plan(code, tmp_path).errors] == ["value"]


@pytest.mark.parametrize("code", ["def judge(:", "x = '\0'", "\tjudge"])
def test_code_that_does_not_compile_is_one_problem(code: str, tmp_path: Path) -> None:
    plan = _plan(code, tmp_path)
    assert plan.code_error is not None and plan.errors == ()


def test_what_is_retrieved_is_no_field_of_the_rows(tmp_path: Path) -> None:
    prompt = """description: d
owners: [o]
model: m
parameters: {max_tokens: 1}
inputs: {q: {}, found: {}}
messages: [{role: user, content: "{{ q }} {{ found }}"}]
retrieval: {corpus: c, query: "{{ q }}", into: found}
"""
    suite = SUITE.replace("type: python, value: judge", 'type: contains, value: "{{ found }} {{ q }}"')
    for extra, expected in (("", {"q"}), ("retrieve: true\n", {"q"}), ("retrieve: false\n", {"q", "found"})):
        files = {"evals/s.yaml": suite + extra, "prompts/p.yaml": prompt}
        plan = compile_suites(load(WorkingTree(build_tree(files, tmp_path))))["s"]
        assert plan.compiled[0].fields == expected
