import random

import pytest

from sluice.training.language import draw_value, expand, fill, generates


def test_expand_chooses_one_alternative_of_each_group():
    wording = "(Cite|Name) the (passage|source)."
    found = {expand(wording, random.Random(seed)) for seed in range(60)}
    assert found == {"Cite the passage.", "Cite the source.", "Name the passage.", "Name the source."}


def test_an_empty_alternative_leaves_no_double_blank():
    assert {expand("Say (it |)now.", random.Random(seed)) for seed in range(20)} == {"Say it now.", "Say now."}


@pytest.mark.parametrize("line", ["Cite the source.", "Name the passage."])
def test_generates_recognises_expansions(line):
    assert generates("(Cite|Name) the (passage|source).", line)


def test_generates_refuses_other_lines():
    assert not generates("(Cite|Name) the (passage|source).", "Show the source.")


def test_slots_are_filled_once_and_capitalised_on_demand():
    assert fill("{Entity} has {value}.", {"entity": "the board", "value": "{entity}"}) == "The board has {entity}."


def test_every_kind_of_value_can_be_drawn(words):
    kinds = {kind for topic in words["topics"].values() for kind in topic["aspects"].values()}
    kinds |= set(words["shared"]["aspects"].values()) | {"menu", "version", "plan", "code", "channel"}
    assert all(draw_value(words, kind, random.Random(1)) for kind in kinds)


@pytest.mark.parametrize("kind", ["cite", "refuse", "greet", "close", "value", "json"])
def test_unseen_wordings_are_no_expansion_of_a_known_one(words, kind):
    known = words.wordings(kind)
    assert words.wordings(kind, "unseen")
    for line in words.wordings(kind, "unseen"):
        assert not any(generates(wording, line) for wording in known), line


def test_unseen_priority_wordings_are_no_expansion_of_a_known_one(words):
    priority = words["triage"]["priority"]
    assert not [line for line in priority["unseen"] for known in priority["known"] if generates(known, line)]


def test_house_lines_are_wordings_of_the_language(words):
    for kind, line in words["house"]["support"].items():
        assert any(generates(wording, line) for wording in words.wordings(kind)), line
    triage, own = words["triage"], words["house"]["triage"]
    assert any(generates(wording, own["role"]) for wording in triage["role"])
    assert any(generates(wording, own["categories"]) for wording in triage["categories"]["known"])
    assert any(generates(wording, own["priority"]) for wording in triage["priority"]["known"])
    assert any(generates(wording, own["json"]) for wording in words.wordings("json"))


def test_unseen_question_frames_are_not_known_ones(words):
    for frames in words["families"].values():
        assert not set(frames["questions"]) & set(frames["unseen"])
