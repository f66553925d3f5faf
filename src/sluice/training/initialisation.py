"""Structured initialisation: a Llama that can copy from its context before it has learnt anything else.

Layer 0 gets heads that attend to the previous token, layer 1 gets heads that match the current token against
what those wrote: the induction circuit of Olsson et al. (2022), set by hand. Everything is trained afterwards.
"""

from __future__ import annotations

import math
from typing import Any

CONSTANT = 0.5
"""Component 0 of every token vector: a direction that all tokens share, for heads that look at position only."""

PEAK = 12.0
"""Score of the previous token in a positional head, in softmax units."""

SLOW_FREQUENCY = 0.02
"""RoPE frequencies below this barely turn between neighbours and carry no position."""


def initialise(model: Any, *, seed: int) -> None:
    """Set the weights of a `LlamaForCausalLM` in place, from `seed` alone.

    The model must have tied embeddings, as many key heads as query heads and at least two layers.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        _default(model, generator)
        _embed(model.model.embed_tokens.weight, generator)
        config = model.config
        for head in range(config.num_attention_heads):
            read = _orthonormal(config.head_dim, config.hidden_size, generator)
            write = _orthonormal(config.head_dim, config.hidden_size, generator)
            _previous_token(model.model.layers[0].self_attn, config, head, read, write)
            _matching(model.model.layers[1].self_attn, config, head, read, write, generator)


def _default(model: Any, generator: Any) -> None:
    """Normal weights (std 0.02, 0.02 / sqrt(2 layers) where a layer writes), norms at one."""
    depth = math.sqrt(2 * model.config.num_hidden_layers)
    for name, weight in model.named_parameters():
        if weight.dim() < 2:
            weight.fill_(1.0)
            continue
        writes = name.endswith(("o_proj.weight", "down_proj.weight"))
        weight.normal_(0.0, 0.02 / depth if writes else 0.02, generator=generator)


def _embed(weight: Any, generator: Any) -> None:
    weight.normal_(0.0, weight.shape[1] ** -0.5, generator=generator)
    weight[:, 0] = CONSTANT


def _orthonormal(rows: int, columns: int, generator: Any) -> Any:
    import torch

    square = torch.randn(columns, columns, generator=generator)
    basis, _ = torch.linalg.qr(square)
    return basis[:rows]


def _previous_token(attention: Any, config: Any, head: int, read: Any, write: Any) -> None:
    """Head of layer 0: attends one position back, copies the `read` projection into the `write` subspace."""
    import torch

    size = config.head_dim
    rows = slice(head * size, (head + 1) * size)
    half = size // 2
    theta = config.rope_parameters["rope_theta"]
    frequency = theta ** (-torch.arange(half, dtype=torch.float32) / half)
    weight = (frequency > SLOW_FREQUENCY).float()
    weight = weight / weight.sum()
    # After the norm the constant component is about CONSTANT * sqrt(hidden) / |embedding|.
    constant = CONSTANT * math.sqrt(config.hidden_size) / math.sqrt(1 + CONSTANT**2)
    scale = math.sqrt(PEAK * math.sqrt(size)) / constant
    for projection in (attention.q_proj.weight, attention.k_proj.weight):
        projection[rows] *= 0.1
    key = torch.cat([weight.sqrt(), torch.zeros(half)])
    query = torch.cat([weight.sqrt() * torch.cos(frequency), -weight.sqrt() * torch.sin(frequency)])
    attention.k_proj.weight[rows, 0] = key * scale
    attention.q_proj.weight[rows, 0] = query * scale
    attention.v_proj.weight[rows] = read
    attention.o_proj.weight[:, rows] = write.T * (1.5 / math.sqrt(config.hidden_size))


def _matching(attention: Any, config: Any, head: int, read: Any, write: Any, generator: Any) -> None:
    """Head of layer 1: attends to where the previous token equals the current one, copies what stands there."""
    size = config.head_dim
    rows = slice(head * size, (head + 1) * size)
    attention.q_proj.weight[rows] = math.sqrt(3.0) * read
    attention.k_proj.weight[rows] = math.sqrt(3.0) * write
    copied = _orthonormal(size, config.hidden_size, generator)
    attention.v_proj.weight[rows] = copied
    attention.o_proj.weight[:, rows] = copied.T * 1.5
