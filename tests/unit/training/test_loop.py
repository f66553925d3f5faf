"""A tiny recipe is trained for real: reproducible by seed, resumable at any step, and copying forms."""

import random

import pytest

from sluice.training import batches, copying, tokenizer, weights
from sluice.training.conversations import Composer
from sluice.training.loop import Run, build_model
from sluice.training.portal import build
from sluice.training.recipe import parse
from sluice.training.tickets import build as build_tickets

from .test_recipe import SECTION

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def parts(words):
    composer = Composer.of(words, build(words, 1).taught, build_tickets(words, 1, 60, 10)[0])
    texts = [turn.answer for turn in composer.draw(random.Random(1)).turns]
    return composer, tokenizer.train(texts * 50, SECTION["architecture"]["vocabulary"])


def _run(parts, folder):
    composer, trained = parts
    return Run(parse(SECTION), composer, trained, folder)


def test_the_same_seed_gives_the_same_weights_also_after_a_stop(parts, tmp_path):
    whole = _run(parts, tmp_path / "whole")
    whole.train(lambda progress: None)
    stopped = _run(parts, tmp_path / "stopped")
    stopped.train(lambda progress: None, until=5)
    resumed = _run(parts, tmp_path / "stopped")
    resumed.resume()
    assert resumed.step == 5
    resumed.train(lambda progress: None)
    written = [weights.write(run.model, parts[1], tmp_path / name, 256) for name, run in (("a", whole), ("b", resumed))]
    assert written[0] == written[1]


def test_progress_ends_at_the_last_step(parts, tmp_path):
    seen = []
    _run(parts, tmp_path).train(seen.append)
    assert seen[-1].step == seen[-1].steps == 8
    assert seen[-1].seconds_left == 0


def test_batches_are_a_function_of_seed_and_group(parts):
    composer, trained = parts
    once = batches.conversations(composer, trained, 1, 2, 256, 7)
    assert once == batches.conversations(composer, trained, 1, 2, 256, 7)
    assert once != batches.conversations(composer, trained, 1, 2, 256, 8)


def test_only_answers_are_produced(parts):
    composer, trained = parts
    conversation = composer.draw(random.Random(4))
    ids, produced = tokenizer.encode(trained, conversation.messages)
    text = trained.decode([token for token, flag in zip(ids, produced, strict=True) if flag], skip_special_tokens=False)
    assert text == "".join(turn.answer + tokenizer.END for turn in conversation.turns)


def test_the_copy_task_repeats_its_first_half():
    recipe = parse(SECTION).copying
    ids, produced = copying.batch(recipe, 1400, 5, seed=1, step=3)
    assert ids.shape == (2, 16)
    assert sorted(ids[0, :8].tolist()) == sorted(ids[0, 8:].tolist())
    assert produced.sum() == 2 * 7


def test_the_structured_start_already_copies():
    import torch

    recipe = parse(SECTION | {"architecture": SECTION["architecture"] | {"heads": 2, "intermediate": 256}})
    model = build_model(recipe)
    rows = torch.randint(5, 1400, (16, 20), generator=torch.Generator().manual_seed(1))
    ids = torch.cat([rows, rows], dim=1)
    with torch.no_grad():
        guesses = model(ids[:, :-1]).logits[:, 20:].argmax(-1)
    assert (guesses == ids[:, 21:]).float().mean() > 0.08
