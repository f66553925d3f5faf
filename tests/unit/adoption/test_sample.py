from __future__ import annotations

from sluice.adoption.sample import of_the_sample, on_the_ground_floor

PATHS = [
    "datasets/portal-questions.jsonl", "datasets/portal-training.yaml", "evals/support-answer.yaml",
    "evals/ticket-triage.py", "models/llama-3.1-8b.yaml", "models/portal-small.yaml",
    "models/portal-small/language.yaml", "prompts/support-answer.yaml", "scripts/demo", "scripts/demo-edits/1.patch",
    "tests/fixtures/demo/red.json", "tests/unit/training/test_loop.py",
]  # fmt: skip
OTHERS = ["prompts/own.yaml", "src/sluice/cli/demo.py", "scripts/test", "tests/fixtures/valid/a.yaml", "scripts/demos"]


def test_the_embedded_model_stays_with_what_it_was_trained_on(adoption):
    gone = of_the_sample(PATHS + OTHERS, adoption)
    assert set(PATHS) - set(gone) == {
        "datasets/portal-training.yaml", "models/portal-small.yaml", "models/portal-small/language.yaml",
        "tests/unit/training/test_loop.py",
    }  # fmt: skip
    assert not set(gone) & set(OTHERS)


def test_another_model_takes_the_place_of_the_embedded_one(adoption):
    other = adoption.model_copy(update={"model": "llama-3.1-8b", "embedded": False})
    assert set(PATHS) - set(of_the_sample(PATHS, other)) == {"models/llama-3.1-8b.yaml"}


def test_who_keeps_the_sample_loses_nothing(adoption):
    assert of_the_sample(PATHS, adoption.model_copy(update={"sample": True})) == []


def test_names_below_the_ground_floor_belong_to_people():
    assert on_the_ground_floor("prompts/support-answer.yaml")
    assert not on_the_ground_floor("scripts/demo")
