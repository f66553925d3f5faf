"""Shards: suites that share a request are together, directly or through others, and no two shards share any."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from sluice.gate.changes import Affected
from sluice.gate.upcoming import Upcoming, shards
from sluice.runner.closure import Closure
from sluice.runner.engine import Engine


def suite(name, keys):
    engine = Engine("tgi", "m")
    return Upcoming(Affected(name, Closure(name, {}), engine, None, None, ()), (), dict.fromkeys(keys))


def names(groups):
    return [[one.affected.name for one in group] for group in groups]


@given(st.lists(st.sets(st.integers(0, 8), max_size=3), max_size=7))
def test_groups_are_the_connected_components(keys):
    suites = [suite(f"s{index}", part) for index, part in enumerate(keys)]
    groups = shards(suites)
    assert sorted(name for group in names(groups) for name in group) == [one.affected.name for one in suites]
    assert names(groups) == sorted(sorted(group) for group in names(groups))
    for one, other in combinations(groups, 2):
        assert not {key for part in one for key in part.requests} & {key for part in other for key in part.requests}
    for group in groups:
        reached, rest = set(group[0].requests), list(group[1:])
        while touching := [one for one in rest if reached & one.requests.keys()]:
            reached.update(key for one in touching for key in one.requests)
            rest = [one for one in rest if one not in touching]
        assert not rest, "a shard holds a suite that shares nothing with the others"


def test_a_chain_is_one_shard():
    assert names(shards([suite("a", "xy"), suite("b", "z"), suite("c", "yz"), suite("d", "q")])) == [
        ["a", "b", "c"],
        ["d"],
    ]
