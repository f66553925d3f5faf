"""The sample application: what its datasets, prompts and embedded model promise is true of the committed files."""

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from sluice import catalog as catalogs
from sluice.training import datasets, language
from sluice.training.language import generates
from sluice.training.quality import PROBE, measure_suite, sensitivity

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models" / "portal-small"
LARGEST_MODEL = 12 * 2**20
LARGEST_TRAINING_SPLIT = 4 * 10**6


def _rows(name):
    return datasets.read(ROOT / "datasets" / f"{name}.jsonl")


@pytest.fixture(scope="module")
def catalog():
    return catalogs.load(catalogs.WorkingTree(ROOT)).require_valid()


def test_the_application_has_the_promised_size():
    questions = _rows("portal-questions")
    assert len(_rows("portal-docs")) >= 160
    assert len(questions) >= 960
    assert sum(not row["answerable"] for row in questions) >= 320
    assert len(_rows("portal-tickets")) >= 400
    assert len({row["topic"] for row in questions}) == 12


def test_the_training_split_is_small_enough_to_review():
    assert (ROOT / "datasets" / "portal-training.jsonl").stat().st_size < LARGEST_TRAINING_SPLIT


@pytest.mark.parametrize("name", ["portal-questions", "portal-instructions", "portal-tickets"])
def test_no_eval_case_is_in_its_training_split_nor_close_to_a_row_of_it(name):
    card = yaml.safe_load((ROOT / "datasets" / f"{name}.yaml").read_text(encoding="utf-8"))
    for other in card["held_out_from"]:
        taught = datasets.ShingleIndex(_text(row, card["held_out_by"]) for row in _rows(other))
        near = [row["id"] for row in _rows(name) if _comparable(row) and _nearest(taught, row, card) >= 0.8]
        assert not near, f"{len(near)} cases of {name} are near-duplicates of rows of {other}: {near[:5]}"


def _text(row, fields):
    return " ".join(row[field] for field in fields)


def _comparable(row):
    return row.get("instruction") != "priority"


def _nearest(index, row, card):
    return index.nearest(_text(row, card["held_out_by"]))


def test_a_fact_that_is_asked_about_is_never_taught_with_its_entity():
    taught = {(row["entity"], f"{row['family']}:{row['word']}") for row in _rows("portal-training")}
    assert not {(row["entity"], row["fact"]) for row in _rows("portal-questions")} & taught


def test_prompt_lines_are_part_of_the_language():
    words = language.load(MODEL / "language.yaml")
    known = [wording for kinds in words["instructions"].values() for wording in kinds.get("known", [])]
    triage = words["triage"]
    known += [*triage["role"], *triage["categories"]["known"], *triage["priority"]["known"]]
    labels = ", ".join([*(entry["labels"][0] for entry in triage["classes"].values()), "other"])
    known = [w.replace("{refusal}", words["house"]["refusal"]).replace("{labels}", labels) for w in known]
    for name in ("support-answer", "ticket-triage"):
        prompt = yaml.safe_load((ROOT / "prompts" / f"{name}.yaml").read_text(encoding="utf-8"))
        for line in prompt["messages"][0]["content"].split("\n\n")[0].splitlines():
            assert any(generates(wording, line) for wording in known), line


def test_the_weights_are_small_and_pinned():
    model = yaml.safe_load((ROOT / "models" / "portal-small.yaml").read_text(encoding="utf-8"))
    files = [path for path in MODEL.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < LARGEST_MODEL
    for name, pinned in model["source"]["files"].items():
        assert "sha256:" + hashlib.sha256((MODEL / name).read_bytes()).hexdigest() == pinned, name


def test_serving_engines_can_read_the_configuration():
    config = json.loads((MODEL / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert config["head_dim"] == 64
    assert config["hidden_size"] == config["num_attention_heads"] * 64
    assert "chat_template" in json.loads((MODEL / "tokenizer_config.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def reactions(catalog):
    pytest.importorskip("torch")
    return sensitivity(measure_suite(catalog, PROBE, MODEL))


@pytest.mark.slow
@pytest.mark.parametrize("instruction", ["cite", "refuse", "greet", "close", "json", "priority"])
def test_a_behaviour_goes_when_its_instruction_goes(reactions, instruction):
    assert reactions[instruction]["removed"].share <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("instruction", ["cite", "refuse", "greet", "close", "value", "json", "priority"])
def test_a_known_wording_is_obeyed_as_measured(reactions, instruction):
    measured = _measured(instruction, "known")
    assert reactions[instruction]["known"].share >= measured - 0.10


@pytest.mark.slow
def test_json_is_given_in_unseen_words(reactions):
    assert reactions["json"]["unseen"].share >= 0.75


def _measured(instruction, wording):
    """The figure on the model card."""
    from sluice.training.card import INSTRUCTIONS

    column = ["known", "unseen", "removed"].index(wording)
    lines = (MODEL / "README.md").read_text(encoding="utf-8").splitlines()
    row = next(line for line in lines if line.startswith(f"| {INSTRUCTIONS[instruction]} |"))
    return float(row.split("|")[2 + column].split("%")[0]) / 100
