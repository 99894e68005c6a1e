"""A linear head for maps of classes, solved to its optimum.

A patch is given one score per class, and its pixels share it: so the mean log-loss over pixels is a
logistic regression on patches whose labels are shares of classes. Pixels without a class have no
weight, and a patch without a labelled pixel is left out. The optimum is unique, so an answer is the
same alone and in any bundle.

Shapes: n images, s patches a side, d features, k classes of the draw, H and W the map.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from terrasweep.infra.seeds import generator
from terrasweep.models.probes.linear.newton import ProblemStack, minimise
from terrasweep.models.probes.segment.spec import SegmentSpec
from terrasweep.models.probing.problem import NOTHING, Prediction, Problem
from terrasweep.models.probing.scaling import moments
from terrasweep.models.spec import ProbeSpec

AT_ONCE = 2**24
"""Scores of pixels that are held together."""


def fit_predict(problems: Sequence[Problem], *, spec: ProbeSpec) -> list[Prediction]:
    """Return each problem's maps."""
    assert isinstance(spec, SegmentSpec)
    return [_answered(problem, spec=spec) for problem in problems]


def _answered(problem: Problem, *, spec: SegmentSpec) -> Prediction:
    present = np.unique(problem.train_y)
    present = present[present != NOTHING]
    height, width = problem.train_y.shape[1:]
    if len(present) == 1:
        labels = np.full((len(problem.test_x), height, width), present[0], np.int16)
        return Prediction(labels, _no_scores(labels), ("the draw holds a single class",))
    counts = shares(problem.train_y, classes=present, side=problem.train_x.shape[1])
    x = problem.train_x.reshape(-1, problem.train_x.shape[-1])
    chosen = _chosen(counts.sum(axis=1), problem, spec=spec)
    x, counts = x[chosen].astype(np.float64), counts[chosen]
    mean, scale = moments(x, standardised=spec.standardised)
    theta, notes = _fit((x - mean) / scale, counts, spec=spec)
    slope = theta[:-1] / scale[:, None]
    labels = _maps(problem, slope, theta[-1] - mean @ slope, classes=present, spec=spec)
    return Prediction(labels, _no_scores(labels), notes)


def shares(maps: np.ndarray, *, classes: np.ndarray, side: int) -> np.ndarray:
    """Return how many pixels of each class lie in each patch, (n * s * s, k).

    A pixel lies in the patch that its middle lies in, whether or not patches divide the map.
    """
    samples, height, width = maps.shape
    row, column = (((np.arange(n) + 0.5) * side / n).astype(int) for n in (height, width))
    patch = row[:, None] * side + column
    patches = np.arange(samples)[:, None, None] * side**2 + patch
    known = maps != NOTHING
    cell = patches[known] * len(classes) + np.searchsorted(classes, maps[known])
    return np.bincount(cell, minlength=samples * side**2 * len(classes)).reshape(-1, len(classes))


def _chosen(labelled: np.ndarray, problem: Problem, *, spec: SegmentSpec) -> np.ndarray:
    """Return which patches are learnt from, in their order."""
    some = np.flatnonzero(labelled)
    if len(some) <= spec.most:
        return some
    return np.sort(generator("segment", problem.seed).permutation(some)[: spec.most])


def _fit(
    x: np.ndarray, counts: np.ndarray, *, spec: SegmentSpec
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the weights and the offset of each class, (d + 1, k), and whether they converged."""
    pixels = counts.sum(axis=1, keepdims=True)
    y = counts / pixels
    ridge = np.full((1, x.shape[1] + 1, 1), 1.0 / (spec.c * len(x)))
    ridge[:, -1] = 0.0
    stack = ProblemStack(
        x=np.hstack([x, np.ones((len(x), 1))])[None],
        y=(y[:, 1:] if y.shape[1] == 2 else y)[None],
        weights=(pixels / pixels.sum())[None],
        ridge=ridge,
    )
    solution = minimise(stack, max_iter=spec.max_iter)
    theta = solution.theta[0]
    if theta.shape[1] == 1:
        theta = np.hstack([np.zeros_like(theta), theta])
    iterations = int(solution.iterations[0])
    return theta, () if solution.converged[0] else (f"not converged after {iterations} iterations",)


def _maps(
    problem: Problem,
    slope: np.ndarray,
    offset: np.ndarray,
    *,
    classes: np.ndarray,
    spec: SegmentSpec,
) -> np.ndarray:
    """Return the best class of every pixel of the test samples, int16 (tests, H, W)."""
    height, width = problem.train_y.shape[1:]
    labels = np.empty((len(problem.test_x), height, width), np.int16)
    size = max(1, AT_ONCE // (height * width * len(classes)))
    for at in range(0, len(labels), size):
        scores = problem.test_x[at : at + size].astype(np.float64) @ slope + offset
        pixels = _stretched(scores, size=(height, width), how=spec.stretch)
        labels[at : at + size] = classes[pixels.argmax(axis=1)]
    return labels


def _stretched(scores: np.ndarray, *, size: tuple[int, int], how: str) -> np.ndarray:
    """Return the scores of pixels, (n, k, H, W), from those of patches, (n, s, s, k)."""
    grid = torch.from_numpy(np.ascontiguousarray(scores.transpose(0, 3, 1, 2)))
    if how == "nearest":
        return np.asarray(F.interpolate(grid, size, mode="nearest-exact"))
    return np.asarray(F.interpolate(grid, size, mode="bilinear", align_corners=False))


def _no_scores(labels: np.ndarray) -> np.ndarray:
    """Return no score for any sample: those of every pixel would be gigabytes."""
    return np.empty((len(labels), 0))
