"""Few-shot draws for a cell of the grid: which labelled samples to train on, and which to judge by.

The draw follows from the task, the region and the seed alone, so all compositions share it, and
from the lowest hashed ranks, so the draw of 100 lies inside the draw of 500. What may be judged by
is what was not drawn, the task's official test set, or whole blocks of H3 cells that are never
drawn from. What cannot be judged is excluded with its reason, never scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from terrasweep.infra.seeds import seed as seed_of
from terrasweep.samplers.draw.quota import apportion
from terrasweep.samplers.draw.ranks import draw, hashes, ranks
from terrasweep.samplers.geography.cells import parents
from terrasweep.samplers.geography.strata import Continent
from terrasweep.samplers.spec.tasks import ALL_SAMPLES, DrawSpec, Region, TestOn

TEST = "test"
TRAIN = "train"
"""What the column `split` of a task says of a sample; any other word keeps it out of both."""

PLAIN = DrawSpec()
NOBODY = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Labelled:
    """A task's samples as a draw sees them, in the order of the task's table."""

    ids: np.ndarray
    hashed: np.ndarray
    """uint64, the hash of each id."""
    continents: np.ndarray
    labels: np.ndarray
    """Classes, numbers, or a row of zeros and ones each."""
    cells: np.ndarray | None = None
    """uint64, the H3 cell of each sample."""
    official: np.ndarray | None = None
    """Which part of the official split each sample belongs to."""


@dataclass(frozen=True)
class Split:
    """Positions of the training and the test samples of a cell."""

    train: np.ndarray
    test: np.ndarray
    excluded: str | None = None
    """Why the cell cannot be judged."""


@dataclass(frozen=True)
class Asked:
    """What a cell of the grid asks of a task's samples."""

    task: str
    """The task's key; another task is another draw."""
    region: Region
    """A continent to train on, or all samples wherever they lie."""
    n: int
    """How many to train on; 0 for all."""
    seed: int
    """Another seed is another draw."""
    draw: DrawSpec = PLAIN
    test_on: TestOn = "same"


def labelled(
    *,
    ids: np.ndarray,
    continents: np.ndarray,
    labels: np.ndarray,
    cells: np.ndarray | None = None,
    official: np.ndarray | None = None,
) -> Labelled:
    """Return samples ready for any number of draws; the ids are hashed once."""
    return Labelled(ids, hashes(ids), continents, labels, cells, official)


def split(samples: Labelled, asked: Asked, *, classes: Sequence[str] = ()) -> Split:
    """Draw the training samples of a region without replacement, and say what to judge them by.

    Args:
        samples: The task's samples.
        asked: Where, how many, and how.
        classes: Names of the classes, for the reason of an exclusion; none if labels are numbers.
    """
    region = _within(samples, asked.region)
    kept = _held_out(samples, asked)
    free = region if kept is None else region[~kept[region] & _drawable(samples, asked)[region]]
    n = asked.n if asked.n != ALL_SAMPLES else len(free)
    train = _drawn(samples, free, asked, n=n)
    test = _judged_by(samples, asked, kept=kept, train=train)
    short = _short(asked, free=len(free), region=len(region), n=n, test=len(test))
    if short is not None:
        return Split(NOBODY, NOBODY, short)
    return Split(train, test, _lone(samples.labels, train=train, test=test, classes=classes))


def _within(samples: Labelled, region: Region) -> np.ndarray:
    if region is Region.GLOBAL:
        return np.arange(len(samples.ids))
    return np.flatnonzero(samples.continents == region.value)


def _held_out(samples: Labelled, asked: Asked) -> np.ndarray | None:
    """Return which samples are never drawn, or none where it is all that was not drawn."""
    match asked.draw.held_out:
        case "official":
            assert samples.official is not None, "a sweep asks only tasks that have one"
            return np.asarray(samples.official == TEST)
        case "blocks":
            assert samples.cells is not None, "every task has cells"
            blocks = parents(samples.cells, resolution=asked.draw.block)
            lot = seed_of("held-out blocks", asked.task, asked.draw.block, asked.seed)
            return _by_lot(blocks, share=asked.draw.test_share, lot=lot)
        case _ if asked.n == ALL_SAMPLES:
            lot = seed_of("held-out samples", asked.task, asked.seed)
            return _by_lot(samples.hashed, share=asked.draw.test_share, lot=lot)
        case _:
            return None


def _by_lot(names: np.ndarray, *, share: float, lot: int) -> np.ndarray:
    """Choose about a share of names; samples of one name are chosen together."""
    return np.asarray(ranks(names, replicate=lot).astype(np.float64) * 2.0**-64 < share)


def _drawable(samples: Labelled, asked: Asked) -> np.ndarray:
    if asked.draw.held_out == "official":
        assert samples.official is not None
        return np.asarray(samples.official == TRAIN)
    return np.ones(len(samples.ids), dtype=bool)


def _drawn(samples: Labelled, free: np.ndarray, asked: Asked, *, n: int) -> np.ndarray:
    words = ("few-shot", asked.task, asked.region, asked.seed)
    ranked = ranks(samples.hashed[free], replicate=seed_of(*words))
    group, quota = np.zeros(len(free), dtype=np.int64), [n]
    if asked.draw.stratified and n < len(free):
        _, group, counts = np.unique(samples.labels[free], return_inverse=True, return_counts=True)
        quota = _by_class(counts, n=n)
    return np.asarray(free[draw(ranked, ids=samples.ids[free], groups=group, quota=quota)])


def _by_class(counts: np.ndarray, *, n: int) -> list[int]:
    """Return how many of each class to draw: as many as its share, seat by seat."""
    held = {f"{at:09d}": int(count) for at, count in enumerate(counts)}
    return list(apportion(n, weights=held, caps=held).values())


def _judged_by(
    samples: Labelled, asked: Asked, *, kept: np.ndarray | None, train: np.ndarray
) -> np.ndarray:
    left = _there(samples, asked)
    left[train] = False
    return np.flatnonzero(left if kept is None else left & kept)


def _there(samples: Labelled, asked: Asked) -> np.ndarray:
    """Say of each sample whether it lies where the cell is to be judged."""
    there = np.zeros(len(samples.ids), dtype=bool)
    match asked.test_on:
        case "same":
            there[_within(samples, asked.region)] = True
        case "all":
            there[:] = True
        case "others":
            others = [one.value for one in Continent if one.value != asked.region.value]
            there = np.isin(samples.continents.astype(str), others)
        case Region() as region:
            there[_within(samples, region)] = True
    return there


def _short(asked: Asked, *, free: int, region: int, n: int, test: int) -> str | None:
    """Say why there are too few samples, if there are."""
    fewest = asked.draw.fewest_test
    plain = asked.draw.held_out == "remainder" and asked.test_on == "same" and asked.n
    if plain and region < n + fewest:
        wanted = f"{n} to train on and at least {fewest} to judge by are wanted"
        return f"the region holds {region} labelled samples; {wanted}"
    if free < max(n, 2):
        return f"the region holds {free} labelled samples to train on; {max(n, 2)} are wanted"
    if test < fewest:
        return f"there are {test} labelled samples to judge by; at least {fewest} are wanted"
    return None


def _lone(
    labels: np.ndarray, *, train: np.ndarray, test: np.ndarray, classes: Sequence[str]
) -> str | None:
    """Say which part holds a single class, or numbers that are all the same."""
    for part, where in ((train, "the draw to train on"), (test, "what is left to judge by")):
        present = _values(labels[part])
        if len(present) == 1 and labels.ndim != 2:
            (only,) = present
            name = classes[only] if classes else str(only)
            return (
                f"{where} holds a single class, {name}"
                if classes
                else (f"{where} holds a single number, {name}")
            )
        if len(present) == 1:
            return f"{where} holds the same labels everywhere"
    return None


def _values(labels: np.ndarray) -> np.ndarray:
    """Return the different labels; of maps, the classes of their pixels."""
    if labels.ndim != 3:
        return np.unique(labels, axis=0)
    present = np.unique(labels)
    return present[present >= 0]
