import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from sluice.stats import paired

Z95 = 1.959963984540054
tables = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 400), st.floats(0.2, 1.0)).filter(
    lambda table: sum(table[:3]) > 0
)
critical = st.floats(0.3, 6.0)


def _table(drawn):
    repaired, broken, same, scale = drawn
    return (repaired + broken + same) * scale, repaired * scale, broken * scale


def _null_share(n, repaired, broken, difference):
    """The restricted maximum of the multinomial likelihood, found without the closed form."""

    def minus_log_likelihood(share):
        cells = (share + difference, share, 1.0 - 2.0 * share - difference)
        counts = (repaired, broken, n - repaired - broken)
        return -sum(count * math.log(cell) for count, cell in zip(counts, cells, strict=True) if count)

    low, high = max(0.0, -difference), (1.0 - difference) / 2.0
    found = optimize.minimize_scalar(
        minus_log_likelihood, bounds=(low + 1e-12, high - 1e-12), method="bounded", options={"xatol": 1e-13}
    )
    return found.x


def test_tango_interval_of_the_notes():
    assert paired.lower(160, 40, 20, Z95) == pytest.approx(0.0309, abs=5e-5)
    assert paired.upper(160, 40, 20, Z95) == pytest.approx(0.2181, abs=5e-5)


@pytest.mark.parametrize(("n", "repaired", "broken"), [(160, 40, 20), (50, 3, 9), (30.5, 1.5, 4.25), (1000, 5, 60)])
def test_bounds_are_roots_of_the_score_equation_with_a_numerical_likelihood(n, repaired, broken):
    def excess(difference, z):
        share = _null_share(n, repaired, broken, difference)
        variance = n * (2 * share + difference * (1 - difference))
        return (repaired - broken - n * difference) / math.sqrt(variance) - z

    estimate = (repaired - broken) / n
    low = optimize.brentq(excess, -0.9, estimate, args=(Z95,), xtol=1e-12)
    high = optimize.brentq(excess, estimate, 0.9, args=(-Z95,), xtol=1e-12)
    assert paired.lower(n, repaired, broken, Z95) == pytest.approx(low, abs=1e-6)
    assert paired.upper(n, repaired, broken, Z95) == pytest.approx(high, abs=1e-6)


@pytest.mark.parametrize("n", [1, 3, 54, 55, 1000])
def test_no_discordant_pair_has_the_closed_form(n):
    z = 1.695
    assert paired.lower(n, 0, 0, z) == pytest.approx(-(z * z) / (n + z * z))
    assert paired.upper(n, 0, 0, z) == pytest.approx(z * z / (n + z * z))


def test_all_pairs_discordant_the_same_way():
    assert paired.lower(20, 0, 20, 1.6) == -1.0
    assert paired.upper(20, 20, 0, 1.6) == 1.0
    assert paired.upper(20, 0, 20, 1.6) == pytest.approx(-(20 - 2.56) / (20 + 2.56))


@given(tables, critical)
def test_the_score_at_a_bound_is_the_critical_value(drawn, z):
    n, repaired, broken = _table(drawn)
    low, high = paired.lower(n, repaired, broken, z), paired.upper(n, repaired, broken, z)
    if low > -1.0 + 1e-6:
        assert paired.score_statistic(n, repaired, broken, low) == pytest.approx(z, abs=1e-6)
    if high < 1.0 - 1e-6:
        assert paired.score_statistic(n, repaired, broken, high) == pytest.approx(-z, abs=1e-6)


@given(tables, critical)
def test_bounds_hold_the_estimate_and_stay_within_the_scale(drawn, z):
    n, repaired, broken = _table(drawn)
    low, high = paired.lower(n, repaired, broken, z), paired.upper(n, repaired, broken, z)
    assert -1.0 <= low <= (repaired - broken) / n + 1e-12
    assert (repaired - broken) / n - 1e-12 <= high <= 1.0


@given(tables, critical)
def test_swapping_the_sides_negates(drawn, z):
    n, repaired, broken = _table(drawn)
    assert paired.score_statistic(n, broken, repaired, 0.07) == pytest.approx(
        -paired.score_statistic(n, repaired, broken, -0.07), abs=1e-9
    )
    assert paired.upper(n, broken, repaired, z) == -paired.lower(n, repaired, broken, z)


@given(tables.filter(lambda table: table[2] > 0), critical)
def test_one_more_break_lowers_both_bounds_and_one_more_repair_raises_them(drawn, z):
    repaired, broken, same, _ = drawn
    n = repaired + broken + same
    for bound in (paired.lower, paired.upper):
        now = bound(n, repaired, broken, z)
        assert bound(n, repaired, broken + 1, z) <= now + 1e-9
        assert bound(n, repaired + 1, broken, z) >= now - 1e-9


@given(tables, critical, st.floats(1.0, 9.0))
def test_fewer_effective_pairs_never_tighten(drawn, z, effect):
    n, repaired, broken = _table(drawn)
    fewer = (n / effect, repaired / effect, broken / effect)
    assert paired.lower(*fewer, z) <= paired.lower(n, repaired, broken, z) + 1e-9
    assert paired.upper(*fewer, z) >= paired.upper(n, repaired, broken, z) - 1e-9


def test_an_infinite_critical_value_says_nothing():
    assert (paired.lower(20, 3, 1, math.inf), paired.upper(20, 3, 1, math.inf)) == (-1.0, 1.0)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_equals_scipy(repaired, broken):
    if repaired + broken:
        one = stats.binomtest(broken, repaired + broken, 0.5, alternative="greater").pvalue
        two = stats.binomtest(broken, repaired + broken, 0.5).pvalue
        assert paired.mcnemar_one_sided(repaired, broken) == pytest.approx(one, rel=1e-8, abs=1e-14)
        assert paired.mcnemar_two_sided(repaired, broken) == pytest.approx(two, rel=1e-8, abs=1e-14)


def test_mcnemar_without_discordant_pairs_is_one():
    assert (paired.mcnemar_one_sided(0, 0), paired.mcnemar_two_sided(0, 0)) == (1.0, 1.0)


@pytest.mark.parametrize("table", [(0, 0, 0), (10, -1, 2), (10, 6, 5), (math.nan, 1, 1)])
def test_no_table(table):
    with pytest.raises(ValueError, match="no paired table"):
        paired.lower(*table, 1.6)
