"""The planned order: a seeded permutation whose every prefix looks like the whole."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.results import CaseInfo
from sluice.runner.order import look_ends, planned_order


def cases(count, clusters=True):
    return [
        CaseInfo(
            str(number),
            {"odd": number % 2 == 1},
            f"c{number // 4}" if clusters else None,
            {"topic": "abcd"[number // 4 % 4], "odd": str(number % 2)},
        )
        for number in range(count)
    ]


@given(count=st.integers(1, 80), seed=st.integers(0, 5), clusters=st.booleans())
@settings(max_examples=50, deadline=None)
def test_it_is_a_permutation_that_keeps_clusters_whole(count, seed, clusters):
    given_cases = cases(count, clusters)
    order = planned_order(given_cases, [lambda row: row["odd"]], [], seed)
    assert Counter(case.id for case in order) == Counter(case.id for case in given_cases)
    if clusters:
        runs = [case.cluster for case, before in zip(order[1:], order, strict=False) if case.cluster != before.cluster]
        assert len(runs) == len(set(runs))


def test_the_same_seed_gives_the_same_order_and_another_another():
    one, same, other = (planned_order(cases(200), [], [], seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_every_look_holds_each_slice_in_its_share():
    order = planned_order(cases(400), [lambda row: row["odd"]], [], 0)
    for end in look_ends(order, complete=False):
        topics = Counter(case.slices["topic"] for case in order[:end])
        assert max(topics.values()) - min(topics.values()) <= 12


def test_must_pass_cases_come_first():
    order = planned_order(cases(100), [], ["57"], 0)
    assert "57" in {case.id for case in order[:4]}


def test_looks_end_where_clusters_end():
    order = planned_order(cases(200), [], [], 0)
    ends = look_ends(order, complete=False)
    assert len(ends) == 5
    assert ends[-1] == 200
    assert all(end == 200 or order[end].cluster != order[end - 1].cluster for end in ends)


def test_small_and_complete_runs_have_one_look():
    order = planned_order(cases(149), [], [], 0)
    assert look_ends(order, complete=False) == (149,)
    assert look_ends(planned_order(cases(400), [], [], 0), complete=True) == (400,)
