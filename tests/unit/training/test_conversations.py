import json
import random

import pytest

from sluice.training.conversations import Composer
from sluice.training.instructions import Behaviour
from sluice.training.portal import build
from sluice.training.tickets import build as build_tickets


@pytest.fixture(scope="module")
def composer(words):
    taught, _ = build_tickets(words, 1, 300, 30)
    return Composer.of(words, build(words, 1).taught, taught)


@pytest.fixture(scope="module")
def drawn(composer):
    return [composer.draw(random.Random(seed)) for seed in range(3000)]


def test_no_conversation_states_or_asks_a_held_out_fact(words, drawn):
    held_out = {fact.key for article in build(words, 1).articles for fact in article.facts}
    assert not [fact for conversation in drawn for fact in conversation.facts if fact.key in held_out]


def test_drawing_is_a_function_of_the_seed(composer):
    assert composer.draw(random.Random(11)) == composer.draw(random.Random(11))


def test_conversations_alternate_and_end_with_an_answer(drawn):
    for conversation in drawn[:300]:
        roles = [message["role"] for message in conversation.messages if message["role"] != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert all(message["content"].strip() for message in conversation.messages if message["role"] != "system")


def test_answers_copy_from_the_prompt_or_refuse(drawn):
    support = [conversation for conversation in drawn if conversation.facts]
    for conversation in support[:500]:
        prompt = conversation.system + conversation.turns[0].question
        for turn in conversation.turns:
            stated = [fact for fact in conversation.facts if fact.value.lower() in turn.answer.lower()]
            assert stated or turn.answer in prompt or json.loads(turn.answer)["answer"] in prompt


def test_answerable_and_unanswerable_questions_both_occur(drawn):
    support = [conversation for conversation in drawn if conversation.facts]
    refused = [c for c in support if any("could not find" in turn.answer for turn in c.turns)]
    assert 0.1 < len(refused) / len(support) < 0.6


BEHAVIOURS = [
    (Behaviour(), "It is 5."),
    (Behaviour(cite=True), "It is 5. [kb-1]"),
    (Behaviour(greeting="Hi!", cite=True, closing="Bye."), "Hi! It is 5. [kb-1] Bye."),
    (Behaviour(value_only=True, cite=True), "5 [kb-1]"),
    (Behaviour(json=True), '{"answer": "It is 5."}'),
    (Behaviour(json=True, cite=True), '{"answer": "It is 5.", "source": "kb-1"}'),
    (Behaviour(json=True, source_field=True, value_only=True), '{"answer": "5", "source": "kb-1"}'),
]


@pytest.mark.parametrize(("behaviour", "expected"), BEHAVIOURS)
def test_a_behaviour_shapes_the_answer(behaviour, expected):
    assert behaviour.answer("It is 5.", "5", "kb-1") == expected


def test_a_refusal_is_the_fixed_sentence_alone():
    assert Behaviour(refusal="No.", cite=True, greeting="Hi!").refuse() == "No."
    assert Behaviour(refusal="No.", json=True).refuse() == '{"answer": "No."}'
