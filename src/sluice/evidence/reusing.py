"""Answers that signed runs hold: what was judged before is not asked for again. What does not verify is never used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sluice.cache import CompletionCache
from sluice.catalog import Catalog
from sluice.digest import short
from sluice.evidence.branch import Branch
from sluice.evidence.keys import Keys, read_keys
from sluice.evidence.runs import MASK
from sluice.evidence.unverified import Unverified
from sluice.evidence.verifying import RunEvidence, find_run
from sluice.gate.judgement import Judgement, SuiteJudgement
from sluice.providers.base import Completion
from sluice.results import CaseResult
from sluice.runner.closure import Closure


@dataclass(frozen=True, slots=True)
class Reuse:
    """What evidence gives to a run: completions by key, the closure of the run that holds each, and what to say."""

    words: tuple[str, ...] = ()
    completions: Mapping[str, Completion] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)


def reuse(root: Path, base: Catalog, closures: Sequence[Closure], cache: CompletionCache) -> Reuse:
    """Put the answers of signed runs of these closures into the cache, and say what was found and what was not used.

    A run counts where its signature is by a key that `base` lists. A completion's key holds the digests of the
    request and of the model that answered, so an answer can serve no other request. Where base lists no key,
    nothing was ever set up and nothing is said.
    """
    keys = read_keys(base.tree)
    if not keys:
        return Reuse()
    with Branch(root) as branch:
        if not branch.known:
            return Reuse((branch.absence(),))
        words = list(branch.rewritten())
        completions: dict[str, Completion] = {}
        sources: dict[str, str] = {}
        for closure in {one.digest: one for one in closures}.values():
            answers = _answers(branch, closure, keys, words)
            completions.update(answers)
            sources.update(dict.fromkeys(answers, closure.digest))
    cache.put(completions)
    return Reuse(tuple(words), completions, sources)


def _answers(branch: Branch, closure: Closure, keys: Keys, words: list[str]) -> dict[str, Completion]:
    try:
        found = find_run(branch, closure.digest, keys)
    except Unverified as problem:
        words.append(f"evidence of {closure.suite} is not used: {problem}")
        return {}
    answers = answers_of(found) if found is not None else {}
    words += [_withheld(found)] if found is not None and not answers else []
    return answers


def unproven(root: Path, base: Catalog | None) -> Callable[[Closure], bool]:
    """Return what tells whether a closure has no run evidence that verifies."""
    keys = read_keys(base.tree) if base is not None else None
    branch = Branch(root)

    def lacks(closure: Closure) -> bool:
        try:
            return not keys or find_run(branch, closure.digest, keys) is None
        except Unverified:
            return True
        finally:
            branch.close()

    return lacks


def answers_of(run: RunEvidence) -> dict[str, Completion]:
    """Return key -> completion of every result whose output was kept as the model gave it."""
    return {result.request: _completion(result) for result in run.whole.run.cases if _is_answer(result)}


def _is_answer(result: CaseResult) -> bool:
    kept = result.output is not None and MASK not in result.output
    return kept and result.state in ("pass", "fail") and result.latency is not None and bool(result.request)


def _completion(result: CaseResult) -> Completion:
    return Completion(
        text=result.output or "",
        finish_reason=result.finish_reason,
        prompt_tokens=result.prompt_tokens,
        completion_tokens=result.completion_tokens,
        latency=result.latency or 0.0,
        attempts=result.attempts,
    )


def _withheld(run: RunEvidence) -> str:
    return (
        f"evidence of {run.facts.suite.name} holds states, but no outputs (the card says "
        f"`outputs: {run.whole.outputs}`), so the model is asked again"
    )


def told(judgement: Judgement, reused: Reuse) -> Judgement:
    """Return the judgement with a note in each suite whose answers are those of signed runs."""
    if not reused.sources:
        return judgement
    return replace(judgement, suites=tuple(_told(suite, reused) for suite in judgement.suites))


def _told(suite: SuiteJudgement, reused: Reuse) -> SuiteJudgement:
    pairs = suite.comparison.pairs
    sides = {
        "base": [result for pair in pairs for result in pair.base],
        "head": [result for pair in pairs for result in pair.head],
    }
    given = {side: [one for one in results if _is_from(one, reused)] for side, results in sides.items()}
    runs = sorted({short(reused.sources[one.request]) for results in given.values() for one in results})
    if not runs:
        return suite
    parts = [f"{len(given[side]):,} of {len(sides[side]):,} answers of {side}" for side in sides if given[side]]
    note = f"{' and '.join(parts)} are those of signed runs: {', '.join(runs)}"
    return replace(suite, notes=(*suite.notes, note))


def _is_from(result: CaseResult, reused: Reuse) -> bool:
    """An answer that the cache had before, with other words, is not the evidence's."""
    held = reused.completions.get(result.request)
    return held is not None and not result.called and result.output == held.text
