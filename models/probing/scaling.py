"""Features shifted and scaled by the training samples of one draw, as by scikit-learn's scaler."""

import numpy as np

from terrasweep.models.probing.problem import Problem


def moments(x: np.ndarray, *, standardised: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of each feature and what to divide it by.

    A feature that never moves is divided by one, and so is every feature if none is to be scaled.
    """
    mean = x.mean(axis=0)
    if not standardised:
        return mean, np.ones_like(mean)
    scale = np.sqrt(((x - mean) ** 2).mean(axis=0))
    still = scale <= 10 * np.finfo(np.float64).eps * np.abs(mean)
    scale[still | (scale == 0)] = 1.0
    return mean, scale


def scaled(problem: Problem, *, standardised: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return training and test features, float64, both by the training samples' moments."""
    train, test = (part.astype(np.float64) for part in (problem.train_x, problem.test_x))
    if not standardised:
        return train, test
    mean, scale = moments(train, standardised=True)
    return (train - mean) / scale, (test - mean) / scale
