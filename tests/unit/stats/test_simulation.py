import random

import pytest

from sluice.stats.clusters import count_pairs
from sluice.stats.decision import Outcome, decide
from sluice.stats.power import chance_to_fail
from sluice.stats.sequential import FIVE_LOOKS, ONE_LOOK
from sluice.stats.simulation import (
    boundary_draws,
    null_draws,
    rates,
    record,
    sabotage_draws,
    sabotaged_discordance,
    stated_power,
)


def _recording(cases, size, discordance, fractions, seed=1):
    """Discordance that comes in pairs within a cluster, the rest of the cases passing nine times in ten."""
    rng = random.Random(seed)
    outcomes = []
    for _ in range(cases // size):
        flips = min(size, 2) if rng.random() < discordance * size / min(size, 2) else 0
        worse = rng.random() < 0.5
        outcomes += [(worse, not worse)] * flips
        outcomes += [(same, same) for same in (rng.random() < 0.9 for _ in range(size - flips))]
    clusters = [index // size for index in range(len(outcomes))]
    base, head = zip(*outcomes, strict=True)
    return record(base, head, clusters, fractions)


def _gate(looks):
    return decide(looks, 0.05)


def test_counts_of_a_draw_equal_those_of_its_cases():
    recording = _recording(200, 5, 0.12, FIVE_LOOKS)
    whole = count_pairs(recording.differences, recording.clusters)
    for looks in null_draws(recording, 20, seed=3):
        last = looks[-1]
        assert [counts.n for counts in looks] == list(recording.looks) == [40, 80, 120, 160, 200]
        assert (last.n, last.clusters, last.sizes) == (whole.n, whole.clusters, whole.sizes)
        assert (last.discordant, last.squares) == (whole.discordant, whole.squares)
        assert last.products == 5 * (last.repaired - last.broken)


@pytest.mark.parametrize(("draws", "truth"), [(null_draws, 0.0), (boundary_draws, -0.05), (sabotage_draws, -0.1)])
@pytest.mark.parametrize("size", [1, 5])
def test_draws_have_the_truth_they_claim(draws, truth, size):
    recording = _recording(300, size, 0.12, ONE_LOOK)
    arguments = () if draws is null_draws else (-truth,)
    means = [looks[-1].difference for looks in draws(recording, *arguments, 2000, seed=4)]
    assert sum(means) / 2000 == pytest.approx(truth, abs=0.003)


def test_a_boundary_beyond_the_recorded_flips_breaks_passes():
    recording = _recording(300, 1, 0.01, ONE_LOOK)
    means = [looks[-1].difference for looks in boundary_draws(recording, 0.05, 200, seed=4)]
    assert sum(means) / 200 == pytest.approx(-0.05, abs=0.001)


def test_sabotage_breaks_what_it_says():
    recording = _recording(400, 4, 0.1, ONE_LOOK)
    drawn = [looks[-1].discordance for looks in sabotage_draws(recording, 0.1, 1000, seed=5)]
    assert sum(drawn) / 1000 == pytest.approx(sabotaged_discordance(recording, 0.1), abs=0.004)


@pytest.mark.parametrize("fractions", [ONE_LOOK, FIVE_LOOKS])
@pytest.mark.parametrize("size", [1, 5])
def test_the_gate_is_honest_on_a_recording(size, fractions):
    """The short form of the benchmark: 1,500 draws, whose error is 0.006."""
    recording = _recording(400, size, 0.12, fractions)
    assert rates(null_draws(recording, 1500, seed=6), _gate).failed <= 0.055 + 0.012
    assert rates(boundary_draws(recording, 0.05, 1500, seed=7), _gate).passed <= 0.055 + 0.012
    assert rates(sabotage_draws(recording, 0.1, 500, seed=8), _gate).failed >= 0.95


def test_stated_power_is_what_a_small_suite_reaches():
    recording = _recording(160, 1, 0.1, FIVE_LOOKS)
    reached = rates(sabotage_draws(recording, 0.1, 3000, seed=9), _gate).failed
    assert stated_power(recording, 0.1, 0.05) == pytest.approx(reached, abs=0.05)
    assert stated_power(recording, 0.1, 0.05) > chance_to_fail(80, 0.19, 0.05, 0.045, drop=0.1)


def test_rates_count_verdicts_and_cases():
    looks = [count_pairs([0] * 10), count_pairs([0] * 20)]
    outcomes = iter([Outcome("pass", 0), Outcome("fail", 1), Outcome("pass", 1), Outcome("inconclusive", 1)])
    found = rates([looks] * 4, lambda _: next(outcomes))
    assert (found.passed, found.failed, found.inconclusive, found.cases) == (0.5, 0.25, 0.25, 17.5)


def test_the_same_seed_draws_the_same():
    recording = _recording(100, 5, 0.12, ONE_LOOK)
    assert list(null_draws(recording, 5, seed=1)) == list(null_draws(recording, 5, seed=1))


def test_looks_end_with_a_cluster():
    recording = record([True] * 10, [True] * 10, [0, 0, 0, 1, 1, 1, None, 2, 2, 2], (0.2, 0.5, 1.0))
    assert recording.looks == (3, 6, 10)


@pytest.mark.parametrize(
    ("base", "head", "clusters"),
    [([], [], None), ([True], [True, False], None), ([True] * 3, [True] * 3, ["a", "b", "a"])],
)
def test_what_is_no_recording(base, head, clusters):
    with pytest.raises(ValueError, match=r"recording|cluster"):
        record(base, head, clusters, ONE_LOOK)


def test_more_breaks_than_passes():
    recording = record([False] * 50, [False] * 50, None, ONE_LOOK)
    with pytest.raises(ValueError, match="cannot be broken"):
        next(sabotage_draws(recording, 0.1, 1, seed=1))
