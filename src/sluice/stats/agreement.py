"""Cohen's kappa of two raters over the same cases, with its large-sample interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Table = Sequence[Sequence[float]]
"""Counts: one row for each word of the first rater, one column for each word of the second, in the same order."""


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement beyond chance, and the bounds of its interval."""

    value: float
    lower: float
    upper: float


def cohens_kappa(table: Table, z: float) -> Kappa | None:
    """Return kappa with its two-sided interval at critical value `z` (Fleiss, Cohen and Everitt 1969).

    None where one of the raters leaves nothing to agree about beyond chance: all cases in one cell, or no case.
    """
    n = float(sum(map(sum, table)))
    if n <= 0.0:
        return None
    shares = [[cell / n for cell in row] for row in table]
    rows = [sum(row) for row in shares]
    columns = [sum(column) for column in zip(*shares, strict=True)]
    words = range(len(rows))
    by_chance = sum(rows[i] * columns[i] for i in words)
    if by_chance >= 1.0:
        return None
    kappa = (sum(shares[i][i] for i in words) - by_chance) / (1.0 - by_chance)
    agreed = sum(shares[i][i] * (1.0 - (rows[i] + columns[i]) * (1.0 - kappa)) ** 2 for i in words)
    crossed = sum(shares[i][j] * (columns[i] + rows[j]) ** 2 for i in words for j in words if i != j)
    centre = (kappa - by_chance * (1.0 - kappa)) ** 2
    variance = (agreed + (1.0 - kappa) ** 2 * crossed - centre) / ((1.0 - by_chance) ** 2 * n)
    half = z * math.sqrt(max(0.0, variance))
    return Kappa(kappa, kappa - half, kappa + half)


def kappa_at_least(table: Table, z: float) -> float | None:
    """Return a lower bound of kappa that small tables do not flatter; None where there is no kappa.

    Where raters never differ the large-sample interval has no width, be it of four cases; so the bound is also
    taken with one case more in every cell, and the smaller one counts.
    """
    plain = cohens_kappa(table, z)
    padded = cohens_kappa([[cell + 1.0 for cell in row] for row in table], z)
    return min(plain.lower, padded.lower) if plain is not None and padded is not None else None
