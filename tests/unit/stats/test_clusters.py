import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sluice.stats import paired
from sluice.stats.clusters import count_pairs, critical_value, design_effect, paired_bounds

clustered = st.lists(
    st.tuples(st.sampled_from([-1, 0, 0, 0, 1]), st.one_of(st.none(), st.integers(0, 8))),
    min_size=2,
    max_size=120,
)


def _split(drawn):
    return [d for d, _ in drawn], [cluster for _, cluster in drawn]


def test_design_effect_is_the_ratio_of_the_two_variances():
    d = [1, 1, 1, 0, 0, 0, -1, -1, 0, 0, 0, 0]
    clusters = ["a"] * 3 + ["b"] * 3 + ["c"] * 3 + ["d"] * 3
    sums = np.array(d).reshape(4, 3).sum(axis=1)
    expected = np.var(sums, ddof=1) * 4 / (12 * np.var(d, ddof=1))
    assert expected > 1
    assert design_effect(count_pairs(d, clusters)) == pytest.approx(expected)


def test_a_fully_correlated_cluster_counts_as_one_pair():
    d = [1, -1, 0, 0] * 20
    repeated = [value for value in d for _ in range(5)]
    clusters = [index // 5 for index in range(400)]
    assert design_effect(count_pairs(repeated, clusters)) == pytest.approx(5.0, rel=0.02)


def test_rows_without_a_cluster_are_clusters_of_one():
    d = [1, 0, -1, 0, -1, 0]
    alone = count_pairs(d)
    assert alone == count_pairs(d, [None] * 6) == count_pairs(d, range(6))
    assert (alone.clusters, design_effect(alone)) == (6, 1.0)


def test_few_clusters_use_student_and_many_the_normal():
    assert critical_value(1.7, 29) == pytest.approx(stats.t.isf(stats.norm.sf(1.7), 28), abs=1e-9)
    assert critical_value(1.7, 30) == 1.7


def test_one_cluster_says_nothing():
    bounds = paired_bounds(count_pairs([1, 0, 0, -1], ["a"] * 4), 1.7)
    assert (bounds.lower, bounds.upper) == (-1.0, 1.0)


@given(clustered, st.floats(0.5, 5.0), st.sampled_from([0.0, 0.25, 1.0]))
def test_clusters_never_tighten_and_a_prior_never_tightens_further_than_the_plain_floor(drawn, z, prior):
    d, clusters = _split(drawn)
    counts = count_pairs(d, clusters)
    bounds = paired_bounds(counts, z, prior)
    assert bounds.design_effect >= 1.0
    assert bounds.lower <= paired.lower(len(d), d.count(1), d.count(-1), z) + 1e-9
    assert bounds.upper >= paired.upper(len(d), d.count(1), d.count(-1), z) - 1e-9
    assert -1.0 <= bounds.lower <= bounds.difference + 1e-12
    assert bounds.difference - 1e-12 <= bounds.upper <= 1.0


@given(clustered, st.floats(0.5, 5.0))
def test_swapping_base_and_head_negates(drawn, z):
    d, clusters = _split(drawn)
    ours, theirs = (paired_bounds(count_pairs(side, clusters), z) for side in (d, [-value for value in d]))
    assert theirs.lower == pytest.approx(-ours.upper, abs=1e-9)
    assert theirs.design_effect == pytest.approx(ours.design_effect)


@given(clustered, st.integers(1, 100))
def test_counts_of_disjoint_sets_of_clusters_add_up(drawn, cut):
    d, clusters = _split(drawn)
    early = [index for index, name in enumerate(clusters) if (-1 if name is None else name) < cut % 9]
    late = [index for index in range(len(d)) if index not in set(early)]
    if early and late:
        parts = [count_pairs([d[i] for i in part], [clusters[i] for i in part]) for part in (early, late)]
        assert parts[0] + parts[1] == count_pairs(d, clusters)


def test_a_prior_keeps_sparse_flips_of_large_clusters_from_passing_as_independent():
    d, clusters = [-1] + [0] * 199, [index // 10 for index in range(200)]
    counts = count_pairs(d, clusters)
    assert design_effect(counts, 0.0) == pytest.approx(1.0, abs=0.06)
    assert design_effect(counts, 0.25) > 5.0
    assert design_effect(count_pairs(d), 0.25) == 1.0


@pytest.mark.parametrize(("d", "clusters"), [([], None), ([1, 0], ["a"]), ([0.5, 0], None), ([2], None)])
def test_what_are_no_binary_pairs(d, clusters):
    with pytest.raises(ValueError, match="pair"):
        count_pairs(d, clusters)
