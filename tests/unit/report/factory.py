"""Small judgements for tests of reports and of whoever shows one: real pairs, real bounds, made-up outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sluice.compare import CaseInfo, Comparison, compare
from sluice.digest import digest, digest_bytes
from sluice.gate.judgement import Judgement, SuiteJudgement, Usage
from sluice.gate.verdict import MetricVerdict, MustPass, SuiteVerdict, Tier, Verdict, Word
from sluice.results import CaseResult, MetricScore, Run, RunHeader, State
from sluice.stats.clusters import count_pairs, paired_bounds
from sluice.stats.paired import mcnemar_two_sided
from sluice.stats.power import detectable_drop

BASE_COMMIT = "1a2b3c4d5e6f708192a3b4c5d6e7f80912a3b4c5"
HEAD_COMMIT = "9f8e7d6c5b4a39281706f5e4d3c2b1a098f7e6d5"
TOPICS = ("payments", "login", "leaderboards", "push", "sdk")
QUESTIONS = {
    "payments": ("How do I switch a build to the payments sandbox?", "Open Settings, choose Sandbox and paste the key"),
    "login": ("Which scopes does guest login ask for?", "Guest login asks for the profile scope only"),
    "leaderboards": ("How often is a leaderboard recomputed?", "A leaderboard is recomputed every 60 seconds"),
    "push": ("What is the largest push payload on Android?", "A push payload may be up to 4096 bytes"),
    "sdk": ("Which SDK version first supports cloud saves?", "Cloud saves are supported from SDK 7.2 on"),
}  # fmt: skip
METRICS = ("correct", "cites_source")
Scores = dict[str, bool]


def info(index: int, **row: Any) -> CaseInfo:
    """Return a planned case; four neighbours share an article."""
    topic = TOPICS[index % len(TOPICS)]
    case = f"q-{index:04d}"
    content = {"id": case, "question": QUESTIONS[topic][0], "topic": topic, **row}
    return CaseInfo(case, content, f"{topic}-{index // 20:03d}", {"topic": topic, "answerable": "true"})


def result(
    case: str, output: str | None, scores: Scores | None = None, *, repeat: int = 0, error: str | None = None,
    latency: float | None = 0.4, called: bool = True, reasons: dict[str, str] | None = None,
) -> CaseResult:  # fmt: skip
    """Return one scored completion, or an error where `error` is its message."""
    told = reasons or {}
    request = digest_bytes(f"{case} {repeat} {output}".encode())
    metrics = {
        name: MetricScore(float(passed), passed, "" if passed else told.get(name, "not found in the output"))
        for name, passed in (scores or {}).items()
    }
    state: State = "error" if error else "pass" if all((scores or {}).values()) else "fail"
    return CaseResult(
        case=case, repeat=repeat, state=state, request=request, output=output, metrics=metrics,
        error_kind="timeout" if error else None, error=error, latency=None if error else latency,
        prompt_tokens=None if error else 220, completion_tokens=None if error else 21,
        cost=None if error else 0.000012, finish_reason="stop", attempts=1, called=called,
    )  # fmt: skip


def header(side: str, planned: int, metrics: Sequence[str] = METRICS) -> RunHeader:
    """Return the header of a made-up run."""
    return RunHeader(
        suite="support-answer", label=side, closure=digest(side), plan=digest("plan"), planned=planned,
        commit=BASE_COMMIT if side == "base" else HEAD_COMMIT,
        engine={"engine": "local", "model": "portal-small", "threads": 2}, metrics=tuple(metrics),
    )  # fmt: skip


def comparison(
    pairs: Sequence[tuple[CaseInfo, CaseResult, CaseResult]],
    metrics: Sequence[str] = METRICS,
    planned: int | None = None,
) -> Comparison:
    """Pair made-up results by the real `compare`."""
    total = planned or len(pairs)
    base = Run(header("base", total, metrics), tuple(before for _, before, _ in pairs))
    head = Run(header("head", total, metrics), tuple(after for _, _, after in pairs))
    return compare(base, head, [one for one, _, _ in pairs], dict.fromkeys(metrics, "binary"))


def edited(
    count: int = 200, *, lost: Sequence[int] = (), repaired: Sequence[int] = (), reworded: Sequence[int] = (),
    errors: Sequence[int] = (), planned: int | None = None,
) -> Comparison:  # fmt: skip
    """Return a comparison where head drops the citation of some cases, repairs or rewords others, or errs."""
    pairs = []
    for index in range(count):
        case = info(index)
        answer = QUESTIONS[case.slices["topic"]][1]
        cited, bare = f"{answer}. [{case.cluster}]", f"{answer}."
        good: Scores = {"correct": True, "cites_source": True}
        bad: Scores = {"correct": True, "cites_source": False}
        why = {"cites_source": f"no match for \\[{case.cluster}\\]"}
        before = result(case.id, cited, good, latency=0.38 + 0.001 * (index % 50))
        after = result(case.id, cited, good, latency=0.37 + 0.001 * (index % 60))
        if index in lost:
            after = result(case.id, bare, bad, reasons=why)
        elif index in repaired:
            before = result(case.id, bare, bad, reasons=why)
        elif index in reworded:
            after = result(case.id, cited.replace("Open", "First open").replace("A ", "Every "), good)
        elif index in errors:
            after = result(case.id, None, error="no answer within 30 s")
        pairs.append((case, before, after))
    return comparison(pairs, planned=planned)


def metric(
    compared: Comparison, name: str, word: Word, *, margin: float = 0.05, tier: Tier = "block", **extra: Any
) -> MetricVerdict:
    """Return a metric verdict with true figures and the given word."""
    pairs = compared.metrics[name]
    counts = count_pairs([round(d) for d in pairs.differences], pairs.clusters)
    bounds = paired_bounds(counts, 1.695)
    return replace(
        MetricVerdict(
            metric=name, tier=tier, word=word, kind="binary", n=counts.n, base=sum(pairs.base) / counts.n,
            head=sum(pairs.head) / counts.n, difference=bounds.difference, lower=bounds.lower, upper=bounds.upper,
            margin=margin, broken=counts.broken, repaired=counts.repaired, design_effect=bounds.design_effect,
            clusters=counts.clusters, mcnemar=mcnemar_two_sided(counts.repaired, counts.broken),
            detectable=detectable_drop(bounds.effective_n, max(counts.discordance, 1 / counts.n), 0.045),
        ),
        **extra,
    )  # fmt: skip


def latency(word: Word = "pass", n: int = 200) -> MetricVerdict:
    """Return a latency gate that only warns."""
    return MetricVerdict("latency", "warn", word, "ratio", n, 0.404, 0.398, 0.985, 0.962, 1.009, 1.5)


def suite(compared: Comparison, **extra: Any) -> SuiteJudgement:
    """Return a suite judgement around a comparison."""
    usage = Usage(2 * len(compared.pairs), 0, 0, 0, 80_000, 8_000, 0.0048, 41.2)
    given = SuiteJudgement(
        name="support-answer", prompt="support-answer", dataset="portal-questions", model="portal-small",
        why=("prompts/support-answer.yaml: messages",), comparison=compared, usage=usage, outputs="public",
    )  # fmt: skip
    return replace(given, **extra)


def suite_verdict(compared: Comparison, word: Word, metrics: Sequence[MetricVerdict], **extra: Any) -> SuiteVerdict:
    """Return a suite verdict after the last of five looks."""
    given = SuiteVerdict("support-answer", word, tuple(metrics), (), (), 5, 5, compared.compared, compared.planned)
    return replace(given, **extra)


def judgement(
    one: SuiteJudgement | None, verdict: SuiteVerdict | None, word: Word, reasons: Sequence[str] = (), **extra: Any
) -> Judgement:
    """Return a judgement of one suite, or of none."""
    return Judgement(
        base="origin/main", head="working tree", base_commit=BASE_COMMIT, head_commit=HEAD_COMMIT,
        suites=(one,) if one else (), unaffected=("ticket-triage",), edits=extra.pop("edits", ()),
        verdict=Verdict(word, (verdict,) if verdict else (), tuple(reasons), **extra),
    )  # fmt: skip


def passing() -> Judgement:
    """Return an edit that rewords a few answers and breaks nothing."""
    compared = edited(reworded=(0, 3, 5, 10))
    metrics = (metric(compared, "correct", "pass"), metric(compared, "cites_source", "pass"), latency())
    return judgement(suite(compared), suite_verdict(compared, "pass", metrics), "pass")


def failing() -> Judgement:
    """Return an edit that drops the citation instruction, seen at the second look."""
    compared = edited(
        lost=[i for i in range(200) if i % 9], repaired=(9, 18), reworded=(0, 45), errors=(27,), planned=400
    )
    metrics = (metric(compared, "correct", "pass"), metric(compared, "cites_source", "fail"), latency())
    verdict = suite_verdict(compared, "fail", metrics, reasons=("cites_source got worse",), look=2)
    return judgement(suite(compared), verdict, "fail", ("support-answer: cites_source got worse",))


def below_floor() -> Judgement:
    """Return an edit that only its floor fails: the drop itself is not proven."""
    compared = edited(lost=range(0, 60, 4), repaired=range(1, 40, 4))
    note = "head's rate is at most 95.5%, below the floor of 97%"
    metrics = (
        metric(compared, "correct", "pass"),
        metric(compared, "cites_source", "fail", floor=0.97, notes=(note,)),
    )
    verdict = suite_verdict(compared, "fail", metrics, reasons=(f"cites_source misses its floor ({note})",))
    return judgement(suite(compared), verdict, "fail", (f"support-answer: cites_source misses its floor ({note})",))


def inconclusive() -> Judgement:
    """Return an edit that repairs about as many answers as it breaks."""
    compared = edited(lost=range(0, 60, 4), repaired=range(1, 56, 4))
    metrics = (
        metric(compared, "correct", "pass"),
        metric(compared, "cites_source", "inconclusive", more_cases=412),
        latency(),
    )
    said = "cites_source can be neither passed nor failed"
    return judgement(
        suite(compared), suite_verdict(compared, "inconclusive", metrics, reasons=(said,)), "inconclusive",
        (f"support-answer: {said}",),
        ways_out=(
            "add cases: about 412 more cases for support-answer cites_source, at the flips seen",
            "ask someone other than the author to accept it",
        ),
    )  # fmt: skip


def invalid() -> Judgement:
    """Return a change whose evaluation met too many errors, and that edits a gate."""
    compared = edited(errors=range(40))
    verdict = suite_verdict(
        compared, "invalid", (metric(compared, "correct", "inconclusive"),), reasons=compared.invalid
    )
    return judgement(
        suite(compared), verdict, "invalid", [f"support-answer: {reason}" for reason in compared.invalid],
        edits=("evals/support-answer.yaml: gate correct: max_drop 0.05 -> 0.20 (judged by the base's gate)",),
    )  # fmt: skip


def first() -> Judgement:
    """Return a suite that is new: there is nothing to compare with."""
    compared = edited(lost=range(0, 30, 3))
    own = replace(compared, pairs=tuple(replace(pair, base=pair.head, change="same") for pair in compared.pairs))
    rates = [("correct", 1.0), ("cites_source", 0.95)]
    metrics = [
        MetricVerdict(name, "block", "first", "binary", 200, None, rate, None, None, None, 0.0, floor=0.8)
        for name, rate in rates
    ]
    verdict = suite_verdict(own, "first", metrics, reasons=("there is no base to compare with",))
    return judgement(suite(own), verdict, "first", ("support-answer: there is no base to compare with",))


def unaffected() -> Judgement:
    """Return a change that no suite depends on."""
    return judgement(None, None, "pass", ("nothing that a suite depends on has changed",))


def must_pass() -> Judgement:
    """Return a change that breaks one must-pass case; the gate quotes the assertion's reason."""
    compared = edited(lost=(7,))
    why = compared.pairs[7].head[0].metrics["cites_source"].reason
    said = f"the must-pass case 'q-0007' fails: {why}"
    metrics = (metric(compared, "correct", "pass"), metric(compared, "cites_source", "pass"))
    verdict = suite_verdict(compared, "fail", metrics, must_pass=(MustPass("q-0007", why),), reasons=(said,))
    return judgement(suite(compared), verdict, "fail", (f"support-answer: {said}",))


ALL = {
    "pass": passing, "fail": failing, "inconclusive": inconclusive, "invalid": invalid, "first": first,
    "unaffected": unaffected, "must_pass": must_pass, "below_floor": below_floor,
}  # fmt: skip
