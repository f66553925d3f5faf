from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from unit.report import factory

from sluice.report.cases import case_input, count, gained, is_flaky, lost, telling, worst_first
from sluice.report.caseview import case_view, problems


def pair_of(index, scores, **extra):
    """Return a pair that passes both metrics on base and has the given scores on head."""
    case = factory.info(index)
    base = factory.result(case.id, "a", {"correct": True, "cites_source": True})
    head = factory.result(case.id, "b", scores)
    return factory.comparison([(replace(case, **extra), base, head)]).pairs[0]


def test_the_worst_cases_lead():
    one = pair_of(1, {"correct": True, "cites_source": False})
    both = pair_of(2, {"correct": False, "cites_source": False})
    must = pair_of(3, {"correct": True, "cites_source": False})
    order = worst_first([one, both, must], {must.info.id}, {"correct", "cites_source"})
    assert [pair.info.id for pair in order] == ["q-0003", "q-0002", "q-0001"]
    assert lost(both) == ("cites_source", "correct") and gained(both) == ()


def test_equals_are_spread_over_slices():
    pairs = [pair_of(i, {"correct": False, "cites_source": True}, slices={"topic": topic})
             for i, topic in enumerate(["a", "a", "a", "b", "b", "c"])]  # fmt: skip
    order = worst_first(pairs, set(), {"correct"})
    assert [pair.info.slices["topic"] for pair in order[:4]] == ["a", "b", "c", "a"]


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from("abc")), max_size=70))
def test_every_case_is_listed_once_and_severity_never_rises(made):
    pairs = [pair_of(i, {"correct": c, "cites_source": s}, slices={"t": t}) for i, (c, s, t) in enumerate(made)]
    order = worst_first(pairs, set(), {"correct", "cites_source"})
    assert sorted(pair.info.id for pair in order) == sorted(pair.info.id for pair in pairs)
    losses = [len(lost(pair)) for pair in order]
    assert losses == sorted(losses, reverse=True)


def test_the_telling_repeat_shows_the_change():
    case = factory.info(0)
    base = [factory.result(case.id, f"a{i}", {"correct": True, "cites_source": True}, repeat=i) for i in range(3)]
    head = [factory.result(case.id, f"b{i}", {"correct": i != 2, "cites_source": True}, repeat=i) for i in range(3)]
    pair = replace(factory.edited(1).pairs[0], base=tuple(base), head=tuple(head), change="broken")
    assert telling(pair) == (base[2], head[2])
    assert is_flaky(pair)
    view = case_view(pair)
    assert (view.base_state, view.head_state, view.metrics) == ("3 of 3 pass", "2 of 3 pass", ("correct",))


def test_missing_results_and_errors_are_told_as_such():
    compared = factory.edited(3, errors=(1,))
    assert problems(compared.pairs[1]) == ("q-0001", "head error (timeout): no answer within 30 s")
    gone = replace(compared.pairs[0], head=(), change="error")
    assert problems(gone) == ("q-0000", "head no result")
    assert count(compared).errors == 1


def test_the_input_is_the_field_that_tells_what_was_asked():
    assert case_input({"id": "q", "question": "Why?", "refusal": "I could not find this at all."}, {"q"}) == (
        "question",
        "Why?",
    )
    assert case_input({"id": "a-long-identifier", "note": "short"}, {"a-long-identifier"}) == ("note", "short")
    assert case_input({"passages": []}, set()) is None
