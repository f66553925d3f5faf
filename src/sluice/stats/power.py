"""Planning: what a number of cases can see, and how many cases a claim needs."""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

from sluice.stats import paired
from sluice.stats.clusters import excludes_zero
from sluice.stats.distributions import binomial_at_least, binomial_mass, normal_quantile
from sluice.stats.sequential import ONE_LOOK, boundaries, crossing_probability

POWER = 0.8

_MOST_CASES = 10_000_000
_NORMAL = NormalDist()


def cases_to_detect(drop: float, discordance: float, alpha: float, power: float = POWER) -> int:
    """Return the pairs that find a true drop significant (one-sided) with this power, by McNemar's test.

    `discordance` is the share of pairs whose sides differ; no drop can exceed it (ValueError). Source: Connor (1987),
    Biometrics 43, 207-211. Clusters multiply the number by their design effect.
    """
    if not 0.0 < drop <= discordance <= 1.0:
        raise ValueError(f"a drop of {drop} needs a discordance between it and 1, not {discordance}")
    reach = normal_quantile(alpha) * math.sqrt(discordance)
    reach += normal_quantile(1.0 - power) * math.sqrt(discordance - drop * drop)
    return math.ceil((reach / drop) ** 2 - 1e-9)


def detectable_drop(n: float, discordance: float, alpha: float, power: float = POWER) -> float:
    """Return the smallest true drop that n (effective) pairs find significant with this power, at most 1.

    A drop above the given discordance brings its own: then every flip is a break and the discordance is the drop.
    """
    low, high = 0.0, 1.0
    if cases_to_detect(1.0, 1.0, alpha, power) > n:
        return 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        enough = cases_to_detect(middle, max(discordance, middle), alpha, power) <= n
        low, high = (low, middle) if enough else (middle, high)
    return high


def cases_for_mean(drop: float, deviation: float, alpha: float, power: float = POWER) -> int:
    """Return the pairs that find a true drop of a mean, d having this standard deviation (normal approximation)."""
    reach = normal_quantile(alpha) + normal_quantile(1.0 - power)
    return math.ceil((reach * deviation / drop) ** 2 - 1e-9)


def detectable_mean_drop(n: float, deviation: float, alpha: float, power: float = POWER) -> float:
    """Return the smallest true drop of a mean that n (effective) pairs find, d having this standard deviation."""
    return (normal_quantile(alpha) + normal_quantile(1.0 - power)) * deviation / math.sqrt(n)


def cases_to_pass_without_flips(margin: float, alpha: float) -> int:
    """Return the fewest pairs that pass the margin when no pair differs.

    That is the least n whose lower bound -z*z / (n + z*z) is above -margin.
    """
    square = normal_quantile(alpha) ** 2
    return math.floor(square * (1.0 - margin) / margin) + 1


def chance_to_pass(
    n: float,
    discordance: float,
    margin: float,
    alpha: float,
    *,
    difference: float = 0.0,
    fractions: Sequence[float] = ONE_LOOK,
) -> float:
    """Return the probability that head, truly better by `difference`, passes the margin with n (effective) pairs.

    Exact for one look: all tables are enumerated. With more looks the exact value at the last boundary is carried
    over to the chance of crossing at any look, by the drift that explains it.
    """
    pairs, share = _plan(n, discordance, difference)
    z = boundaries(alpha, fractions)[-1]

    def chance(discordant: int) -> float:
        return binomial_at_least(_fewest_repaired(pairs, discordant, margin, z), discordant, share)

    return _at_any_look(_mean_over_tables(pairs, discordance, chance), z, tuple(fractions))


def chance_to_fail(
    n: float,
    discordance: float,
    margin: float,
    alpha: float,
    *,
    drop: float,
    fail_alpha: float | None = None,
    fractions: Sequence[float] = ONE_LOOK,
) -> float:
    """Return the probability that head, truly worse by `drop`, fails: is significantly worse and does not pass.

    `fail_alpha` is the level for failing where it differs, as for one of several metrics. Method as in
    `chance_to_pass`.
    """
    pairs, share = _plan(n, discordance, -drop)
    pass_z = boundaries(alpha, fractions)[-1]
    fail_z = boundaries(fail_alpha or alpha, fractions)[-1]

    def chance(discordant: int) -> float:
        passing = _fewest_repaired(pairs, discordant, margin, pass_z)
        return 1.0 - binomial_at_least(min(passing, _fewest_unproven(discordant, fail_z)), discordant, share)

    return _at_any_look(_mean_over_tables(pairs, discordance, chance), fail_z, tuple(fractions))


def cases_to_pass(margin: float, discordance: float, alpha: float, power: float = POWER) -> int:
    """Return about the fewest (effective) pairs with which an unchanged head passes with this power, in one look.

    The chance is not quite monotone in n, the counts being whole numbers: the answer is exact to within that ripple.
    """
    low = cases_to_pass_without_flips(margin, alpha) - 1
    high = 2 * low
    while chance_to_pass(high, discordance, margin, alpha) < power and high < _MOST_CASES:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        enough = chance_to_pass(middle, discordance, margin, alpha) >= power
        low, high = (low, middle) if enough else (middle, high)
    return high


def _plan(n: float, discordance: float, difference: float) -> tuple[int, float]:
    """Return whole pairs and the share of repaired ones among the discordant."""
    pairs = math.floor(n + 1e-9)
    if pairs < 1 or not abs(difference) <= discordance <= 1.0:
        raise ValueError(f"no plan: {n} pairs, discordance {discordance}, difference {difference}")
    return pairs, 0.5 + difference / (2.0 * discordance) if discordance else 0.5


def _mean_over_tables(pairs: int, discordance: float, chance: Callable[[int], float]) -> float:
    """Average over the number of discordant pairs, leaving out what lies 9 standard deviations away."""
    centre, spread = pairs * discordance, 9.0 * math.sqrt(pairs * discordance * (1.0 - discordance)) + 9.0
    first, last = max(0, math.floor(centre - spread)), min(pairs, math.ceil(centre + spread))
    return min(
        1.0,
        sum(binomial_mass(count, pairs, discordance) * chance(count) for count in range(first, last + 1)),
    )


def _fewest_repaired(pairs: int, discordant: int, margin: float, z: float) -> int:
    """Return the fewest repaired among the discordant pairs that pass the margin; one more than all if none do."""
    low, high = -1, discordant + 1
    while high - low > 1:
        middle = (low + high) // 2
        passes = paired.score_statistic(pairs, middle, discordant - middle, -margin) > z
        low, high = (low, middle) if passes else (middle, high)
    return high


def _fewest_unproven(discordant: int, z: float) -> int:
    """Return the fewest repaired among the discordant pairs that do not prove head worse than base."""
    # The score test of 'no difference' fails where repaired - broken < -z * sqrt(discordant).
    fewest = max(0, math.ceil((discordant - z * math.sqrt(discordant)) / 2.0 - 1e-12))
    while fewest and not excludes_zero(fewest - 1, discordant - fewest + 1, z):
        fewest -= 1
    return fewest


def _at_any_look(at_last: float, z: float, fractions: tuple[float, ...]) -> float:
    if len(fractions) == 1 or not 1e-9 < at_last < 1.0 - 1e-9:
        return at_last
    drift = z + _NORMAL.inv_cdf(at_last)
    return crossing_probability(z, fractions, drift)
