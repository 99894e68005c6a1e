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
from terrasweep.samplers.draw.apportion import apportion
from terrasweep.samplers.draw.ranks import draw, hashes, ranks
from terrasweep.samplers.geography.cells import parents
from terrasweep.samplers.geography.strata import Continent
from terrasweep.samplers.spec.tasks import ALL_SAMPLES, DrawSpec, Region, TestOn

TEST = "test"
TRAIN = "train"
"""What the column `split` of a task says of a sample; any other word keeps it out of both."""

DEFAULT_DRAW = DrawSpec()
NO_SAMPLES = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class LabelledSamples:
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
class FewShotSplit:
    """Positions of the training and the test samples of a cell."""

    train: np.ndarray
    test: np.ndarray
    excluded: str | None = None
    """Why the cell cannot be judged."""


@dataclass(frozen=True)
class FewShotRequest:
    """What a cell of the grid asks of a task's samples."""

    task: str
    """The task's key; another task is another draw."""
    region: Region
    """A continent to train on, or all samples wherever they lie."""
    n: int
    """How many to train on; 0 for all."""
    seed: int
    """Another seed is another draw."""
    draw: DrawSpec = DEFAULT_DRAW
    test_on: TestOn = "same"


def labelled_samples(
    *,
    ids: np.ndarray,
    continents: np.ndarray,
    labels: np.ndarray,
    cells: np.ndarray | None = None,
    official: np.ndarray | None = None,
) -> LabelledSamples:
    """Return samples ready for any number of draws; the ids are hashed once."""
    return LabelledSamples(ids, hashes(ids), continents, labels, cells, official)


def split(
    samples: LabelledSamples, request: FewShotRequest, *, classes: Sequence[str] = ()
) -> FewShotSplit:
    """Draw the training samples of a region without replacement, and say what to judge them by.

    Args:
        samples: The task's samples.
        request: Where, how many, and how.
        classes: Names of the classes, for the reason of an exclusion; none if labels are numbers.
    """
    region = _within(samples, request.region)
    held_out = _held_out(samples, request)
    free = region
    if held_out is not None:
        free = region[(_drawable(samples, request) & ~held_out)[region]]
    n = request.n if request.n != ALL_SAMPLES else len(free)
    train = _drawn(samples, free, request, n=n)
    test = _judged_by(samples, request, held_out=held_out, train=train)
    reason = _too_few(request, free=len(free), region=len(region), n=n, test=len(test))
    if reason is not None:
        return FewShotSplit(NO_SAMPLES, NO_SAMPLES, reason)
    return FewShotSplit(
        train, test, _uniform_labels(samples.labels, train=train, test=test, classes=classes)
    )


def _within(samples: LabelledSamples, region: Region) -> np.ndarray:
    if region is Region.GLOBAL:
        return np.arange(len(samples.ids))
    return np.flatnonzero(samples.continents == region.value)


def _held_out(samples: LabelledSamples, request: FewShotRequest) -> np.ndarray | None:
    """Return which samples are never drawn, or none where it is all that was not drawn."""
    match request.draw.held_out:
        case "official":
            assert samples.official is not None, "a sweep asks only tasks that have one"
            return np.asarray(samples.official == TEST)
        case "blocks":
            assert samples.cells is not None, "every task has cells"
            blocks = parents(samples.cells, resolution=request.draw.block)
            lot = seed_of("held-out blocks", request.task, request.draw.block, request.seed)
            return _by_hash(blocks, share=request.draw.test_share, lot=lot)
        case _ if request.n == ALL_SAMPLES:
            lot = seed_of("held-out samples", request.task, request.seed)
            return _by_hash(samples.hashed, share=request.draw.test_share, lot=lot)
        case _:
            return None


def _by_hash(names: np.ndarray, *, share: float, lot: int) -> np.ndarray:
    """Choose about a share of names; samples of one name are chosen together."""
    # A rank is a uniform number below 2^64, whatever the name.
    return np.asarray(ranks(names, replicate=lot).astype(np.float64) * 2.0**-64 < share)


def _drawable(samples: LabelledSamples, request: FewShotRequest) -> np.ndarray:
    if request.draw.held_out == "official":
        assert samples.official is not None
        return np.asarray(samples.official == TRAIN)
    return np.ones(len(samples.ids), dtype=bool)


def _drawn(
    samples: LabelledSamples, free: np.ndarray, request: FewShotRequest, *, n: int
) -> np.ndarray:
    words = ("few-shot", request.task, request.region, request.seed)
    ranked = ranks(samples.hashed[free], replicate=seed_of(*words))
    group, quota = np.zeros(len(free), dtype=np.int64), [n]
    if request.draw.stratified and n < len(free):
        _, group, counts = np.unique(samples.labels[free], return_inverse=True, return_counts=True)
        quota = _by_class(counts, n=n)
    return np.asarray(free[draw(ranked, ids=samples.ids[free], groups=group, quota=quota)])


def _by_class(counts: np.ndarray, *, n: int) -> list[int]:
    """Return how many of each class to draw: as many as its share, seat by seat."""
    held = {f"{at:09d}": int(count) for at, count in enumerate(counts)}
    return list(apportion(n, weights=held, caps=held).values())


def _judged_by(
    samples: LabelledSamples,
    request: FewShotRequest,
    *,
    held_out: np.ndarray | None,
    train: np.ndarray,
) -> np.ndarray:
    left = _judgeable(samples, request)
    left[train] = False
    return np.flatnonzero(left if held_out is None else left & held_out)


def _judgeable(samples: LabelledSamples, request: FewShotRequest) -> np.ndarray:
    """Return for each sample whether it lies where the cell is to be judged."""
    inside = np.zeros(len(samples.ids), dtype=bool)
    match request.test_on:
        case "same":
            inside[_within(samples, request.region)] = True
        case "all":
            inside[:] = True
        case "others":
            others = [one.value for one in Continent if one.value != request.region.value]
            inside = np.isin(samples.continents.astype(str), others)
        case Region() as region:
            inside[_within(samples, region)] = True
    return inside


def _too_few(request: FewShotRequest, *, free: int, region: int, n: int, test: int) -> str | None:
    """Return why there are too few samples, if there are."""
    fewest = request.draw.fewest_test
    plain = request.draw.held_out == "remainder" and request.test_on == "same" and request.n
    if plain and region < n + fewest:
        wanted = f"{n} to train on and at least {fewest} to judge by are wanted"
        return f"the region holds {region} labelled samples; {wanted}"
    if free < max(n, 2):
        return f"the region holds {free} labelled samples to train on; {max(n, 2)} are wanted"
    if test < fewest:
        return f"there are {test} labelled samples to judge by; at least {fewest} are wanted"
    return None


def _uniform_labels(
    labels: np.ndarray, *, train: np.ndarray, test: np.ndarray, classes: Sequence[str]
) -> str | None:
    """Return which part holds a single class, or numbers that are all the same."""
    for part, where in ((train, "the draw to train on"), (test, "what is left to judge by")):
        present = _distinct(labels[part])
        if len(present) != 1:
            continue
        if labels.ndim == 2:
            return f"{where} holds the same labels everywhere"
        (only,) = present
        return (
            f"{where} holds a single class, {classes[only]}"
            if classes
            else f"{where} holds a single number, {only}"
        )
    return None


def _distinct(labels: np.ndarray) -> np.ndarray:
    """Return the different labels; of maps, the classes of their pixels."""
    if labels.ndim != 3:
        return np.unique(labels, axis=0)
    present = np.unique(labels)
    return present[present >= 0]
