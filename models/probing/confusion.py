"""Counts of truth against prediction, from which the metrics of labels follow."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Counts:
    """How often each class was there, was said, and was said rightly."""

    there: np.ndarray
    said: np.ndarray
    right: np.ndarray


def counts(truth: np.ndarray, labels: np.ndarray) -> Counts:
    """Return the counts of every class up to the highest that occurs."""
    highest = int(max(truth.max(), labels.max())) + 1
    return Counts(
        there=np.bincount(truth, minlength=highest),
        said=np.bincount(labels, minlength=highest),
        right=np.bincount(truth[truth == labels], minlength=highest),
    )


def f1_by_class(truth: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return F1 of every class that was there or was said; one never said rightly has zero."""
    found = counts(truth, labels)
    either = found.there + found.said
    return np.asarray(2.0 * found.right[either > 0] / either[either > 0])
