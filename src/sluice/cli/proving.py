"""How evidence takes part in an eval: answers it holds are not asked for again, acceptances on it count."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from sluice.cache import CompletionCache
from sluice.catalog import Catalog
from sluice.cli.options import Repository
from sluice.evidence.accepting import Change as Sides
from sluice.evidence.accepting import with_acceptances
from sluice.evidence.keys import read_keys
from sluice.evidence.reusing import Reuse, reuse, told, unproven
from sluice.gate.changes import Affected, Change, mixed
from sluice.gate.judgement import Judgement
from sluice.runner.closure import Closure
from sluice.runner.merge import COMPLETIONS


def needs_proof(repo: Repository, base: Catalog | None, arguments: argparse.Namespace) -> Callable[[Closure], bool]:
    """Return what tells whether a suite that did not change must be judged all the same."""
    return unproven(repo.root, base) if arguments.unproven else lambda closure: False


def reuse_evidence(
    repo: Repository, base: Catalog | None, head: Catalog, change: Change, arguments: argparse.Namespace
) -> Reuse:
    """Fill the completion cache with what signed runs hold of a change, by the keys of base; say what was not used."""
    if base is None or arguments.no_evidence or not change.affected:
        return Reuse()
    closures = [one for each in change.affected for one in _closures(base, head, each)]
    cache = CompletionCache(repo.state / COMPLETIONS)
    try:
        found = reuse(repo.root, base, closures, cache)
    finally:
        cache.close()
    _say(found.words)
    return found


def _closures(base: Catalog, head: Catalog, affected: Affected) -> Iterable[Closure]:
    """Yield every closure whose answers a suite may need: head's, base's own, and base's under head's cases."""
    yield affected.head
    if affected.base is not None and affected.base_engine is not None:
        yield affected.base
        yield mixed(base, affected.base_engine, head, affected.head)


def settled(repo: Repository, base: Catalog | None, head: Catalog, judgement: Judgement, reused: Reuse) -> Judgement:
    """Return the judgement with what came from evidence, and as acceptances by the keys of base leave it."""
    judgement = told(judgement, reused)
    if base is None or judgement.verdict.word not in ("fail", "inconclusive", "invalid"):
        return judgement
    keys = read_keys(base.tree)
    judgement, words = with_acceptances(judgement, Sides(base, head), repo.root, keys, datetime.now(UTC))
    _say(words)
    return judgement


def _say(words: Iterable[str]) -> None:
    for line in words:
        print(f"sluice: {line}", file=sys.stderr)
