"""The proof that a gate is honest: redraw a recorded comparison under a known truth, and count the verdicts.

A draw swaps base and head of whole clusters at random, so discordance and clustering stay as recorded; breaking some of
head's passes adds a drop of known size.
"""

import math
import random
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import add

from sluice.stats.clusters import PairedCounts, count_pairs, design_effect
from sluice.stats.decision import NOMINAL_ALPHA, Outcome
from sluice.stats.power import chance_to_fail

Decide = Callable[[Sequence[PairedCounts]], Outcome]


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded comparison in plan order: what each case did on both sides, its cluster, and the looks' sizes.

    `clusters` holds None for a case of its own. `looks` are the cumulative numbers of cases, the last one all of them.
    """

    base: tuple[bool, ...]
    head: tuple[bool, ...]
    clusters: tuple[Hashable | None, ...]
    looks: tuple[int, ...]

    @property
    def differences(self) -> list[int]:
        """The difference head - base of every case."""
        return [after - before for before, after in zip(self.base, self.head, strict=True)]


@dataclass(frozen=True, slots=True)
class Rates:
    """How often each verdict was given, as shares of the draws, and the mean number of cases it took."""

    passed: float
    failed: float
    inconclusive: float
    cases: float


@dataclass(frozen=True, slots=True)
class _Block:
    """A cluster within the plan: its look, its cases, and its discordant pairs."""

    look: int
    size: int
    repaired: int
    broken: int


def record(
    base: Sequence[bool],
    head: Sequence[bool],
    clusters: Sequence[Hashable | None] | None,
    fractions: Sequence[float],
) -> Recording:
    """Make a recording whose looks are the first fractions of the plan, each moved up to the end of a cluster.

    Raises ValueError where the sides differ in length, or the cases of a cluster do not follow one another.
    """
    names: tuple[Hashable | None, ...] = (None,) * len(base) if clusters is None else tuple(clusters)
    if not len(base) == len(head) == len(names) or not base:
        raise ValueError(f"{len(base)} base, {len(head)} head outcomes and {len(names)} labels make no recording")
    ends = [place + 1 for place in range(len(names)) if _ends_here(names, place)]
    if len(ends) != len({name for name in names if name is not None}) + names.count(None):
        raise ValueError("the cases of a cluster must follow one another in the plan")
    wanted = [math.ceil(fraction * len(names) - 1e-9) for fraction in fractions]
    looks = sorted({min(end for end in ends if end >= size) for size in wanted})
    return Recording(tuple(base), tuple(head), names, tuple(looks))


def null_draws(recording: Recording, draws: int, seed: int) -> Iterator[list[PairedCounts]]:
    """Draw under 'head equals base': every cluster's sides are swapped or not, with equal chance."""
    return _draws(recording, draws, seed, against=0.5, breaks=0)


def boundary_draws(recording: Recording, margin: float, draws: int, seed: int) -> Iterator[list[PairedCounts]]:
    """Draw under 'head is worse by exactly the margin', by swapping clusters against head more often than not.

    Where even all clusters against head fall short of the margin, so many of head's passes are broken as it takes.
    """
    blocks, _ = _blocks(recording)
    reach = sum(abs(block.repaired - block.broken) for block in blocks)
    goal = margin * len(recording.base)
    if reach >= goal:
        return _draws(recording, draws, seed, against=0.5 + 0.5 * goal / reach, breaks=0)
    return _draws(recording, draws, seed, against=1.0, breaks=round(goal - reach))


def sabotage_draws(recording: Recording, drop: float, draws: int, seed: int) -> Iterator[list[PairedCounts]]:
    """Draw under 'head equals base' and then break so many of head's passes that it loses `drop`."""
    return _draws(recording, draws, seed, against=0.5, breaks=round(drop * len(recording.base)))


def rates(draws: Iterable[Sequence[PairedCounts]], decide: Decide) -> Rates:
    """Decide every draw, given as the cumulative counts of its looks, and count the verdicts."""
    tally = {"pass": 0, "fail": 0, "inconclusive": 0}
    total = cases = 0
    for looks in draws:
        outcome = decide(looks)
        tally[outcome.decision] += 1
        cases += looks[outcome.look].n
        total += 1
    if not total:
        raise ValueError("no draw to decide")
    shares = {decision: count / total for decision, count in tally.items()}
    return Rates(shares["pass"], shares["fail"], shares["inconclusive"], cases / total)


def stated_power(
    recording: Recording,
    drop: float,
    margin: float,
    alpha: float = NOMINAL_ALPHA,
    fail_alpha: float | None = None,
) -> float:
    """Return the power to fail a sabotage of `drop` that a plan made from this recording states."""
    counts = count_pairs(recording.differences, recording.clusters)
    total = len(recording.base)
    return chance_to_fail(
        counts.n / design_effect(counts),
        sabotaged_discordance(recording, drop),
        margin,
        alpha,
        drop=drop,
        fail_alpha=fail_alpha,
        fractions=[size / total for size in recording.looks],
    )


def sabotaged_discordance(recording: Recording, drop: float) -> float:
    """Return the expected discordance after `drop` of the pairs had their head's pass broken at random."""
    total = len(recording.base)
    both_pass = sum(before and after for before, after in zip(recording.base, recording.head, strict=True))
    one_passes = sum(map(abs, recording.differences))
    head_passes = both_pass + one_passes / 2.0
    return one_passes / total + drop * (both_pass - one_passes / 2.0) / head_passes


def _ends_here(names: Sequence[Hashable | None], place: int) -> bool:
    return place + 1 == len(names) or names[place] is None or names[place + 1] != names[place]


def _blocks(recording: Recording) -> tuple[list[_Block], list[int]]:
    """Return the clusters of the plan, and for every case the index of its cluster."""
    looks = [sum(place >= size for size in recording.looks) for place in range(len(recording.base))]
    owners: list[int] = []
    blocks: list[_Block] = []
    for place, (name, d) in enumerate(zip(recording.clusters, recording.differences, strict=True)):
        if not place or name is None or name != recording.clusters[place - 1]:
            blocks.append(_Block(looks[place], 0, 0, 0))
        old = blocks[-1]
        blocks[-1] = _Block(old.look, old.size + 1, old.repaired + (d > 0), old.broken + (d < 0))
        owners.append(len(blocks) - 1)
    return blocks, owners


def _draws(recording: Recording, draws: int, seed: int, *, against: float, breaks: int) -> Iterator[list[PairedCounts]]:
    """Yield the cumulative counts of each draw; `against` is the chance that a cluster speaks against head."""
    rng = random.Random(seed)
    blocks, owners = _blocks(recording)
    # The recorded outcomes of the cases that pass on some side: cluster, base, head.
    passing = [
        (owner, before, after)
        for owner, before, after in zip(owners, recording.base, recording.head, strict=True)
        if before or after
    ]
    still = [_tally(blocks, look) for look in range(len(recording.looks))]
    for _ in range(draws):
        swapped = [_swaps(block, against, rng) for block in blocks]
        changes = _break(passing, swapped, breaks, rng) if breaks else {}
        yield list(accumulate(_drawn(blocks, swapped, changes, still), add))


def _swaps(block: _Block, against: float, rng: random.Random) -> bool:
    if block.repaired == block.broken:
        return block.repaired > 0 and rng.random() < 0.5
    return (rng.random() < against) != (block.repaired < block.broken)


def _break(
    passing: Sequence[tuple[int, bool, bool]], swapped: Sequence[bool], breaks: int, rng: random.Random
) -> dict[int, tuple[int, int]]:
    """Break that many of head's passes, each equally likely; return (repaired lost, broken gained) by cluster."""
    chosen: set[int] = set()
    changes: dict[int, tuple[int, int]] = {}
    for place in _shuffled(len(passing), rng):
        if len(chosen) == breaks:
            return changes
        owner, before, after = passing[place]
        if swapped[owner]:
            before, after = after, before
        if after:
            chosen.add(place)
            repaired, broken = changes.get(owner, (0, 0))
            changes[owner] = (repaired, broken + 1) if before else (repaired + 1, broken)
    if len(chosen) < breaks:
        raise ValueError(f"head passes only {len(chosen)} cases, {breaks} cannot be broken")
    return changes


def _shuffled(count: int, rng: random.Random) -> Iterator[int]:
    """Yield 0 .. count - 1 in random order, doing no more work than is asked for."""
    places = list(range(count))
    for place in range(count):
        other = place + int(rng.random() * (count - place))
        places[place], places[other] = places[other], places[place]
        yield places[place]


def _tally(blocks: Sequence[_Block], look: int) -> PairedCounts:
    """Return what no swap changes in a look: its cases and clusters."""
    sizes = [block.size for block in blocks if block.look == look]
    return PairedCounts(sum(sizes), 0, 0, len(sizes), 0, 0, sum(size * size for size in sizes))


def _drawn(
    blocks: Sequence[_Block],
    swapped: Sequence[bool],
    changes: dict[int, tuple[int, int]],
    still: Sequence[PairedCounts],
) -> list[PairedCounts]:
    """Return the counts that each look adds in this draw."""
    repaired, broken = [0] * len(still), [0] * len(still)
    squares, products = [0] * len(still), [0] * len(still)
    for index, block in enumerate(blocks):
        if not (block.repaired or block.broken or index in changes):
            continue
        ups, downs = (block.broken, block.repaired) if swapped[index] else (block.repaired, block.broken)
        lost, gained = changes.get(index, (0, 0))
        ups, downs = ups - lost, downs + gained
        look, total = block.look, ups - downs
        repaired[look] += ups
        broken[look] += downs
        squares[look] += total * total
        products[look] += total * block.size
    return [
        PairedCounts(fixed.n, ups, downs, fixed.clusters, square, product, fixed.sizes)
        for fixed, ups, downs, square, product in zip(still, repaired, broken, squares, products, strict=True)
    ]
