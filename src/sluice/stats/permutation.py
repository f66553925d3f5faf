"""The sign-flip permutation test of a mean, inverted into one-sided bounds.

Flipping the signs of (values - delta) on a set A of units keeps the mean above delta exactly where the mean over A is
at most delta. So the p-value of every delta, and the bounds, are read off the sorted means of the flipped sets.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import getitem

EXACT_UNITS = 12


@dataclass(frozen=True, slots=True)
class SignFlips:
    """The sorted means of the flipped sets; `empty` flips changed nothing, the observed order among them."""

    means: tuple[float, ...]
    empty: int

    @property
    def total(self) -> int:
        """The number of flips, the observed order included."""
        return len(self.means) + self.empty

    def lower(self, alpha: float) -> float:
        """Return the one-sided lower bound of the mean; minus infinity where so few flips cannot reach alpha."""
        index = self._spare(alpha)
        return self.means[index] if 0 <= index < len(self.means) else -math.inf

    def upper(self, alpha: float) -> float:
        """Return the one-sided upper bound of the mean; infinity where so few flips cannot reach alpha."""
        index = self._spare(alpha)
        return self.means[-1 - index] if 0 <= index < len(self.means) else math.inf

    def _spare(self, alpha: float) -> int:
        return math.floor(alpha * self.total + 1e-9) - self.empty


def sign_flips(units: Sequence[tuple[float, int]], *, flips: int, seed: int) -> SignFlips:
    """Flip units given as (sum of values, number of values), one unit being what is exchangeable.

    Every one of the 2**units flips is taken up to 12 units, beyond that `flips` random ones under `seed` and the
    observed order. Raises ValueError without units.
    """
    if not units:
        raise ValueError("no unit to flip")
    if len(units) <= EXACT_UNITS:
        masks = list(range(1, 1 << len(units)))
    else:
        draw = random.Random(seed).getrandbits
        masks = [draw(len(units)) for _ in range(flips)]
    filled = [mask for mask in masks if mask]
    sizes = _sizes(filled, units)
    totals = _subset_sums(filled, [total for total, _ in units])
    means = sorted(total / size for total, size in zip(totals, sizes, strict=True))
    return SignFlips(tuple(means), len(masks) - len(filled) + 1)


def _sizes(masks: Sequence[int], units: Sequence[tuple[float, int]]) -> list[float]:
    if all(size == 1 for _, size in units):
        return [mask.bit_count() for mask in masks]
    return _subset_sums(masks, [size for _, size in units])


def _subset_sums(masks: Sequence[int], values: Sequence[float]) -> list[float]:
    """Sum the values that each mask selects, a byte of the mask at a time through tables of its 256 sums."""
    tables = [_byte_table(values[start : start + 8]) for start in range(0, len(values), 8)]
    width = len(tables)
    return [sum(map(getitem, tables, mask.to_bytes(width, "little"))) for mask in masks]


def _byte_table(values: Sequence[float]) -> list[float]:
    """Return the sums of all subsets, the subset being the bits of the index."""
    return reduce(lambda table, value: table + [entry + value for entry in table], values, [0.0])
