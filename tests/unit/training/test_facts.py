import random

from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.training.facts import OpenSource, PortalSource, ask, pairs, state, templates, with_new_value
from sluice.training.portal import build


def test_a_fact_states_its_value_and_its_question_names_its_entity(words):
    rng = random.Random(3)
    for entity, template in list(pairs(words))[::97]:
        fact = state(words, template, entity, rng)
        assert fact.value.lower() in fact.sentence.lower()
        assert entity.lower() in fact.question.lower()
        assert "{" not in fact.question + fact.sentence


def test_a_new_value_replaces_the_old_one(words):
    rng = random.Random(5)
    for template in templates(words, "chat"):
        fact = state(words, template, "the chat bot", rng)
        fresh = with_new_value(words, fact, rng)
        assert fresh.value != fact.value
        assert fresh.value.lower() in fresh.sentence.lower()
        assert fresh.key == fact.key


def test_known_and_unseen_questions_come_from_different_frames(words):
    fact = state(words, templates(words, "chat")[0], "the chat bot", random.Random(1))
    known = {ask(words, fact, random.Random(seed), "known") for seed in range(80)}
    unseen = {ask(words, fact, random.Random(seed), "unseen") for seed in range(80)}
    assert known
    assert unseen
    assert not known & unseen


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_open_vocabulary_never_draws_a_pair_of_the_portal(words, seed):
    own = {(template.key, entity) for entity, template in pairs(words)}
    source, rng = OpenSource(words), random.Random(seed)
    first = source.any(rng)
    drawn = [first, source.same_entity(first, rng), source.same_template(first, rng)]
    drawn += [source.same_template(drawn[1], rng), source.same_entity(drawn[2], rng)]
    assert not {fact.key for fact in drawn} & own


def test_the_portal_source_draws_taught_pairs_only(words):
    taught = build(words, 1).taught
    source, rng = PortalSource(words, taught), random.Random(2)
    keys = {fact.key for fact in taught}
    for _ in range(200):
        fact = source.any(rng)
        assert {source.same_entity(fact, rng).key, source.same_template(fact, rng).key, fact.key} <= keys
