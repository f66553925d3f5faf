"""Batches of conversations: pure functions of (seed, step), so that a resumed run sees the same data."""

from __future__ import annotations

import random
from typing import Any

from sluice.training.conversations import Composer
from sluice.training.tokenizer import encode

GROUP = 4
"""Batches are cut from groups of this many, sorted by length, to keep padding small."""


def conversations(
    composer: Composer, tokenizer: Any, recipe_seed: int, batch: int, context: int, group: int
) -> list[list[tuple[list[int], list[bool]]]]:
    """The batches of one group of steps, in the order of the steps."""
    rng = random.Random(f"batches:{recipe_seed}:{group}")
    drawn: list[tuple[list[int], list[bool]]] = []
    while len(drawn) < batch * GROUP:
        ids, produced = encode(tokenizer, composer.draw(rng).messages)
        if len(ids) <= context:
            drawn.append((ids, produced))
    drawn.sort(key=lambda item: len(item[0]))
    batches = [drawn[start : start + batch] for start in range(0, len(drawn), batch)]
    rng.shuffle(batches)
    return batches


def tensors(rows: list[tuple[list[int], list[bool]]], pad: int) -> tuple[Any, Any]:
    """Right-padded ids and the mask of positions to predict."""
    import torch

    width = -(-max(len(ids) for ids, _ in rows) // 16) * 16
    ids = torch.full((len(rows), width), pad, dtype=torch.long)
    produced = torch.zeros((len(rows), width), dtype=torch.bool)
    for index, (row, mask) in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
        produced[index, : len(mask)] = torch.tensor(mask)
    return ids, produced
