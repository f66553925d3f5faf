"""Many slices at once: adjusted p-values, in the order in which the raw ones were given."""

from collections.abc import Sequence
from itertools import accumulate


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return Benjamini and Hochberg's adjusted p-values; rejecting those <= q keeps the false discovery rate at q."""
    order = _ascending(p_values)
    count = len(order)
    scaled = [count / (rank + 1) * p_values[index] for rank, index in enumerate(order)]
    return _in_given_order(order, list(accumulate(reversed(scaled), min))[::-1])


def _ascending(p_values: Sequence[float]) -> list[int]:
    if not all(0.0 <= value <= 1.0 for value in p_values):
        raise ValueError("a p-value lies between 0 and 1")
    return sorted(range(len(p_values)), key=p_values.__getitem__)


def _in_given_order(order: list[int], adjusted: list[float]) -> list[float]:
    given = [0.0] * len(order)
    for index, value in zip(order, adjusted, strict=True):
        given[index] = min(1.0, value)
    return given
