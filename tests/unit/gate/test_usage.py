"""What a suite cost: each answer once, also where a suite is paired with itself."""

from types import SimpleNamespace

from unit.report import factory

from sluice.gate.usage import usage_of

TALLY = SimpleNamespace(retries=0, calls=200, journalled=0, reused=0, seconds=1.0, seconds_before=0.0)
RUN = SimpleNamespace(execution=SimpleNamespace(tally=TALLY, called=frozenset()))


def test_each_answer_is_paid_for_once_where_there_is_no_base():
    compared = factory.first().suites[0].comparison
    cost = sum(result.cost for pair in compared.pairs for result in pair.head)
    assert usage_of(RUN, compared).cost == cost


def test_both_sides_are_paid_for_where_they_differ():
    compared = factory.failing().suites[0].comparison
    cost = sum(result.cost or 0.0 for pair in compared.pairs for result in (*pair.base, *pair.head))
    assert abs(usage_of(RUN, compared).cost - cost) < 1e-12
