"""Acceptances by comment: bound to the report that the person read, and to what the pull request's head holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.catalog import GitTree, load
from sluice.cli.forge_reading import parse_judgement, trusted_head
from sluice.errors import nearest
from sluice.forge import artifact
from sluice.forge.authority import Order
from sluice.forge.client import GitHub
from sluice.forge.comment import RunMark
from sluice.forge.failures import Refusal
from sluice.forge.overlay import OverlaidTree, overlay
from sluice.forge.pulls import changes
from sluice.forge.trust import why_not_vouched
from sluice.gate.judgement import Judgement, SuiteJudgement

if TYPE_CHECKING:
    from sluice.evidence.accepting import Change, Wish

METRIC, REMOVAL = "metric:", "removal:"
OPEN = ("fail", "inconclusive", "invalid")


@dataclass(frozen=True, slots=True)
class Reported:
    """What a report is about: its judgement, and the change as main's own code reads it."""

    judgement: Judgement
    change: Change


def reported_change(github: GitHub, root: Path, order: Order, mark: RunMark) -> Reported:
    """Return what the report tells about; raise Refusal where its run cannot vouch for it."""
    from sluice.evidence.accepting import Change

    changed = changes(github, order.pull.base.sha, mark.head)
    why = why_not_vouched(github, mark.run, mark.head, changed)
    if why:
        raise Refusal(f"the report cannot vouch for itself, as {why}; /eval judges with main's own engine")
    judgement = _stored(github, mark)
    main = GitTree(root, "HEAD")
    data = overlay(github, root, changed, models=True)
    return Reported(judgement, Change(load(main), load(OverlaidTree(main, data.files, mark.head[:7], mark.head))))


def _stored(github: GitHub, mark: RunMark) -> Judgement:
    data = artifact.download(github, mark.run, None)
    if data is None:
        raise Refusal("the run that the report names stored no judgement; /eval makes a new one")
    return trusted_head(github, parse_judgement(data), mark.head)


def accepted(root: Path, told: Reported) -> Judgement:
    """Return the judgement as the acceptances on the branch `evidence` leave it."""
    from sluice.evidence.accepting import with_acceptances
    from sluice.evidence.keys import keys_of

    judgement, _ = with_acceptances(told.judgement, told.change, root, keys_of(root, None), datetime.now(UTC))
    return judgement


def wishes(told: Reported, order: Order, days: int) -> Iterator[Wish]:
    """Yield what is to be accepted, suite by suite; raise Refusal for what the report does not show as broken."""
    from sluice.evidence.accepting import Wish

    said = {"reason": order.command.reason or "", "by": order.by, "days": days, "command": order.url}
    author = order.pull.user.login if order.pull.user else None
    words = order.command.cases
    cases = [word for word in words if not word.startswith((METRIC, REMOVAL))]
    by_suite: dict[str, list[str]] = {}
    for case in cases:
        for suite in _suites_with(told.judgement, case):
            by_suite.setdefault(suite, []).append(case)
    for suite, several in by_suite.items():
        yield Wish(suite, cases=tuple(several), author=author, **said)  # type: ignore[arg-type]
    for word in words:
        if word.startswith(METRIC):
            for suite in _suites_losing(told.judgement, word.removeprefix(METRIC)):
                metric = word.removeprefix(METRIC)
                yield Wish(suite, metric=metric, author=author, **said)  # type: ignore[arg-type]
        elif word.startswith(REMOVAL):
            yield Wish(word.removeprefix(REMOVAL), removal=True, author=author, **said)  # type: ignore[arg-type]


def _suites_with(judgement: Judgement, case: str) -> list[str]:
    """Return the suites where a case is broken."""
    broken = {suite.name: _broken(judgement, suite) for suite in judgement.suites}
    found = [name for name, cases in broken.items() if case in cases]
    if not found:
        known = sorted({one for cases in broken.values() for one in cases})
        raise Refusal(f"the report shows no broken case {case}; {nearest(case, known)[:300]}")
    return found


def _broken(judgement: Judgement, suite: SuiteJudgement) -> set[str]:
    verdicts = [verdict for verdict in judgement.verdict.suites if verdict.suite == suite.name]
    must_pass = {failure.case for verdict in verdicts for failure in verdict.must_pass}
    return {pair.info.id for pair in suite.comparison.pairs if pair.change == "broken"} | must_pass


def _suites_losing(judgement: Judgement, metric: str) -> list[str]:
    """Return the suites whose verdict this metric may be against."""
    against = {
        verdict.suite: {one.metric for one in verdict.metrics if one.word in OPEN} | _gone(verdict.reasons, metric)
        for verdict in judgement.verdict.suites
    }
    found = [suite for suite, metrics in against.items() if metric in metrics]
    if not found:
        raise Refusal(f"nothing in the report is against the metric {metric}")
    return found


def _gone(reasons: tuple[str, ...], metric: str) -> set[str]:
    from sluice.gate.suite import metric_gone

    return {metric} if metric_gone(metric) in reasons else set()


def carry_out(root: Path, told: Reported, order: Order, days: int) -> list[str]:
    """Sign and store every acceptance; return a line about each."""
    from sluice.cli.evidence_writing import accept_wish
    from sluice.evidence.accepting import engine_of

    headers = {suite.name: suite.comparison.head for suite in told.judgement.suites}
    done = []
    for wish in list(wishes(told, order, days)):
        engine = None if wish.removal else engine_of(headers[wish.suite])
        if engine is not None and told.change.candidate(wish.suite, engine) != headers[wish.suite].closure:
            raise Refusal("main moved since the report; bring the branch up to date and let it be judged again")
        digest = accept_wish(root, told.change, wish, engine, push_too=True, moment=order.given_at)
        what = wish.metric or ("its removal" if wish.removal else ", ".join(wish.cases))
        done.append(f"{wish.suite}: {what} ({digest[:19]})")
    return done
