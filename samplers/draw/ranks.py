"""Lowest hashed rank wins: a draw that does not see shards, workers, sizes or compositions.

A sample's rank follows from its id and the replicate alone. So the draw of a union is the draw of
the joined draws, a small draw lies inside a larger one, and two compositions of one replicate
share as many samples as their rules allow, which makes their comparison sharper.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from terrasweep.infra.seeds import seed

MIN_SEEN: Final = 64
"""A stratum with fewer rows in the pilot is kept whole: too little is known of it."""
MARGIN: Final = 8.0
"""Standard deviations between what a threshold is expected to keep and what it must keep."""
MAX_STEPS: Final = 100
CLOSE: Final = 1e-9
"""How closely a threshold is worked out: too low by more, and a scan may find too few."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def hashes(ids: Iterable[str]) -> np.ndarray:
    """Return the 64-bit hash of every id."""
    digests = (hashlib.blake2b(name.encode(), digest_size=8).digest() for name in ids)
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def ranks(rank_hash: np.ndarray, *, replicate: int, component: str = "") -> np.ndarray:
    """Return the rank of every sample in one replicate: two rounds of splitmix64's mixer.

    Each component of a mixture has ranks of its own. With one order for all of them, the second
    would be left without just those samples that the first prefers, and undo its shares.

    The mixer is a bijection, so two samples share a rank only where they share a hash.
    """
    salt = np.uint64(seed("draw", replicate, *([component] if component else [])))
    return _mixed(_mixed(rank_hash.astype(np.uint64) ^ salt) + salt)


def draw(
    ranked: np.ndarray, *, ids: np.ndarray, groups: np.ndarray, quota: Sequence[int]
) -> np.ndarray:
    """Return the positions of the `quota[g]` lowest ranks of every group g, ties by id.

    Positions come sorted; a group below zero is never drawn, and one that holds fewer than its
    quota gives all it has.
    """
    drawn = [
        _lowest(ranked, ids=ids, among=np.flatnonzero(groups == group), number=number)
        for group, number in enumerate(quota)
    ]
    return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *drawn]))


def exponential_keys(ranked: np.ndarray) -> np.ndarray:
    """Return the exponential waiting time that belongs to each rank, in the same order.

    Divided by a weight it is the key of a weighted draw (Efraimidis and Spirakis 2006): the
    lowest keys are a draw without replacement in which twice the weight is twice as likely next.
    Equal weights leave the order of ranks as it is.
    """
    # The middle of a rank's interval, so that no wait is zero; and below one, so none is infinite.
    unit = (ranked.astype(np.float64) + 0.5) * 2.0**-64
    return np.asarray(-np.log1p(-np.minimum(unit, 1 - 2.0**-53)))


def rank_bound(wait: float) -> np.uint64:
    """Return a rank beyond which every wait is longer than this one, and not much is missed."""
    # The inverse of `exponential_keys`, a little more than rounding can take away.
    unit = -math.expm1(-wait) * (1 + 1e-9) + 1e-15
    return np.uint64(min(int(unit * 2.0**64), 2**64 - 1))


def key_threshold(quota: int, *, weights: np.ndarray, times: float = 1.0) -> float:
    """Return a key that very likely lies above the `quota` lowest keys of a population.

    A scan leaves out what lies above it; a caller who finds too few must scan again without a
    threshold. A guard may take a quarter of the samples, and enough will still be found.

    Args:
        quota: How many keys must lie below the threshold.
        weights: The weights of the population, or of a part of it drawn by lot.
        times: How many samples of the population each weight stands for.
    """
    seen = len(weights)
    # The number of keys below a threshold varies like a Poisson number: by its square root.
    wanted = (quota + MARGIN * math.sqrt(quota) + 64) * 4 / 3
    if times > 1:  # the part drawn by lot may have higher weights than the rest
        wanted *= 1 + MARGIN / math.sqrt(max(seen, 1))
    if wanted >= seen * times or (times > 1 and seen < MIN_SEEN):
        return math.inf
    if weights.min() == weights.max():  # as for most rules; then the solution has a closed form
        return -math.log1p(-wanted / (seen * times)) / float(weights[0])
    return _solve_threshold(wanted / times, weights)


def _solve_threshold(wanted: float, weights: np.ndarray) -> float:
    """Return a key below which so many of these weights are expected.

    A key of weight w lies below a threshold t with probability 1 - exp(-w t). Newton's method
    finds the t at which these add up to the number wanted. Their sum is concave in t, so steps from
    zero never go too far.
    """
    threshold = np.float64(0.0)
    with np.errstate(divide="ignore"):  # none is left that could pass: no threshold
        for _ in range(MAX_STEPS):
            lacking = wanted + np.expm1(-weights * threshold).sum()
            if lacking <= CLOSE * wanted:
                break
            threshold += lacking / (weights * np.exp(-weights * threshold)).sum()
            if np.isinf(threshold):
                break
    return float(threshold * (1 + CLOSE))


def _mixed(z: np.ndarray) -> np.ndarray:
    z = z + _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    mixed: np.ndarray = z ^ (z >> np.uint64(31))
    return mixed


def _lowest(ranked: np.ndarray, *, ids: np.ndarray, among: np.ndarray, number: int) -> np.ndarray:
    if number == 0 or number >= len(among):
        return among[:number]
    own = ranked[among]
    # Only rows up to the last rank that counts are sorted; ids decide where ranks are equal.
    bound = np.partition(own, number - 1)[number - 1]
    near = among[own <= bound]
    by_id = near[np.argsort(ids[near], kind="stable")]
    by_rank = by_id[np.argsort(ranked[by_id], kind="stable")]
    return np.asarray(by_rank[:number])
