import numpy as np
import pytest
from scipy import stats

from sluice.stats import paired, power
from sluice.stats.sequential import FIVE_LOOKS, boundaries

TABLE = {
    0.02: {0.05: (771, 979), 0.10: (1544, 1960), 0.15: (2317, 2941), 0.20: (3090, 3923), 0.30: (4635, 5885)},
    0.05: {0.05: (122, 155), 0.10: (246, 312), 0.15: (369, 469), 0.20: (493, 626), 0.30: (740, 940)},
    0.10: {0.10: (60, 77), 0.15: (91, 116), 0.20: (122, 155), 0.30: (184, 234)},
}


@pytest.mark.parametrize("drop", TABLE)
def test_sample_sizes_of_the_notes(drop):
    for discordance, expected in TABLE[drop].items():
        ours = tuple(power.cases_to_detect(drop, discordance, alpha) for alpha in (0.05, 0.025))
        assert ours == expected


def test_sample_sizes_of_means_of_the_notes():
    deviations = (0.10, 0.15, 0.20, 0.30, 0.40)
    assert [power.cases_for_mean(0.05, s, 0.05) for s in deviations] == [25, 56, 99, 223, 396]
    assert [power.cases_for_mean(0.02, s, 0.05) for s in deviations] == [155, 348, 619, 1392, 2474]
    assert power.detectable_mean_drop(99, 0.20, 0.05) == pytest.approx(0.05, abs=0.0005)


@pytest.mark.parametrize(("n", "drop"), [(100, 0.08), (200, 0.056), (300, 0.045), (500, 0.035), (1000, 0.025)])
def test_detectable_drops_of_the_notes(n, drop):
    assert power.detectable_drop(n, 0.10, 0.05) == pytest.approx(drop, abs=0.0025)


def test_a_drop_cannot_exceed_its_discordance():
    assert power.detectable_drop(50, 0.05, 0.05) > 0.05
    assert power.detectable_drop(2, 0.05, 0.05) == 1.0
    with pytest.raises(ValueError, match="discordance"):
        power.cases_to_detect(0.10, 0.05, 0.05)


@pytest.mark.parametrize(("alpha", "fewest"), [(0.05, 52), (0.045, 55)])
def test_the_fewest_cases_that_can_pass_five_points(alpha, fewest):
    z = boundaries(alpha, (1.0,))[0]
    assert power.cases_to_pass_without_flips(0.05, alpha) == fewest
    assert paired.lower(fewest, 0, 0, z) > -0.05 >= paired.lower(fewest - 1, 0, 0, z)
    assert power.chance_to_pass(fewest - 1, 0.0, 0.05, alpha) == 0.0
    assert power.chance_to_pass(fewest, 0.0, 0.05, alpha) == 1.0


@pytest.mark.parametrize(("n", "discordance", "difference"), [(100, 0.1, 0.0), (300, 0.15, -0.02)])
def test_chance_to_pass_equals_a_simulation_of_the_bound(n, discordance, difference):
    rng = np.random.default_rng(5)
    shares = ((discordance + difference) / 2, (discordance - difference) / 2, 1 - discordance)
    tables = rng.multinomial(n, shares, 20_000)
    passes = [paired.lower(n, up, down, 1.6954) > -0.05 for up, down, _ in tables.tolist()]
    exact = power.chance_to_pass(n, discordance, 0.05, 0.045, difference=difference)
    assert exact == pytest.approx(np.mean(passes), abs=0.012)


def test_chance_to_fail_equals_a_simulation_of_the_bounds():
    rng = np.random.default_rng(6)
    tables = rng.multinomial(150, (0.02, 0.10, 0.88), 20_000)
    fails = [
        paired.upper(150, up, down, 1.6954) < 0
        and stats.binom.sf(down - 1, up + down, 0.5) <= 0.05
        and paired.lower(150, up, down, 1.6954) <= -0.05
        for up, down, _ in tables.tolist()
    ]
    assert power.chance_to_fail(150, 0.12, 0.05, 0.045, drop=0.08) == pytest.approx(np.mean(fails), abs=0.012)


def test_looks_cost_a_point_or_two_as_in_the_notes():
    """The notes simulated O'Brien-Fleming with the score test at N = 400: 0.914 without a drop, alpha 0.05."""
    looked = power.chance_to_pass(400, 0.10, 0.05, 0.05, fractions=FIVE_LOOKS)
    once = power.chance_to_pass(400, 0.10, 0.05, 0.05)
    assert looked == pytest.approx(0.914, abs=0.01)
    assert once - 0.03 < looked < once


def test_cases_to_pass_reach_the_power():
    needed = power.cases_to_pass(0.05, 0.10, 0.045)
    assert power.chance_to_pass(needed, 0.10, 0.05, 0.045) >= 0.8
    assert power.chance_to_pass(needed - 15, 0.10, 0.05, 0.045) < 0.8


def test_what_is_no_plan():
    with pytest.raises(ValueError, match="no plan"):
        power.chance_to_pass(100, 0.05, 0.05, 0.045, difference=-0.10)
