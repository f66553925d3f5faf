from __future__ import annotations

import random
from pathlib import Path

import pytest
from trees import build_tree, jsonl

from sluice.catalog import WorkingTree, load
from sluice.checks.overlap import HeldOut, held_out_pairs
from sluice.checks.word_shingles import near, normalised_all

CARD = """description: d
license: CC0-1.0
source: s
owners: [o]
intended_use: u
split: {split}
inputs: {{type: object, properties: {{id: {{}}, a: {{}}, b: {{}}}}}}
{more}
"""
WORDS = ["red", "green", "blue", "north", "south", "one", "two"]


def _pair(root: Path, held: list[dict[str, object]], train: list[dict[str, object]], by: str = "[a, b]") -> HeldOut:
    more = f"held_out_from: [lessons]\nheld_out_by: {by}" if by else "held_out_from: [lessons]"
    files = {
        "datasets/cases.yaml": CARD.format(split="eval", more=more),
        "datasets/cases.jsonl": jsonl(held),
        "datasets/lessons.yaml": CARD.format(split="train", more=""),
        "datasets/lessons.jsonl": jsonl(train),
    }
    (pair,) = held_out_pairs(load(WorkingTree(build_tree(files, root))))
    for dataset, take in ((pair.held_out, pair.add), (pair.train, pair.compare)):
        for block in dataset.blocks([]):
            take(block.lines, [normalised_all([row.get(name) for row in block.rows]) for name in pair.names])
    return pair


@pytest.mark.parametrize("vocabulary", [WORDS, [f"word{number}" for number in range(300)]], ids=["few", "many"])
def test_the_index_finds_exactly_what_comparing_all_pairs_finds(vocabulary: list[str], tmp_path: Path) -> None:
    chance = random.Random(3)

    def row(number: int) -> dict[str, object]:
        return {"id": str(number), "a": " ".join(chance.choices(vocabulary, k=14)), "b": chance.choice(WORDS)}

    held = [row(number) for number in range(120)]
    train = [row(number) for number in range(80)]
    for number, original in enumerate(chance.sample(held, 60)):
        words = str(original["a"]).split()
        for _ in range(chance.randrange(3)):
            words[chance.choice((0, 1, 7, 12, 13))] = chance.choice(vocabulary)
        other = chance.choice(WORDS) if number % 5 == 0 else original["b"]
        train.append({"id": f"copy-{number}", "a": " ".join(words), "b": other})
    wanted = {
        line
        for line, one in enumerate(held, 1)
        if any(near([str(one["a"]), str(one["b"])], [str(other["a"]), str(other["b"])]) for other in train)
    }
    pair = _pair(tmp_path, held, train)
    assert set(pair.overlaps) == wanted and len(wanted) > 20
    exact = {(str(one["a"]), str(one["b"])) for one in train}
    assert {line for line, one in pair.overlaps.items() if one.exact} == {
        line for line, one in enumerate(held, 1) if (str(one["a"]), str(one["b"])) in exact
    }


def test_a_differing_short_field_is_another_case(tmp_path: Path) -> None:
    long = "when does the monthly invoice of the studio arrive if the bank was closed on that day"
    pair = _pair(tmp_path, [{"id": "1", "a": long, "b": "north"}], [{"id": "2", "a": long, "b": "south"}])
    assert pair.overlaps == {}


def test_without_fields_all_shared_ones_but_the_id_are_compared(tmp_path: Path) -> None:
    pair = _pair(tmp_path, [{"id": "1", "a": "x", "b": "Y"}], [{"id": "2", "a": "X", "b": "y"}], by="")
    assert pair.names == ("a", "b") and pair.overlaps[1].exact
