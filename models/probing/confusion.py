"""Counts of truth against prediction, from which the metrics of labels follow."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Counts:
    """How often each class is true, is predicted, and is predicted correctly."""

    true: np.ndarray
    predicted: np.ndarray
    correct: np.ndarray


def counts(truth: np.ndarray, labels: np.ndarray) -> Counts:
    """Return the counts of every class up to the highest that occurs."""
    highest = int(max(truth.max(), labels.max())) + 1
    return Counts(
        true=np.bincount(truth, minlength=highest),
        predicted=np.bincount(labels, minlength=highest),
        correct=np.bincount(truth[truth == labels], minlength=highest),
    )


def f1_by_class(truth: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return F1 of every class that is true or predicted; zero if never predicted correctly."""
    count = counts(truth, labels)
    either = count.true + count.predicted
    return np.asarray(2.0 * count.correct[either > 0] / either[either > 0])
