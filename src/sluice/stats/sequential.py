"""Planned looks: O'Brien-Fleming boundaries for any level and any fractions, by exact integration.

A test statistic z_k at information fraction t_k behaves like a Brownian motion S(t_k) = z_k * sqrt(t_k). The recursion
over the looks is that of Armitage, McPherson and Rowe (1969); the boundary is constant on the scale of S.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from operator import mul

from sluice.stats.distributions import normal_quantile, normal_tail

PLANNED_FROM = 150
FIVE_LOOKS = (0.2, 0.4, 0.6, 0.8, 1.0)
ONE_LOOK = (1.0,)

# Paths are followed this far below the boundary. None that falls further comes back to cross it.
_DEPTH = 13.0


def planned_fractions(cases: int) -> tuple[float, ...]:
    """Return the fractions at which a plan of so many cases is looked at: five from 150 cases on, else one."""
    return FIVE_LOOKS if cases >= PLANNED_FROM else ONE_LOOK


def boundaries(alpha: float, fractions: Sequence[float]) -> tuple[float, ...]:
    """Return the O'Brien-Fleming z-boundary of every look for a one-sided level `alpha`.

    `fractions` rise strictly to 1. Raises ValueError for other fractions or a level outside (0, 0.5).
    """
    return _boundaries(alpha, tuple(fractions))


@lru_cache(maxsize=1024)
def crossing_probability(constant: float, fractions: tuple[float, ...], drift: float = 0.0) -> float:
    """Return the chance that S reaches `constant` at any look, S(t) being normal with mean drift*t and variance t."""
    _require_fractions(fractions)
    first = fractions[0]
    crossed = normal_tail((constant - drift * first) / math.sqrt(first))
    steps = tuple(round(later - earlier, 12) for earlier, later in pairwise(fractions))
    depths, weights = _depths(16 + math.ceil(2.0 * _DEPTH / math.sqrt(min(first, *steps, 1.0))))
    density = [_normal_density(constant - depth - drift * first, first) for depth in depths]
    for index, step in enumerate(steps):
        mass = list(map(mul, weights, density))
        crossed += _arriving(mass, depths, step, drift)
        if index + 1 < len(steps):
            density = [sum(map(mul, row, mass)) for row in _kernel(len(depths), step, drift)]
    return min(1.0, crossed)


@lru_cache(maxsize=256)
def _boundaries(alpha: float, fractions: tuple[float, ...]) -> tuple[float, ...]:
    _require_fractions(fractions)
    if not 0.0 < alpha < 0.5:
        raise ValueError(f"a one-sided level lies strictly between 0 and 0.5, not at {alpha}")
    constant = _constant(alpha, fractions)
    return tuple(constant / math.sqrt(fraction) for fraction in fractions)


def _constant(alpha: float, fractions: tuple[float, ...]) -> float:
    """Find the boundary on the scale of S by the secant method on log probabilities, which are nearly straight."""
    before = normal_quantile(alpha)
    if len(fractions) == 1:
        return before
    goal = math.log(alpha)
    excess_before = math.log(crossing_probability(before, fractions)) - goal
    constant = before + 0.05
    for _ in range(50):
        excess = math.log(crossing_probability(constant, fractions)) - goal
        if excess == excess_before:
            break
        step = excess * (constant - before) / (excess - excess_before)
        before, excess_before, constant = constant, excess, constant - step
        if abs(step) < 1e-10:
            break
    return constant


def _arriving(mass: list[float], depths: tuple[float, ...], step: float, drift: float) -> float:
    """Return the share of paths that is below the boundary now and above it one step later."""
    scale = math.sqrt(step)
    tails = [normal_tail((depth - drift * step) / scale) for depth in depths]
    return math.fsum(share * tail for share, tail in zip(mass, tails, strict=True))


@lru_cache(maxsize=16)
def _kernel(count: int, step: float, drift: float) -> tuple[tuple[float, ...], ...]:
    """Return the transition densities [to][from] between the depths; they do not depend on the boundary."""
    depths, _ = _depths(count)
    return tuple(tuple(_normal_density(start - end - drift * step, step) for start in depths) for end in depths)


def _normal_density(value: float, variance: float) -> float:
    return math.exp(-0.5 * value * value / variance) / math.sqrt(2.0 * math.pi * variance)


@lru_cache(maxsize=16)
def _depths(count: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return Gauss-Legendre nodes and weights for the depth below the boundary, from 0 to _DEPTH."""
    half = _DEPTH / 2.0
    nodes, weights = [], []
    for index in range(count):
        x = math.cos(math.pi * (index + 0.75) / (count + 0.5))
        slope = 1.0
        for _ in range(10):
            value, slope = _legendre(count, x)
            x -= value / slope
            if abs(value / slope) < 1e-15:
                break
        nodes.append(half * (1.0 - x))
        weights.append(2.0 * half / ((1.0 - x * x) * slope * slope))
    return tuple(nodes), tuple(weights)


def _legendre(degree: int, x: float) -> tuple[float, float]:
    """Return the Legendre polynomial of this degree at x, and its derivative."""
    before, value = 1.0, x
    for order in range(2, degree + 1):
        before, value = value, ((2 * order - 1) * x * value - (order - 1) * before) / order
    return value, degree * (x * value - before) / (x * x - 1.0)


def _require_fractions(fractions: tuple[float, ...]) -> None:
    rising = all(earlier < later for earlier, later in pairwise(fractions))
    if not fractions or fractions[0] <= 0.0 or not rising or abs(fractions[-1] - 1.0) > 1e-12:
        raise ValueError(f"looks need fractions that rise strictly from above 0 to 1, not {fractions}")
