"""Few-shot draws for a cell of the grid: which labelled samples to train on, and which to judge by.

The draw follows from the task, the region and the seed alone, so all compositions share it, and
from the lowest hashed ranks, so the draw of 100 lies inside the draw of 500. All that was not
drawn is the test set. What cannot be judged is excluded with its reason, never scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infra.seeds import seed as seed_of
from samplers.draw import draw, hashes, ranks
from samplers.spec import Region

FEWEST_TEST = 20  # a score of fewer samples says nothing


@dataclass(frozen=True)
class Labelled:
    """A task's samples as a draw sees them, in the order of the task's table."""

    ids: np.ndarray
    hashed: np.ndarray
    """uint64, the hash of each id."""
    continents: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Split:
    """Positions of the training and the test samples of a cell."""

    train: np.ndarray
    test: np.ndarray
    excluded: str | None = None
    """Why the cell cannot be judged."""


def labelled(*, ids: np.ndarray, continents: np.ndarray, labels: np.ndarray) -> Labelled:
    """Return samples ready for any number of draws; the ids are hashed once."""
    return Labelled(ids, hashes(ids), continents, labels)


def split(
    samples: Labelled,
    *,
    task: str,
    region: Region,
    n: int,
    seed: int,
    classes: Sequence[str] = (),
) -> Split:
    """Draw `n` samples of a region without replacement; the rest of the region is the test set.

    Args:
        samples: The task's samples.
        task: The task's key; another task is another draw.
        region: A continent, or all samples wherever they lie.
        n: How many to train on.
        seed: Another seed is another draw.
        classes: Names of the classes, for the reason of an exclusion.
    """
    within = _within(samples, region)
    if len(within) < n + FEWEST_TEST:
        wanted = f"{n} to train on and at least {FEWEST_TEST} to judge by are wanted"
        nobody = np.empty(0, dtype=np.int64)
        return Split(nobody, nobody, f"the region holds {len(within)} labelled samples; {wanted}")
    ranked = ranks(samples.hashed[within], replicate=seed_of("few-shot", task, region, seed))
    group = np.zeros(len(within), dtype=np.int64)
    drawn = draw(ranked, ids=samples.ids[within], groups=group, quota=[n])
    left = np.ones(len(within), dtype=bool)
    left[drawn] = False
    train, test = within[drawn], within[left]
    return Split(train, test, _lone(samples.labels, train=train, test=test, classes=classes))


def _within(samples: Labelled, region: Region) -> np.ndarray:
    if region is Region.GLOBAL:
        return np.arange(len(samples.ids))
    return np.flatnonzero(samples.continents == region.value)


def _lone(
    labels: np.ndarray, *, train: np.ndarray, test: np.ndarray, classes: Sequence[str]
) -> str | None:
    """Say which part holds a single class, if one does."""
    for part, where in ((train, "the draw to train on"), (test, "what is left to judge by")):
        present = np.unique(labels[part])
        if len(present) == 1:
            (only,) = present
            name = classes[only] if classes else str(only)
            return f"{where} holds a single class, {name}"
    return None
