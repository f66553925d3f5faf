"""Makes run evidence of a suite's head: a complete run, the closure that it belongs to, and who answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sluice.compare import Comparison
from sluice.digest import digest_bytes
from sluice.errors import CannotJudge
from sluice.evidence.branch import Place
from sluice.evidence.statement import (
    Named,
    Predicate,
    Result,
    RunFacts,
    RunFile,
    Server,
    Sha256,
    Statement,
    Tally,
    Where,
    resource,
    time_text,
)
from sluice.evidence.stored import WholeRun, pack
from sluice.gate.judgement import SuiteJudgement
from sluice.results import CaseInfo, CaseResult, Run
from sluice.runner.closure import Closure
from sluice.shapes import find_personal_data, find_secrets
from sluice.stored import MetricKind, OutputsRule

MASK = "[masked: "
"""What a report leaves where it took something out; such an output is not what the model said."""


@dataclass(frozen=True, slots=True)
class Making:
    """What every statement of one recording shares."""

    where: Where
    moment: datetime

    @property
    def time(self) -> str:
        """The moment as it is written."""
        return time_text(self.moment)


def complete_head(suite: SuiteJudgement, planned: Collection[str]) -> WholeRun:
    """Return the run of a suite's head, with outputs as far as its card allows.

    Raises CannotJudge unless every planned case was run and the run may be judged: anything less is no evidence.
    """
    comparison = suite.comparison
    ran = {pair.info.id for pair in comparison.pairs if pair.head}
    if comparison.compared < comparison.planned or ran != set(planned):
        raise CannotJudge(
            f"{suite.name}: only {len(ran):,} of {len(planned):,} cases were run, and a partial run is no evidence; "
            "judge with --complete"
        )
    if comparison.invalid:
        raise CannotJudge(f"{suite.name}: the run cannot be judged: {comparison.invalid[0]}")
    cases = tuple(pair.info for pair in comparison.pairs)
    results = tuple(result for pair in comparison.pairs for result in pair.head)
    header = replace(comparison.head, label=comparison.head.commit or comparison.head.label)
    outputs = _outputs(suite.outputs)
    whole = WholeRun(outputs, _kinds(comparison), Run(header, results), cases)
    return _withheld(whole) if outputs == "none" else _without_secrets(whole)


def _outputs(word: str) -> OutputsRule:
    """An unknown word keeps everything to itself."""
    return "public" if word == "public" else "artifact" if word == "artifact" else "none"


def _kinds(comparison: Comparison) -> dict[str, MetricKind]:
    return {metric: pairs.kind for metric, pairs in comparison.metrics.items()}


def _withheld(whole: WholeRun) -> WholeRun:
    """Take out rows, outputs and what may quote them; states, scores, ids and digests stay."""
    cases = tuple(CaseInfo(case.id, {}, case.cluster, case.slices) for case in whole.cases)
    return replace(whole, cases=cases, run=replace(whole.run, cases=tuple(map(_silent, whole.run.cases))))


def _without_secrets(whole: WholeRun) -> WholeRun:
    """Take the output out of every result that holds, or held, a credential or personal data."""
    results = tuple(_silent(result) if _private(result) else result for result in whole.run.cases)
    return replace(whole, run=replace(whole.run, cases=results))


def _silent(result: CaseResult) -> CaseResult:
    metrics = {metric: replace(score, reason="") for metric, score in result.metrics.items()}
    return replace(result, output=None, error=None, metrics=metrics)


def _private(result: CaseResult) -> bool:
    texts = [result.output, result.error, *(score.reason for score in result.metrics.values())]
    joined = "\n".join(text for text in texts if text)
    data = joined.encode("utf-8", "surrogatepass")
    return MASK in joined or any(find_secrets(data)) or any(find_personal_data(data))


def run_statement(
    whole: WholeRun, closure: Closure, must_pass: Collection[str], making: Making
) -> tuple[Statement, bytes]:
    """Return the statement about a run, and the file of its results that lies beside it."""
    file = pack(whole)
    place = Place("run", closure.digest.removeprefix("sha256:"))
    tests = _tests(whole.run)
    facts = RunFacts(
        suite=Named(name=closure.suite),
        evaluated_at=making.time,
        where=making.where,
        sample_size=len(whole.cases),
        commit=whole.run.header.commit or "",
        closure=dict(closure.parts),
        model=closure.model,
        engine={key: value for key, value in whole.run.header.engine.items() if key != "servers"},
        servers=tuple(Server.model_validate(server) for server in whole.run.header.engine.get("servers", ())),
        results=_tally(whole.run),
        run=RunFile(
            name=place.run_path,
            digest=Sha256(sha256=digest_bytes(file).removeprefix("sha256:")),
            size=len(file),
            outputs=whole.outputs,
        ),
    )
    predicate = Predicate(
        result=_result(tests, must_pass),
        configuration=tuple(resource(part, digest) for part, digest in closure.parts.items()),
        url=making.where.url,
        passed_tests=tests["pass"],
        warned_tests=tests["error"],
        failed_tests=tests["fail"],
        sluice=facts,
    )
    return Statement(subject=(resource("closure", closure.digest),), predicate=predicate), file


def _tests(run: Run) -> Mapping[str, tuple[str, ...]]:
    """Return the ids of the cases by state: a case fails with any of its repeats, and errs with any that does not."""
    states: dict[str, set[str]] = {}
    for result in run.cases:
        states.setdefault(result.case, set()).add(result.state)
    worst = {case: next(state for state in ("fail", "error", "skipped", "pass") if state in found)
             for case, found in states.items()}  # fmt: skip
    by_state = {state: tuple(case for case, found in worst.items() if found == state) for state in ("pass", "fail")}
    return {**by_state, "error": tuple(case for case, found in worst.items() if found in ("error", "skipped"))}


def _result(tests: Mapping[str, tuple[str, ...]], must_pass: Collection[str]) -> Result:
    """A run alone judges nothing: it fails with a must-pass case, and warns of any other that did not pass."""
    if set(tests["fail"]) & set(must_pass):
        return "FAILED"
    return "WARNED" if tests["fail"] or tests["error"] else "PASSED"


def _tally(run: Run) -> Tally:
    states = Counter(result.state for result in run.cases)
    return Tally(
        results=len(run.cases),
        passed=states["pass"],
        failed=states["fail"],
        errors=states["error"] + states["skipped"],
        called=sum(result.called for result in run.cases),
    )
