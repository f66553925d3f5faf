"""Stage 0: learning to copy, on random tokens, before any language."""

from __future__ import annotations

from typing import Any

from sluice.training.recipe import Copying


def batch(recipe: Copying, vocabulary: int, special: int, seed: int, step: int) -> tuple[Any, Any]:
    """Token ids of shape (batch, length) and the mask of positions to predict: a pure function of (seed, step).

    The first half is random, the second half repeats it in one to four segments of another order.
    """
    import torch

    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    half = recipe.length // 2
    rows = torch.randint(special, vocabulary, (recipe.batch, half), generator=generator)
    repeated = torch.stack([_reordered(row, generator) for row in rows])
    ids = torch.cat([rows, repeated], dim=1)
    produced = torch.zeros_like(ids, dtype=torch.bool)
    produced[:, half + 1 :] = True
    return ids, produced


def _reordered(row: Any, generator: Any) -> Any:
    import torch

    segments = int(torch.randint(1, 5, (1,), generator=generator))
    cuts = torch.randperm(len(row) - 1, generator=generator)[: segments - 1].add(1).sort().values
    parts = torch.tensor_split(row, cuts)
    order = torch.randperm(len(parts), generator=generator)
    return torch.cat([parts[index] for index in order])
