"""The training loop: copying first, then conversations; resumable, reproducible, with progress."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.training import batches, copying, initialisation
from sluice.training.conversations import Composer
from sluice.training.recipe import Recipe
from sluice.training.tokenizer import PAD, SPECIAL

CHECKPOINT = "checkpoint.pt"
REPORT_EVERY = 25


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a training run stands. Loss and accuracy are means over the steps since the last report, per token."""

    stage: str
    step: int
    steps: int
    loss: float
    accuracy: float
    tokens_per_second: float
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the loss curve."""

    stage: str
    step: int
    loss: float
    accuracy: float


def build_model(recipe: Recipe) -> Any:
    """An initialised `LlamaForCausalLM` of the recipe's architecture."""
    from transformers import LlamaForCausalLM

    model = LlamaForCausalLM(configuration(recipe))
    model.set_attn_implementation("eager")
    initialisation.initialise(model, seed=recipe.seed)
    return model


def configuration(recipe: Recipe) -> Any:
    """The Hugging Face configuration of the recipe's architecture."""
    from transformers import LlamaConfig

    shape = recipe.architecture
    return LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        head_dim=64,
        max_position_embeddings=shape.context,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        pad_token_id=SPECIAL.index(PAD),
        bos_token_id=None,
        eos_token_id=1,
    )


class Run:
    """One training run with its optimiser, its place and its loss curve."""

    def __init__(self, recipe: Recipe, composer: Composer, tokenizer: Any, folder: Path) -> None:
        import torch

        torch.set_num_threads(recipe.threads)
        torch.use_deterministic_algorithms(True)
        torch.utils.deterministic.fill_uninitialized_memory = False
        self.recipe = recipe
        self.composer = composer
        self.tokenizer = tokenizer
        self.folder = folder
        self.model = build_model(recipe)
        self.optimisers = _optimisers(self.model, recipe)
        self.step = 0
        self.curve: list[Point] = []

    @property
    def total(self) -> int:
        """Steps of both stages."""
        return self.recipe.copying.steps + self.recipe.schedule.steps

    def resume(self) -> None:
        """Continue from the folder's checkpoint, if it has one."""
        import torch

        path = self.folder / CHECKPOINT
        if path.exists():
            saved = torch.load(path, weights_only=True)
            self.model.load_state_dict(saved["model"])
            for optimiser, state in zip(self.optimisers, saved["optimisers"], strict=True):
                optimiser.load_state_dict(state)
            self.step = saved["step"]
            self.curve = [Point(*point) for point in saved["curve"]]

    def save(self) -> None:
        """Write the checkpoint so that a kill at any moment leaves the old one or the new one."""
        import torch

        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / (CHECKPOINT + ".part")
        points = [(point.stage, point.step, point.loss, point.accuracy) for point in self.curve]
        torch.save(
            {
                "model": self.model.state_dict(),
                "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
                "step": self.step,
                "curve": points,
            },
            part,
        )
        os.replace(part, self.folder / CHECKPOINT)

    def train(self, report: Callable[[Progress], None], until: int | None = None) -> None:
        """Train to the end of the recipe, or to step `until` of it."""
        last = self.total if until is None else min(until, self.total)
        self.model.train()
        window = _Window()
        for ids, produced in self._batches(last):
            window.add(*self._update(ids, produced), int(ids.numel()))
            self.step += 1
            if self.step % REPORT_EVERY == 0 or self.step == last:
                self._report(window, report)
                window = _Window()
            if self.step % self.recipe.checkpoint_every == 0 or self.step == last:
                self.save()

    def _batches(self, last: int) -> Iterator[tuple[Any, Any]]:
        recipe, special = self.recipe, len(SPECIAL)
        for step in range(self.step, min(recipe.copying.steps, last)):
            yield copying.batch(recipe.copying, recipe.architecture.vocabulary, special, recipe.seed, step)
        pad = SPECIAL.index(PAD)
        group: list[list[tuple[list[int], list[bool]]]] = []
        held = -1
        for step in range(max(self.step, recipe.copying.steps), last):
            number, place = divmod(step - recipe.copying.steps, batches.GROUP)
            if number != held:
                group, held = self._group(number), number
            yield batches.tensors(group[place], pad)

    def _group(self, number: int) -> list[list[tuple[list[int], list[bool]]]]:
        recipe = self.recipe
        context = recipe.architecture.context
        return batches.conversations(self.composer, self.tokenizer, recipe.seed, recipe.batch, context, number)

    def _rate(self) -> float:
        stage0 = self.recipe.copying
        if self.step < stage0.steps:
            return stage0.rate * min(1.0, (self.step + 1) / 40)
        return self.recipe.schedule.rate_at(self.step - stage0.steps)

    def _update(self, ids: Any, produced: Any) -> tuple[float, float]:
        """One optimiser step; returns loss and accuracy over the produced tokens."""
        import torch

        for group in (group for optimiser in self.optimisers for group in optimiser.param_groups):
            group["lr"] = self._rate()
        wanted = produced[:, 1:]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = self.model.model(ids[:, :-1]).last_hidden_state[wanted]
            logits = self.model.lm_head(hidden)
        target = ids[:, 1:][wanted]
        loss = torch.nn.functional.cross_entropy(logits.float(), target)
        self.model.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        return loss.item(), (logits.argmax(-1) == target).float().mean().item()

    def _report(self, window: _Window, report: Callable[[Progress], None]) -> None:
        loss, accuracy = window.loss / window.steps, window.accuracy / window.steps
        elapsed = time.monotonic() - window.started
        stage = "copying" if self.step <= self.recipe.copying.steps else "conversations"
        self.curve.append(Point(stage, self.step, round(loss, 5), round(accuracy, 5)))
        left = (self.total - self.step) * elapsed / window.steps
        report(Progress(stage, self.step, self.total, loss, accuracy, window.tokens / elapsed, left))


class _Window:
    """Sums since the last report."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.steps = self.tokens = 0
        self.loss = self.accuracy = 0.0

    def add(self, loss: float, accuracy: float, tokens: int) -> None:
        self.steps += 1
        self.tokens += tokens
        self.loss += loss
        self.accuracy += accuracy


def _optimisers(model: Any, recipe: Recipe) -> list[Any]:
    """Muon (Jordan et al., 2024; scaled as in Liu et al., 2025) for the body's matrices, AdamW for the rest."""
    import torch

    rate = recipe.schedule.rate
    body = [weight for weight in model.model.layers.parameters() if weight.dim() > 1]
    norms = [weight for weight in model.parameters() if weight.dim() == 1]
    groups = [
        {"params": [model.model.embed_tokens.weight], "weight_decay": 0.05},
        {"params": norms, "weight_decay": 0.0},
    ]
    return [
        torch.optim.Muon(body, lr=rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True),
    ]
