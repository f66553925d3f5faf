"""Signed runs, verdicts and acceptances about the ground floor in memory, with made-up results."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from unit.evidence.made import MAKING, NOW, SERVER, Files, hexed, key, keys
from unit.release.made import WHO, catalog, environment, floor

from sluice.digest import digest
from sluice.evidence.acceptances import Said, acceptance_statement
from sluice.evidence.branch import Place
from sluice.evidence.runs import run_statement
from sluice.evidence.signing import signed
from sluice.evidence.stored import WholeRun
from sluice.evidence.subjects import acceptance_digest
from sluice.release.admission import Asked, admit
from sluice.release.candidates import wanted
from sluice.release.comparing import Reference
from sluice.release.proof import Trust
from sluice.results import CaseInfo, CaseResult, MetricScore, Run, RunHeader

CASES = 200
COMMIT = "1" * 40
HERE = "infra/overlays/staging/environment.yaml"
TGI = {**SERVER, "engine": "tgi", "model": "carried", "revision": None, "limits": {"max_total_tokens": 512}}


def files(prompt: str = "Say {{ question }}.", **here) -> dict:
    """Return a ground floor without retrieval and with enough cases for a verdict."""
    made = floor()
    del made["prompts/answer.yaml"]["retrieval"], made["datasets/docs.yaml"], made["datasets/docs.jsonl"]
    made["prompts/answer.yaml"]["inputs"] = {"question": {"type": "string"}}
    made["prompts/answer.yaml"]["messages"] = [{"role": "user", "content": prompt}]
    made["datasets/cases.jsonl"] = [{"id": f"c-{n}", "question": f"q {n}", "expected": "a"} for n in range(CASES)]
    made[HERE] = environment(**here)
    return made


def whole_run(one, lost=(), commit=COMMIT, servers=(TGI,), suite="answer") -> WholeRun:
    """Return a complete run of a closure; the cases in `lost` fail."""
    cases = tuple(CaseInfo(f"c-{n}", {}, None, {}) for n in range(CASES))
    engine = {"engine": one.engine, "model": one.model, "title": one.title, "servers": list(servers)}
    header = RunHeader(suite, commit, one.closure.digest, commit, engine, digest("plan"), CASES, ("correct",))
    results = tuple(_result(case.id, index not in lost) for index, case in enumerate(cases))
    return WholeRun("none", {"correct": "binary"}, Run(header, results), cases)


def _result(case: str, passed: bool) -> CaseResult:
    return CaseResult(
        case=case, repeat=0, state="pass" if passed else "fail", request=digest(case), latency=0.1, attempts=1,
        metrics={"correct": MetricScore(float(passed), passed)}, called=True,
    )  # fmt: skip


def run_files(one, lost=(), days_old=0, attempt=1, **header) -> dict[str, bytes]:
    """Return the two files of a run's evidence."""
    making = replace(MAKING, moment=NOW - timedelta(days=days_old))
    statement, file = run_statement(whole_run(one, lost, **header), one.closure, (), making)
    place = Place("run", hexed(one.closure.digest), attempt)
    return {place.path: signed(statement, key()), place.run_path: file}


def acceptance_files(candidate: str, policy: str, **said) -> dict[str, bytes]:
    """Return the file of an acceptance that holds for a week."""
    told = Said("answer", candidate, policy, "we know", "someone", NOW + timedelta(days=7), **said)
    statement = acceptance_statement(told, MAKING)
    place = Place("acceptance", hexed(acceptance_digest(candidate, policy, statement.facts)))
    return {place.path: signed(statement, key())}


def best(found, name="answer"):
    """Return the closure of exactly what will be served."""
    return wanted(found, "staging", name)[0]


def asked(head, before=None, anchor=None, approver=None) -> Asked:
    """Return the question about a ground floor after others; each is (catalog, the run's closure)."""
    current = _reference(*before, "what staging runs now") if before else None
    return Asked(head, "staging", current, _reference(*anchor, "its anchor") if anchor else None, approver)


def _reference(found, one, label) -> Reference:
    return Reference(label, found, {"answer": one.closure.digest})


def decide(question: Asked, *evidence: dict[str, bytes]):
    """Ask for admission with this evidence on the branch."""
    branch = Files({path: data for one in evidence for path, data in one.items()})
    return admit(question, Trust(branch, keys(), NOW))


def reasons(admission) -> list[str]:
    return [one.reason for one in admission.refusals]


__all__ = ["COMMIT", "NOW", "TGI", "WHO", "acceptance_files", "asked", "best", "catalog", "decide", "files", "reasons"]
