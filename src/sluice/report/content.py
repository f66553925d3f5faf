"""What every rendering of a judgement says, in the order of importance; the renderings only lay it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sluice.compare import Comparison, Pair
from sluice.gate.judgement import Judgement, SuiteJudgement
from sluice.gate.verdict import MetricVerdict, SuiteVerdict, Verdict, Word
from sluice.report import cases, gates, numbers, resources, slices
from sluice.report.privacy import Audience, may_show, shown_to
from sluice.report.visible import clipped, one_line

SYMBOLS: Mapping[Word, str] = {
    "pass": "\u2713",
    "fail": "\u2717",
    "inconclusive": "?",
    "invalid": "!",
    "first": "+",
    "accepted": "\u2713",
    "skipped": numbers.UNKNOWN,
}
SLOWEST = 5
_IDENTITY = ("engine", "version", "model", "revision")
_NEXT: Mapping[Word, tuple[str, ...]] = {
    "fail": ("mend the change and run sluice eval again; what was answered is not asked for again",),
    "invalid": ("mend what is named above and run sluice eval again; what was answered is kept",),
    "inconclusive": ("add cases", "ask someone other than the author to accept it"),
    "first": ("merge it: the next change is compared with it",),
}


@dataclass(frozen=True, slots=True)
class SuiteContent:
    """One suite: its gates, what happened to its cases, and what it took."""

    name: str
    facts: str
    """Prompt, dataset and model in one line."""
    engine: str
    servers: tuple[str, ...]
    """What the servers that answered said of themselves, each in one line; empty where nothing was asked."""
    word: Word
    progress: str
    """How far the plan was run, where an early look decided; else empty."""
    metrics: tuple[MetricVerdict, ...]
    rows: tuple[gates.GateRow, ...]
    reasons: tuple[str, ...]
    moved: tuple[str, ...]
    """How base's results move where cases were edited, and how else the verdict came about."""
    why: tuple[str, ...]
    must_pass: tuple[str, ...]
    counts: cases.Counts
    first: bool
    """Whether there was no base: then cases are told by head alone."""
    broken: tuple[Pair, ...]
    """Worst first; must-pass failures lead. Where there is no base: the cases that head fails."""
    failing: tuple[Pair, ...]
    """Must-pass cases that head fails as base did."""
    repaired: tuple[Pair, ...]
    changed: tuple[Pair, ...]
    flaky: tuple[Pair, ...]
    errors: tuple[Pair, ...]
    slowest: tuple[resources.Slow, ...]
    slices: slices.SliceFindings
    base: resources.SideResources
    head: resources.SideResources
    usage: str
    withheld: bool
    """Whether the dataset's card keeps outputs from this audience."""


@dataclass(frozen=True, slots=True)
class Content:
    """A judgement, ready to be laid out."""

    word: Word
    title: str
    """The verdict in words with the figures of the metric that decides it."""
    counts: str
    sides: str
    base_commit: str | None
    head_commit: str | None
    edits: tuple[str, ...]
    reasons: tuple[str, ...]
    """What is not about one suite."""
    suites: tuple[SuiteContent, ...]
    unaffected: tuple[str, ...]
    next_steps: tuple[str, ...]
    usage: str


def content(judgement: Judgement, audience: Audience) -> Content:
    """Return what a report says to this audience; texts of others are still as they were, but for what is withheld."""
    judgement = shown_to(judgement, audience)
    verdict = judgement.verdict
    verdicts = {suite.suite: suite for suite in verdict.suites}
    suites = tuple(_suite(suite, verdicts.get(suite.name), audience) for suite in judgement.suites)
    return Content(
        word=verdict.word,
        title=title(verdict),
        counts=_counts(judgement, suites),
        sides=f"{_side(judgement.base, judgement.base_commit)} {gates.ARROW} "
        f"{_side(judgement.head, judgement.head_commit)}",
        base_commit=judgement.base_commit,
        head_commit=judgement.head_commit,
        edits=tuple(map(one_line, judgement.edits)),
        reasons=_own_reasons(verdict),
        suites=suites,
        unaffected=judgement.unaffected,
        next_steps=tuple(map(one_line, verdict.ways_out or _NEXT.get(verdict.word, ()))),
        usage=_total_usage(judgement) if judgement.suites else "",
    )


def main_metric(verdict: Verdict) -> tuple[str, MetricVerdict] | None:
    """Return (suite, metric) that decides: the worst of the word; for a pass the first that moved, else the first."""
    blocking = [(suite.suite, metric) for suite in verdict.suites for metric in suite.metrics if metric.blocking]
    words = ("fail", "inconclusive") if verdict.word == "accepted" else (verdict.word,)
    same = [one for one in blocking if one[1].word in words]
    if verdict.word in ("fail", "inconclusive", "accepted"):
        return min(same, key=lambda one: (one[1].lower is None, one[1].lower or 0.0), default=None)
    if verdict.word == "invalid":
        return None
    # For a pass the first metric speaks, unless another one moved for certain.
    return next((one for one in same if _moved(one[1])), next(iter(same or blocking), None))


def _moved(metric: MetricVerdict) -> bool:
    return metric.kind != "ratio" and ((metric.lower or 0.0) > 0.0 or (metric.upper or 0.0) < 0.0)


def title(verdict: Verdict) -> str:
    """Return the verdict in words with the figures of the metric that decides it, in one line."""
    word = _word(verdict)
    if not verdict.suites and verdict.word == "pass":
        return f"{word}: nothing that an eval depends on has changed"
    found = main_metric(verdict)
    if found is None:
        reason = next(iter(verdict.reasons), "")
        if len(verdict.suites) == 1:
            reason = reason.removeprefix(f"{verdict.suites[0].suite}: ")
        return f"{word}: {one_line(reason)}" if reason else word
    suite, metric = found
    name = f"{suite} {metric.metric}" if len(verdict.suites) > 1 else metric.metric
    others = sum(
        one.blocking and one.word == verdict.word for suite_ in verdict.suites for one in suite_.metrics
    ) - 1  # fmt: skip
    more = (
        f" and {numbers.counted(others, 'more metric')}"
        if others > 0 and verdict.word in ("fail", "inconclusive")
        else ""
    )
    return f"{word}: {one_line(name)} {gates.main_figures(metric)}{more}"


def _word(verdict: Verdict) -> str:
    if verdict.tolerated:
        return "inconclusive, let through by the policy"
    return "pass (accepted)" if verdict.word == "accepted" else verdict.word


def _counts(judgement: Judgement, suites: tuple[SuiteContent, ...]) -> str:
    if not suites:
        return ""
    total = sum(suite.counts.compared for suite in suites)
    planned = sum(suite.comparison.planned for suite in judgement.suites)
    of = f"{total:,} of {planned:,} planned cases" if planned > total else numbers.counted(total, "case")
    if all(suite.first for suite in suites):
        return f"{sum(len(suite.broken) for suite in suites):,} failing of {of}; nothing to compare with"
    broken, repaired, changed, errors, flaky = (
        sum(getattr(suite.counts, name) for suite in suites)
        for name in ("broken", "repaired", "changed", "errors", "flaky")
    )
    told = [f"{broken:,} broken", f"{repaired:,} repaired", f"{changed:,} changed", numbers.counted(errors, "error")]
    return f"{', '.join([*told, f'{flaky:,} flaky'] if flaky else told)} in {of}"


def _side(label: str, commit: str | None) -> str:
    shortened = short_commit(commit)
    label = one_line(label)
    return f"{label} {shortened}" if shortened and shortened not in label else label


def short_commit(commit: str | None) -> str:
    """Return the first seven hex digits of a commit, or nothing where it is no commit."""
    digits = (commit or "").lower()
    return digits[:7] if len(digits) >= 7 and all(digit in "0123456789abcdef" for digit in digits) else ""


def _own_reasons(verdict: Verdict) -> tuple[str, ...]:
    said = {f"{suite.suite}: {reason}" for suite in verdict.suites for reason in suite.reasons}
    return tuple(one_line(reason) for reason in verdict.reasons if reason not in said and verdict.suites)


def _suite(suite: SuiteJudgement, verdict: SuiteVerdict | None, audience: Audience) -> SuiteContent:
    first = _is_first(verdict)
    comparison = _head_alone(suite.comparison) if first else suite.comparison
    metrics = verdict.metrics if verdict else ()
    must_pass = {case.case for case in verdict.must_pass} if verdict else set()
    blocking = {metric.metric for metric in metrics if metric.blocking}
    broken = [pair for pair in comparison.pairs if _is_broken(pair, first=first)]
    failing = [pair for pair in comparison.pairs if pair.info.id in must_pass and pair not in broken]
    before, after = resources.resources(comparison)
    return SuiteContent(
        name=one_line(suite.name),
        facts=one_line(f"{suite.prompt} on {suite.dataset} with {suite.model}"),
        engine=_engine(suite),
        servers=_servers(suite.comparison),
        word=verdict.word if verdict else "invalid",
        progress=_progress(verdict),
        metrics=metrics,
        rows=tuple(gates.gate_row(metric) for metric in metrics),
        reasons=_reasons(verdict, first=first),
        moved=tuple(map(one_line, (*suite.moved, *suite.notes))),
        why=tuple(map(one_line, suite.why)),
        must_pass=tuple(sorted(must_pass)),
        counts=cases.count(comparison),
        first=first,
        broken=cases.worst_first(broken, must_pass, blocking),
        failing=tuple(failing),
        repaired=cases.worst_first(comparison.changed("repaired"), set(), set()),
        changed=cases.worst_first(comparison.changed("changed"), set(), set()),
        flaky=tuple(pair for pair in comparison.pairs if cases.is_flaky(pair)),
        errors=comparison.changed("error"),
        slowest=resources.slowest(comparison, SLOWEST),
        slices=slices.find_slices(comparison, {metric.metric: metric for metric in metrics}),
        base=before,
        head=after,
        usage=_usage(suite),
        withheld=not may_show(suite.outputs, audience),
    )


def _is_first(verdict: SuiteVerdict | None) -> bool:
    """Tell whether a suite was judged without a base; a floor that a new suite breaks makes its word `fail`."""
    if verdict is None:
        return False
    told = [metric for metric in verdict.metrics if metric.head is not None]
    return verdict.word == "first" or (bool(told) and all(metric.base is None for metric in told))


def _head_alone(comparison: Comparison) -> Comparison:
    """Return the comparison without its base, which only repeats head where there was none."""
    pairs = tuple(replace(pair, base=(), change="same") for pair in comparison.pairs)
    return replace(comparison, pairs=pairs, metrics={})


def _is_broken(pair: Pair, *, first: bool) -> bool:
    return any(result.state == "fail" for result in pair.head) if first else pair.change == "broken"


def _progress(verdict: SuiteVerdict | None) -> str:
    if verdict is None or verdict.look >= verdict.looks:
        return ""
    return f"decided at look {verdict.look} of {verdict.looks}, after {verdict.compared:,} of {verdict.planned:,} cases"


def _tells(verdict: SuiteVerdict, metric: MetricVerdict) -> bool:
    """Whether a metric needs a sentence: beside a failure, what could not be decided is no news."""
    return verdict.word != "fail" or metric.word == "fail"


def _reasons(verdict: SuiteVerdict | None, *, first: bool) -> tuple[str, ...]:
    """Return the explanations of the metrics, and the gate's reasons that they do not already give."""
    if verdict is None:
        return ("this suite has no verdict",)
    told = (
        {}
        if first or verdict.word == "invalid"
        else {metric.metric: gates.explanation(metric) for metric in verdict.metrics if _tells(verdict, metric)}
    )
    hushed = (
        []
        if first or verdict.word == "invalid"
        else [one.metric for one in verdict.metrics if not _tells(verdict, one)]
    )
    explained = [*hushed, *(name for name, text in told.items() if text)]
    rest = [reason for reason in verdict.reasons if not any(reason.startswith(f"{name} ") for name in explained)]
    return (*map(one_line, rest), *(text for text in told.values() if text))


def _engine(suite: SuiteJudgement) -> str:
    before, after = _facts(suite.comparison.base.engine), _facts(suite.comparison.head.engine)
    return after if before == after else f"base: {before}; head: {after}"


def _servers(comparison: Comparison) -> tuple[str, ...]:
    base, head = (_identities(side.engine.get("servers")) for side in (comparison.base, comparison.head))
    if base == head or not base or not head:
        return tuple(f"answered by {one}" for one in dict.fromkeys((*base, *head)))
    return (*(f"base was answered by {one}" for one in base), *(f"head was answered by {one}" for one in head))


def _identities(servers: object) -> tuple[str, ...]:
    """Tell each server's engine, version, model and revision; a stored file may hold anything here."""
    known = [one for one in servers if isinstance(one, Mapping)] if isinstance(servers, list | tuple) else []
    words = (" ".join(str(one[name]) for name in _IDENTITY if isinstance(one.get(name), str)) for one in known[:4])
    return tuple(clipped(one_line(word), 200) for word in words if word)


def _facts(engine: Mapping[str, object]) -> str:
    """Name the engine, then every fact about it that is a plain value; a stand-in is such a fact."""
    plain = {key: value for key, value in sorted(engine.items()) if isinstance(value, str | int | float) and value}
    name = plain.pop("engine", None)
    told = [str(name)] if name else []
    return clipped(one_line(", ".join([*told, *(f"{key} {value}" for key, value in plain.items())])), 400)


def _usage(suite: SuiteJudgement) -> str:
    return _usage_text(
        suite.usage.calls, suite.usage.reused, suite.usage.shared, suite.usage.retries, suite.usage.cost,
        suite.usage.seconds,
    )  # fmt: skip


def _total_usage(judgement: Judgement) -> str:
    used = [suite.usage for suite in judgement.suites]
    return _usage_text(
        sum(one.calls for one in used), sum(one.reused for one in used), sum(one.shared for one in used),
        sum(one.retries for one in used), sum(one.cost for one in used), sum(one.seconds for one in used),
    )  # fmt: skip


def _usage_text(calls: int, reused: int, shared: int, retries: int, cost: float, seconds: float) -> str:
    parts = [numbers.counted(calls, "call")]
    if reused:
        parts.append(f"{numbers.count(reused)} reused")
    if shared:
        parts.append(f"{numbers.count(shared)} shared with base")
    if retries:
        parts.append(numbers.counted(retries, "retry", "retries"))
    if cost:
        parts.append(numbers.money(cost))
    return ", ".join([*parts, numbers.duration(seconds)])
