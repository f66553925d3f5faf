"""Suites and the change: must-pass, invalid, Holm over suites, first, and the order of the words."""

from dataclasses import replace

import pytest

from sluice.compare import compare
from sluice.errors import ExitCode
from sluice.gate.evidence import Looks
from sluice.gate.suite import Policy, SuiteState, decide_all, decide_first, decide_look, overall
from sluice.gate.verdict import SuiteVerdict
from sluice.results import CaseInfo, CaseResult, MetricScore, Run, RunHeader
from sluice.schema import Assertion, Gate, Suite


def suite(**changes):
    given = {
        "description": "x", "prompt": "p", "dataset": "d",
        "assertions": (Assertion(metric="m", type="equals", value="1"),),
        "gates": {"m": Gate(max_drop=0.05)},
    }  # fmt: skip
    return Suite(**{**given, **changes})


def run(states, name="s", side="head"):
    header = RunHeader(name, "x", f"sha256:{side}", None, {}, "p", len(states), ("m",))
    return Run(header, tuple(result(f"c{n}", state) for n, state in enumerate(states)))


def result(case, state):
    metrics = {} if state == "error" else {"m": MetricScore(float(state == "pass"), state == "pass", "wrong")}
    kind = "provider" if state == "error" else None
    return CaseResult(
        case, 0, state, "r", output=state, metrics=metrics, error_kind=kind, cost=0.5, latency=1.0, called=True
    )


def state(base, head, policy_suite=None, name="s"):
    infos = [CaseInfo(f"c{n}", {}, None, {}) for n in range(len(head))]
    comparison = compare(run(base, name, "base"), run(head, name), infos, {"m": "binary"})
    policy = Policy(policy_suite or suite(), 1, {"m": Looks((len(head),))}, batching=False, last_look=0)
    return SuiteState(comparison, policy, 0, None)


def words(*states):
    return [verdict.word for verdict in decide_all(states)]


GOOD = ["pass"] * 300


def test_unchanged_passes():
    assert words(state(GOOD, GOOD)) == ["pass"]


def test_a_drop_fails():
    assert words(state(GOOD, ["fail"] * 60 + GOOD[60:])) == ["fail"]


def test_a_must_pass_case_fails_the_suite_alone():
    [verdict] = decide_all([state(GOOD, ["fail", *GOOD[1:]], suite(must_pass=("c0",)))])
    assert verdict.word == "fail"
    assert verdict.must_pass[0].case == "c0"
    assert "wrong" in verdict.reasons[0]


def test_a_must_pass_case_that_could_not_run_is_invalid():
    [verdict] = decide_all([state(GOOD, ["error", *GOOD[1:]], suite(must_pass=("c0",)))])
    assert verdict.word == "invalid"


def test_a_must_pass_case_that_is_gone_is_invalid():
    assert words(state(GOOD, GOOD, suite(must_pass=("c999",)))) == ["invalid"]


def test_too_many_errors_are_invalid_even_where_the_rest_fails():
    head = ["error"] * 10 + ["fail"] * 60 + GOOD[70:]
    [verdict] = decide_all([state(GOOD, head)])
    assert verdict.word == "invalid"
    assert "scored" in verdict.reasons[0]


def test_a_gated_metric_that_is_gone_is_invalid():
    gone = suite(gates={"m": Gate(max_drop=0.05), "other": Gate(max_drop=0.05)})
    assert words(state(GOOD, GOOD, gone)) == ["invalid"]


def test_a_warning_never_blocks():
    warn = suite(gates={"m": Gate(max_drop=0.05, tier="warn")})
    [verdict] = decide_all([state(GOOD, ["fail"] * 60 + GOOD[60:], warn)])
    assert verdict.word == "pass"
    assert verdict.metrics[0].word == "fail"


def test_holm_runs_over_all_suites():
    # One small drop alone is significant at the nominal level; beside an unchanged suite it is not.
    small = ["fail"] * 14 + ["pass"] * 286
    before = ["pass"] * 295 + ["fail"] * 5
    after = small[:295] + ["pass"] * 5
    strict = suite(gates={"m": Gate(max_drop=0.01)})
    assert words(state(before, after, strict)) == ["fail"]
    others = [state(GOOD, GOOD, suite(gates={"m": Gate(max_drop=0.05)}), name=f"s{n}") for n in range(6)]
    assert words(state(before, after, strict), *others)[0] == "inconclusive"


def test_an_interim_look_goes_on_until_all_blocking_metrics_are_decided():
    one = state(GOOD, GOOD)
    two_looks = replace(one.policy, looks={"m": Looks((300, 600))}, last_look=1)
    assert decide_look(one.comparison, two_looks, 0).word == "pass"
    undecided = replace(two_looks, suite=suite(gates={"m": Gate(max_drop=0.05), "late": Gate(max_drop=0.05)}),
                        looks={"m": Looks((300, 600)), "late": Looks((0, 300))})  # fmt: skip
    assert decide_look(one.comparison, undecided, 0).word == "inconclusive"


class TestFirst:
    def test_without_base_the_best_is_first(self):
        one = state(GOOD, GOOD, suite(gates={"m": Gate(max_drop=0.05, floor=0.9)}))
        assert decide_first(one.comparison, one.policy).word == "first"

    def test_below_the_floor_fails(self):
        low = ["fail"] * 100 + GOOD[100:]
        one = state(low, low, suite(gates={"m": Gate(max_drop=0.05, floor=0.9)}))
        verdict = decide_first(one.comparison, one.policy)
        assert verdict.word == "fail"
        assert "floor" in verdict.reasons[0]


class TestRatios:
    def test_a_much_dearer_head_fails_its_cost_gate(self):
        gates = {"m": Gate(max_drop=0.05), "cost": Gate(max_ratio=1.2)}
        one = state(GOOD, GOOD, suite(gates=gates))
        dear = [replace(pair, head=(replace(pair.head[0], cost=1.0),)) for pair in one.comparison.pairs]
        changed = replace(one, comparison=replace(one.comparison, pairs=tuple(dear)))
        assert words(changed) == ["fail"]
        assert words(one) == ["pass"]

    def test_a_batching_engine_only_warns_on_latency(self):
        gates = {"m": Gate(max_drop=0.05), "latency": Gate(max_ratio=1.2)}
        one = state(GOOD, GOOD, suite(gates=gates))
        slow = [replace(pair, head=(replace(pair.head[0], latency=9.0),)) for pair in one.comparison.pairs]
        changed = replace(one, comparison=replace(one.comparison, pairs=tuple(slow)))
        assert words(changed) == ["fail"]
        assert words(replace(changed, policy=replace(changed.policy, batching=True))) == ["pass"]

    def test_reused_latency_is_skipped(self):
        gates = {"m": Gate(max_drop=0.05), "latency": Gate(max_ratio=1.2)}
        one = state(GOOD, GOOD, suite(gates=gates))
        reused = [replace(pair, base=(replace(pair.base[0], called=False),)) for pair in one.comparison.pairs]
        [verdict] = decide_all([replace(one, comparison=replace(one.comparison, pairs=tuple(reused)))])
        assert verdict.word == "pass"
        assert verdict.metrics[-1].word == "skipped"


def told(word):
    return SuiteVerdict("s", word, (), (), ("why",), 1, 1, 10, 10)


class TestOverall:
    @pytest.mark.parametrize(
        ("suites", "word", "code"),
        [
            ([], "pass", ExitCode.OK),
            (["pass", "first"], "pass", ExitCode.OK),
            (["first"], "first", ExitCode.OK),
            (["pass", "inconclusive"], "inconclusive", ExitCode.CANNOT_JUDGE),
            (["inconclusive", "invalid"], "invalid", ExitCode.CANNOT_JUDGE),
            (["invalid", "fail"], "fail", ExitCode.GATE_NO),
        ],
    )
    def test_the_order_of_words(self, suites, word, code):
        verdict = overall([told(one) for one in suites], (), tolerant=False, stochastic=False)
        assert (verdict.word, verdict.exit_code) == (word, code)

    def test_a_problem_of_the_change_is_invalid(self):
        assert overall([told("pass")], ("gone",), tolerant=False, stochastic=False).word == "invalid"

    def test_ways_out_are_named_in_order(self):
        ways = overall([told("inconclusive")], (), tolerant=False, stochastic=True).ways_out
        assert [way.split()[0] for way in ways] == ["add", "raise", "ask"]

    def test_a_tolerant_policy_lets_an_inconclusive_through(self):
        verdict = overall([told("inconclusive")], (), tolerant=True, stochastic=False)
        assert verdict.word == "inconclusive"
        assert verdict.exit_code == ExitCode.OK


def test_metrics_that_another_run_judges_count_in_the_family():
    """A drop that is proven alone is not yet, while five other tests have not spoken."""
    one = state(GOOD, ["fail"] * 6 + GOOD[6:], suite(gates={"m": Gate(max_drop=0.01)}))
    header = replace(one.comparison.head, closure="sha256:1")
    one = replace(one, comparison=replace(one.comparison, head=header))
    assert [verdict.word for verdict in decide_all([one])] == ["fail"]
    assert [verdict.word for verdict in decide_all([one], elsewhere=5)] == ["inconclusive"]
