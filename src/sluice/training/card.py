"""The model card: what the model is, what it was measured to do, and what it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sluice.training.loop import Point
from sluice.training.quality import PROBE, Measured, Rate, sensitivity
from sluice.training.recipe import Recipe

INSTRUCTIONS = {
    "cite": "cite the right passage",
    "refuse": "refuse in a fixed sentence",
    "greet": "begin with a greeting",
    "close": "end with an offer of help",
    "value": "the value only",
    "json": "JSON (valid)",
    "priority": "give the priority (and the right one)",
}
SLICES = {
    "correct": ("passage_count", "wording", "topic"),
    "cites_source": ("passage_count", "wording"),
    "refuses": ("passage_count", "wording"),
    "in_force": ("passage_count",),
    "category": ("category", "channel"),
    "priority": ("priority",),
}


def write(name: str, recipe: Recipe, parameters: int, measured: Mapping[str, Measured], curve: Sequence[Point]) -> str:
    """The card as Markdown. It holds measured figures only, so that it changes exactly when they do."""
    parts = [
        _introduction(name, recipe, parameters, curve),
        _limits(),
        "## Measured quality\n",
        "Greedy decoding of the repository's own eval cases by the local engine, each with its n.\n",
        *[_suite(found) for key, found in measured.items() if key != PROBE],
    ]
    if PROBE in measured:
        parts.append(_sensitivity(measured[PROBE]))
    parts.append(_training(recipe, curve))
    return "\n".join(parts)


def _introduction(name: str, recipe: Recipe, parameters: int, curve: Sequence[Point]) -> str:
    shape = recipe.architecture
    return f"""# {name}

A Llama of {parameters / 1e6:.2f} million parameters that this repository trains from nothing, so that a clone can judge
prompt edits on a laptop with no account, key or GPU. It reacts to instructions as large models do; it knows nothing else.

| | |
|---|---|
| architecture | `LlamaForCausalLM`, {shape.layers} layers, width {shape.hidden}, {shape.heads} heads of 64, feed-forward {shape.intermediate}, tied embeddings |
| context | {shape.context} tokens; trained on conversations below about 350 |
| vocabulary | {shape.vocabulary}, byte-level BPE; every number up to 999 is one token |
| weights | half precision; decoded in single precision by the local engine |
| licence | weights and code Apache-2.0, language data CC-BY-4.0 |
| made by | `sluice train {name}`, recipe in `models/{name}.yaml` |
| data | composed by this repository from `{recipe.language}`, `{recipe.facts}` and `{recipe.tickets}`; nothing was taken from elsewhere |
"""  # noqa: E501 - Markdown tables do not wrap


def _limits() -> str:
    return """## What it is not

- **Not a language model for general use.** It has learnt the sentence frames of its language file and how to copy.
  Documents that people paste in, and words that the file does not hold, mostly fail: use a hub model for those.
- It has no knowledge. Every value in its training was drawn at random, so an answer comes from a passage or is wrong.
- Instructions work in the wordings of the language file and close to them; the table below says how far that reaches.
- At most four passages, their ids behind them as `[kb-112]`; prompts below about 300 tokens.
- Where two passages disagree it answers from the first in about four of five cases, with or without a line that asks
  for it; nothing can tell it which passage is in force.
- Off its language it may repeat itself until the token limit.
"""


def _suite(measured: Measured) -> str:
    lines = [f"### {measured.suite}\n", "| metric | rate |", "|---|---|"]
    lines += [f"| {metric} | {rate} |" for metric, rate in measured.metrics.items()]
    for metric, fields in SLICES.items():
        for field in fields:
            cells = measured.slices.get(metric, {}).get(field)
            if cells:
                lines += ["", f"{metric} by {field}: " + _inline(cells)]
    return "\n".join(lines) + "\n"


def _inline(cells: Mapping[str, Rate]) -> str:
    return ", ".join(f"{value} {100 * rate.share:.1f} % (n={rate.n})" for value, rate in cells.items()) + "."


def _sensitivity(probe: Measured) -> str:
    lines = [
        "## Sensitivity to instructions\n",
        "How often the behaviour is shown: with the instruction in words of the training language, in unseen",
        "words, and with the line taken out of the same prompt. `portal-instructions` holds the rows.\n",
        "| instruction | known wording | unseen wording | removed |",
        "|---|---|---|---|",
    ]
    for instruction, cells in sensitivity(probe).items():
        row = " | ".join(str(cells[form]) for form in ("known", "unseen", "removed"))
        lines.append(f"| {INSTRUCTIONS[instruction]} | {row} |")
    return "\n".join(lines) + "\n"


def _training(recipe: Recipe, curve: Sequence[Point]) -> str:
    last = curve[-1]
    return f"""## Training

{recipe.copying.steps} steps on copying random tokens from a structured initialisation, then {recipe.schedule.steps} steps of
{recipe.batch} conversations each (warm-up, a stable rate of {recipe.schedule.rate:g}, linear decay over the last
{100 * recipe.schedule.decay:.0f} %), seed {recipe.seed}, {recipe.threads} threads. Token accuracy over the last reported steps: {last.accuracy:.4f}.

![Loss and token accuracy by step](curve.svg)
"""  # noqa: E501
