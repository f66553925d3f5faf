"""Training the embedded model: `train` makes the weights that `models/<name>.yaml` describes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice import catalog as catalogs
from sluice.catalog import DIRECTORIES
from sluice.digest import digest
from sluice.errors import UsageError
from sluice.training import card, curve, datasets, language, portal, tickets, tokenizer, weights
from sluice.training.conversations import Composer
from sluice.training.loop import Point, Progress, Run
from sluice.training.quality import Measured, measure_quality
from sluice.training.recipe import Recipe, parse

STATE = Path(".sluice") / "training"

__all__ = ["Measured", "Point", "Progress", "TrainingResult", "composer", "measure_quality", "publish", "train"]


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a training run made. `digests` are of the files in `folder`, `digest` is over all of them."""

    folder: Path
    digests: dict[str, str]
    digest: str
    steps: int
    finished: bool
    curve: tuple[Point, ...]


def train(
    root: Path,
    name: str,
    *,
    report: Callable[[Progress], None],
    steps: int | None = None,
    folder: Path | None = None,
) -> TrainingResult:
    """Train a model of this repository from its recipe; the same call continues a run that was stopped.

    Checkpoints lie under `.sluice/training/`, by the digest of all that the weights depend on. A finished run writes
    the weights to `folder` (default: the model file's own directory); with `steps` it stops there and writes them
    beside the checkpoints. Raises UsageError where the model has no recipe.
    """
    recipe, home = _recipe(root, name)
    for file in (*weights.SERVED, "curve.csv", "curve.svg", "README.md"):
        catalogs.writable(root, f"{DIRECTORIES['model']}/{name}/{file}")
    made = composer(root, recipe, home)
    state = root / STATE / f"{name}-{_identity(root, recipe, home)[7:19]}"
    trained = _tokenizer(made, recipe, state)
    run = Run(recipe, made, trained, state)
    run.resume()
    run.train(report, steps)
    finished = run.step >= run.total
    target = folder or (home if finished else state / "weights")
    files = weights.write(run.model, trained, target, recipe.architecture.context)
    result = TrainingResult(target, files, digest(files), run.step, finished, tuple(run.curve))
    if finished and folder is None:
        publish(root, name, result)
    return result


def publish(root: Path, name: str, result: TrainingResult) -> dict[str, Measured]:
    """Pin the digests in the model file, measure the weights, and write curve and card beside them."""
    weights.pin(root / DIRECTORIES["model"] / f"{name}.yaml", result.digests)
    (result.folder / "curve.csv").write_text(curve.csv(result.curve), encoding="utf-8")
    (result.folder / "curve.svg").write_text(curve.svg(result.curve), encoding="utf-8")
    catalog = catalogs.load(catalogs.WorkingTree(root))
    measured = measure_quality(catalog, result.folder)
    recipe, _ = _recipe(root, name)
    text = card.write(name, recipe, weights.parameters(result.folder), measured, result.curve)
    (result.folder / "README.md").write_text(text, encoding="utf-8")
    return measured


def _recipe(root: Path, name: str) -> tuple[Recipe, Path]:
    entry = catalogs.load(catalogs.WorkingTree(root)).model(name)
    if entry.value.training is None:
        raise UsageError(f"{entry.path} has no `training:` section; only models with a recipe can be trained")
    return parse(entry.value.training), root / DIRECTORIES["model"] / name


def composer(root: Path, recipe: Recipe, home: Path) -> Composer:
    """What conversations are drawn from: the language, the training split and open vocabulary."""
    rows = {key: root / DIRECTORIES["dataset"] / f"{key}.jsonl" for key in (recipe.facts, recipe.tickets)}
    facts = [portal.fact_of_row(row) for row in datasets.read(rows[recipe.facts])]
    taught = [tickets.of_row(row) for row in datasets.read(rows[recipe.tickets])]
    return Composer.of(language.load(home / recipe.language), facts, taught)


def _identity(root: Path, recipe: Recipe, home: Path) -> str:
    """Digest of everything that the weights depend on besides this code."""
    files = [home / recipe.language]
    files += [root / DIRECTORIES["dataset"] / f"{key}.jsonl" for key in (recipe.facts, recipe.tickets)]
    texts = [path.read_text(encoding="utf-8") for path in files]
    return digest({"recipe": recipe.model_dump(), "texts": texts})


def _tokenizer(made: Composer, recipe: Recipe, state: Path) -> Any:
    """The run's tokenizer, trained once and kept beside the checkpoints."""
    if (state / "tokenizer.json").exists():
        return tokenizer.load(state)
    rng = random.Random(f"tokenizer:{recipe.seed}")
    drawn = (made.draw(rng) for _ in range(recipe.tokenizer_conversations))
    texts = (message["content"] for conversation in drawn for message in conversation.messages)
    trained = tokenizer.train(texts, recipe.architecture.vocabulary)
    state.mkdir(parents=True, exist_ok=True)
    tokenizer.save(trained, state, recipe.architecture.context)
    return trained
