"""Labels as a network's outputs learn them, and outputs as the answers that they stand for.

Two classes are one output, several are one each; classes that a draw lacks have none and are never
said. A number is scaled by the draw's mean and deviation, or left as it is.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from terrasweep.models.probing.problem import Prediction, Problem, number
from terrasweep.models.probing.scaling import moments

Output: TypeAlias = Literal["softmax", "sigmoid", "identity"]
NONE = np.empty(0)


@dataclass(frozen=True)
class OutputTarget:
    """What the outputs of one draw learn."""

    y: np.ndarray
    """float32 (samples, outputs)."""
    output: Output
    classes: np.ndarray
    """The classes of the draw, sorted; nothing where there are none."""
    level: float = 0.0
    """What is added to a number that was divided by `unit`."""
    unit: float = 1.0


def num_outputs(problem: Problem) -> int:
    """Return how many outputs a network needs; two classes need one."""
    if problem.target == "number":
        return 1
    if problem.target == "labels":
        return int(problem.train_y.shape[1])
    present = len(np.unique(problem.train_y))
    return present if present > 2 else 1


def output_target(problem: Problem, *, standardised: bool) -> OutputTarget:
    """Return what the outputs learn; a number is scaled if asked."""
    if problem.target == "number":
        level, unit = moments(problem.train_y[:, None], standardised=standardised)
        y = (problem.train_y[:, None] - level * standardised) / unit
        shift = float(level[0]) if standardised else 0.0
        return OutputTarget(y.astype(np.float32), "identity", NONE, shift, float(unit[0]))
    if problem.target == "labels":
        return OutputTarget(problem.train_y.astype(np.float32), "sigmoid", NONE)
    classes, place = np.unique(problem.train_y, return_inverse=True)
    if len(classes) == 2:
        return OutputTarget(place.reshape(-1, 1).astype(np.float32), "sigmoid", classes)
    return OutputTarget(np.eye(len(classes), dtype=np.float32)[place], "softmax", classes)


def activated(raw: np.ndarray, *, output: Output) -> np.ndarray:
    """Return probabilities over the last axis, or raw outputs where numbers are wanted."""
    if output == "identity":
        return raw
    if output == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-np.clip(raw, -60, 60))))
    e = np.exp(raw - raw.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def to_prediction(
    answer: np.ndarray, own: OutputTarget, problem: Problem, *, notes: tuple[str, ...]
) -> Prediction:
    """Return what activated outputs, (tests, outputs), say."""
    given = answer.astype(np.float64)
    if problem.target == "number":
        return number(given[:, 0] * own.unit + own.level, notes=notes)
    if problem.target == "labels":
        return Prediction((given > 0.5).astype(np.int64), given, notes)
    if given.shape[1] == 1:
        given = np.hstack([1.0 - given, given])
    scores = np.zeros((len(given), problem.num_classes))
    scores[:, own.classes] = given / given.sum(axis=1, keepdims=True)
    return Prediction(own.classes[given.argmax(axis=1)].astype(np.int64), scores, notes)


def has_single_class(problem: Problem) -> bool:
    """Return whether a draw of classes holds a single one."""
    return problem.target in ("binary", "classes") and len(np.unique(problem.train_y)) == 1


def single_class_prediction(problem: Problem) -> Prediction:
    """Answer with the only class there is."""
    scores = np.zeros((len(problem.test_x), problem.num_classes))
    scores[:, problem.train_y[0]] = 1.0
    labels = np.full(len(problem.test_x), problem.train_y[0], dtype=np.int64)
    return Prediction(labels, scores, ("the draw holds a single class",))
