"""Tails and quantiles of the normal, Student and binomial distributions."""

import math
from functools import lru_cache
from statistics import NormalDist

_NORMAL = NormalDist()
_TINY = 1e-300


def normal_tail(z: float) -> float:
    """Return P(Z > z) for a standard normal Z, accurate in the far tail."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))


@lru_cache(maxsize=512)
def normal_quantile(tail: float) -> float:
    """Return the z with P(Z > z) = `tail`; `tail` lies strictly between 0 and 1."""
    return -_NORMAL.inv_cdf(tail)


def incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b), for 0 <= x <= 1 and a, b > 0.

    Continued fraction of Lentz as in DLMF 8.17.22, on the side where it converges fast.
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    front = math.exp(log_front)
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_fraction(x, a, b) / a
    return 1.0 - front * _beta_fraction(1.0 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    numerator, denominator = 1.0, _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    denominator = 1.0 / denominator
    value = denominator
    for step in range(1, 10_000):
        twice = 2 * step
        even = step * (b - step) * x / ((a + twice - 1.0) * (a + twice))
        odd = -(a + step) * (a + b + step) * x / ((a + twice) * (a + twice + 1.0))
        for coefficient in (even, odd):
            denominator = 1.0 / _away_from_zero(1.0 + coefficient * denominator)
            numerator = _away_from_zero(1.0 + coefficient / numerator)
            change = denominator * numerator
            value *= change
        if abs(change - 1.0) < 1e-15:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def student_tail(t: float, degrees: float) -> float:
    """Return P(T > t) for Student's t with `degrees` > 0 degrees of freedom."""
    square = t * t
    if square < 0.25:
        # Near the middle the other side of the same function keeps its digits.
        tail = 0.5 - 0.5 * incomplete_beta(square / (degrees + square), 0.5, degrees / 2.0)
    else:
        tail = 0.5 * incomplete_beta(degrees / (degrees + square), degrees / 2.0, 0.5)
    return tail if t >= 0.0 else 1.0 - tail


@lru_cache(maxsize=4096)
def student_quantile(tail: float, degrees: float) -> float:
    """Return the t with P(T > t) = `tail` (strictly between 0 and 1); infinite for zero degrees of freedom."""
    if tail == 0.5:
        return 0.0
    if tail > 0.5:
        return -student_quantile(1.0 - tail, degrees)
    if degrees <= 0:
        return math.inf
    low, high = 0.0, 2.0
    while student_tail(high, degrees) > tail:
        low, high = high, 2.0 * high
    return _invert_student_tail(tail, degrees, low, high)


def _invert_student_tail(tail: float, degrees: float, low: float, high: float) -> float:
    log_scale = math.lgamma((degrees + 1.0) / 2.0) - math.lgamma(degrees / 2.0)
    log_scale -= 0.5 * math.log(degrees * math.pi)
    t = 0.5 * (low + high)
    for _ in range(200):
        excess = student_tail(t, degrees) - tail
        low, high = (t, high) if excess > 0.0 else (low, t)
        density = math.exp(log_scale - 0.5 * (degrees + 1.0) * math.log1p(t * t / degrees))
        following = t + excess / density
        if not low < following < high:
            following = 0.5 * (low + high)
        if abs(following - t) <= 1e-14 * max(1.0, t):
            return following
        t = following
    return t


def binomial_at_least(count: float, trials: float, share: float) -> float:
    """Return P(X >= count) for X ~ Binomial(trials, share); between whole numbers the incomplete beta function."""
    if count <= 0:
        return 1.0
    if count > trials:
        return 0.0
    return incomplete_beta(share, count, trials - count + 1)


def binomial_mass(count: int, trials: int, share: float) -> float:
    """Return P(X = count) for X ~ Binomial(trials, share)."""
    if share <= 0.0 or share >= 1.0:
        return 1.0 if count == (trials if share >= 1.0 else 0) else 0.0
    choices = math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
    return math.exp(choices + count * math.log(share) + (trials - count) * math.log1p(-share))
