"""Lowest hashed rank wins: a draw that does not see shards, workers, sizes or compositions.

A sample's rank follows from its id and the replicate alone. So the draw of a union is the draw of
the joined draws, a small draw lies inside a larger one, and two compositions of one replicate
share as many samples as their rules allow, which makes their comparison sharper.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from infra.seeds import seed

TOP: Final = 2**64 - 1  # the highest rank there is

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def hashes(ids: Iterable[str]) -> np.ndarray:
    """Return the 64-bit hash of every id."""
    digests = (hashlib.blake2b(name.encode(), digest_size=8).digest() for name in ids)
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def ranks(rank_hash: np.ndarray, *, replicate: int) -> np.ndarray:
    """Return the rank of every sample in one replicate: two rounds of splitmix64's mixer.

    The mixer is a bijection, so two samples share a rank only where they share a hash.
    """
    salt = np.uint64(seed("draw", replicate))
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


def ceiling(quota: int, *, held: int) -> int:
    """Return a rank that very likely bounds the `quota` lowest of `held` samples.

    A scan leaves what lies above it where it is. Eight standard deviations, and room for a guard
    that takes a quarter of the samples; a caller who finds too few must scan again up to `TOP`.
    """
    expected = (quota + 8 * math.sqrt(quota) + 64) * 4 / 3
    return TOP if expected >= held else int(expected / held * TOP)


def grouped(codes: np.ndarray, *, values: Sequence[str], home: Mapping[str, int]) -> np.ndarray:
    """Return the group of every row whose code stands for `values[code]`; -1 where it has none."""
    of_code = np.array([home.get(value, -1) for value in values], dtype=np.int64)
    return np.asarray(of_code[codes])


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
    bound = np.partition(own, number - 1)[number - 1]
    near = among[own <= bound]
    by_id = near[np.argsort(ids[near], kind="stable")]
    by_rank = by_id[np.argsort(ranked[by_id], kind="stable")]
    return np.asarray(by_rank[:number])
