"""GATE 6 to 10 on one metric: the three words, the interim rule, floors, and what is told besides."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.compare import MetricPairs
from sluice.gate.evidence import Looks, MetricEvidence, holm_rejections
from sluice.gate.metric import decide_metric
from sluice.schema import Gate
from sluice.stats.decision import NOMINAL_ALPHA


def evidence(n, repaired, broken, *, gate=None, looks=(1,), look=0, passing=None, clusters=None, kind="binary"):
    """n binary pairs: some repaired, some broken, of the rest `passing` pass on both sides."""
    both = n - repaired - broken if passing is None else passing
    rest = n - repaired - broken - both
    base = [0.0] * repaired + [1.0] * broken + [1.0] * both + [0.0] * rest
    head = [1.0] * repaired + [0.0] * broken + [1.0] * both + [0.0] * rest
    names = tuple(map(str, range(n)))
    pairs = MetricPairs("m", kind, names, tuple(base), tuple(head), clusters or (None,) * n)
    return MetricEvidence("m", gate or Gate(max_drop=0.05), pairs, Looks(tuple(looks)), look)


def decide(one, *, last=True):
    rejected = one.bounds(NOMINAL_ALPHA).upper < 0
    return decide_metric(one, last=last, rejected=rejected)


def test_an_unchanged_metric_passes():
    verdict = decide(evidence(400, 10, 10, looks=(400,)))
    assert verdict.word == "pass"
    assert verdict.difference == 0
    assert verdict.lower < 0 < verdict.upper


def test_51_cases_cannot_pass_five_points_and_52_can():
    # GATE 15 names 52 for a lower bound of -z*z / (n + z*z) at the nominal level.
    words = {n: decide(evidence(n, 0, 0, looks=(n,))).word for n in range(48, 60)}
    first = min(n for n, word in words.items() if word == "pass")
    z2 = 1.6954**2
    assert first == int(z2 * 0.95 / 0.05) + 1
    assert all(words[n] == "inconclusive" for n in range(48, first))


def test_a_clear_drop_fails():
    verdict = decide(evidence(400, 0, 60, looks=(400,)))
    assert verdict.word == "fail"
    assert verdict.upper < 0
    assert verdict.mcnemar < 1e-9


def test_a_wide_trade_is_inconclusive_and_says_what_it_takes():
    verdict = decide(evidence(320, 70, 75, looks=(320,)))
    assert verdict.word == "inconclusive"
    assert verdict.lower <= -0.05 < 0 <= verdict.upper
    assert verdict.detectable > 0.05
    assert verdict.more_cases > 100


def test_a_small_real_drop_inside_the_margin_passes_with_a_note():
    verdict = decide(evidence(3000, 5, 50, looks=(3000,)))
    assert verdict.word == "pass"
    assert verdict.upper < 0
    assert "inside the margin" in verdict.notes[0]


def test_an_interim_fail_needs_the_margin():
    # 400 of 2,000 pairs: significantly worse even at the first look, yet by less than the margin of 30 points.
    gate = Gate(max_drop=0.3)
    looks = (400, 800, 1200, 1600, 2000)
    one = evidence(400, 0, 110, gate=gate, looks=looks)
    assert one.bounds(NOMINAL_ALPHA).upper < 0
    assert decide_metric(one, last=False, rejected=True).word != "fail"
    assert decide_metric(evidence(400, 0, 130, gate=gate, looks=looks), last=False, rejected=True).word == "fail"


def test_interim_bounds_are_wider_than_final_ones():
    early = evidence(400, 10, 12, looks=(400, 2000)).bounds(NOMINAL_ALPHA)
    final = evidence(400, 10, 12, looks=(400,)).bounds(NOMINAL_ALPHA)
    assert early.lower < final.lower
    assert early.upper > final.upper


def test_the_floor_blocks_only_a_head_that_is_below_it_and_below_base():
    gate = Gate(max_drop=0.2, floor=0.9)
    low = decide(evidence(500, 0, 20, gate=gate, looks=(500,), passing=380))
    assert low.word == "fail"
    assert "floor" in low.notes[0]
    same = decide(evidence(500, 0, 0, gate=gate, looks=(500,), passing=380))
    assert same.word == "pass", "base was as far below the floor"
    assert same.notes == ("both sides miss the floor of 90%",)
    close = decide(evidence(500, 0, 5, gate=gate, looks=(500,), passing=445))
    assert close.word == "pass", "not provably below"


def test_the_floor_is_not_read_at_an_interim_look():
    gate = Gate(max_drop=0.2, floor=0.9)
    one = evidence(500, 0, 20, gate=gate, looks=(500, 1000), passing=380)
    assert decide_metric(one, last=False, rejected=False).word == "pass"


def test_clusters_that_flip_together_widen_the_bounds():
    clusters = tuple(f"c{number // 10}" for number in range(400))
    loose = evidence(400, 20, 20, looks=(400,))
    tied = evidence(400, 20, 20, looks=(400,), clusters=clusters)
    assert tied.bounds(NOMINAL_ALPHA).design_effect > 2
    assert tied.bounds(NOMINAL_ALPHA).lower < loose.bounds(NOMINAL_ALPHA).lower


@given(n=st.integers(60, 300), repaired=st.integers(0, 30), broken=st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_words_follow_from_the_bounds(n, repaired, broken):
    verdict = decide(evidence(n, repaired, broken, looks=(n,)))
    expected = "pass" if verdict.lower > -0.05 else "fail" if verdict.upper < 0 else "inconclusive"
    assert verdict.word == expected
    assert verdict.lower <= verdict.difference <= verdict.upper


def test_a_continuous_metric_uses_its_mean():
    rng = random.Random(4)
    base = tuple(rng.random() for _ in range(200))
    pairs = MetricPairs(
        "m", "continuous", tuple(map(str, range(200))), base, tuple(b - 0.2 for b in base), (None,) * 200
    )
    one = MetricEvidence("m", Gate(max_drop=0.05), pairs, Looks((200,)), 0)
    verdict = decide(one)
    assert verdict.word == "fail"
    assert abs(verdict.difference + 0.2) < 1e-9
    assert verdict.mcnemar is None


class TestHolm:
    """Holm over a family equals the published procedure (statsmodels as oracle on the p-values)."""

    def test_equals_the_step_down_on_p_values(self):
        from scipy import stats
        from statsmodels.stats.multitest import multipletests

        from sluice.stats.distributions import normal_tail

        rng = random.Random(7)
        for _ in range(60):
            tests = [evidence(400, b := rng.randint(5, 20), b + rng.randint(0, 14), looks=(400,)) for _ in range(4)]
            p_values = []
            for one in tests:
                counts = one.counts
                z = (counts.broken - counts.repaired) / counts.discordant**0.5
                exact = stats.binom.sf(counts.broken - 1, counts.discordant, 0.5)
                p_values.append(max(normal_tail(z), 0.9 * exact))
            expected = multipletests(p_values, alpha=NOMINAL_ALPHA, method="holm")[0]
            found = holm_rejections(tests, 0, NOMINAL_ALPHA)
            assert found == {index for index, rejected in enumerate(expected) if rejected}

    def test_the_rest_of_the_family_counts(self):
        one = evidence(400, 10, 21, looks=(400,))
        assert holm_rejections([one], 0, NOMINAL_ALPHA) == {0}
        assert holm_rejections([one], 9, NOMINAL_ALPHA) == set()


class TestLooks:
    def test_looks_without_new_cases_are_no_looks_of_the_metric(self):
        looks = Looks((0, 10, 10, 20))
        assert looks.fractions() == (0.5, 1.0)
        assert [looks.index(look) for look in range(4)] == [None, 0, 0, 1]


def test_a_head_that_lost_everything_needs_few_more_cases():
    """What a larger loss takes is asked of that loss, not of the margin."""
    lost = evidence(63, 0, 63, clusters=tuple(str(index // 21) for index in range(63)))
    verdict = decide_metric(lost, last=False, rejected=False)
    assert verdict.word == "inconclusive" and (verdict.more_cases or 0) < 200
