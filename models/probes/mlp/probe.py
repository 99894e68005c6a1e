"""A multilayer perceptron for many draws at once, as likely to be right as scikit-learn's.

It draws other random numbers than scikit-learn, so two cells differ as two seeds would.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.judging import Prediction, Problem, number
from models.probes.mlp.spec import MlpSpec
from models.probes.mlp.training import Layers, Output, activated, forward, train
from models.spec import ProbeSpec
from models.standard import moments, scaled

CACHE_BYTES = 2**20
STATES = 4 * 4  # weights, two moments and a gradient, four bytes each


@dataclass(frozen=True)
class _Draw:
    """One problem as its network sees it."""

    x: np.ndarray
    y: np.ndarray
    """float32 (samples, outputs)."""
    test_x: np.ndarray
    output: Output
    classes: np.ndarray
    """The classes of the draw, sorted; nothing where there are none."""
    level: float
    """Mean of a number, and what it was divided by."""
    unit: float

    @property
    def shape(self) -> tuple[int | str, ...]:
        """What draws must share to be trained side by side."""
        return (*self.x.shape, self.y.shape[1], self.output)


def fit_predict(problems: Sequence[Problem], *, spec: ProbeSpec) -> list[Prediction]:
    """Return each problem's prediction."""
    assert isinstance(spec, MlpSpec)
    alike: dict[tuple[int | str, ...], list[int]] = defaultdict(list)
    made: dict[int, Prediction] = {}
    for index, problem in enumerate(problems):
        lone = problem.target in ("binary", "classes") and len(np.unique(problem.train_y)) == 1
        if lone:
            made[index] = _constant(problem)
        else:
            alike[(*problem.train_x.shape, _outputs(problem), problem.target)].append(index)
    for members in alike.values():
        samples, features = problems[members[0]].train_x.shape
        weights = spec.hidden * (features + _outputs(problems[members[0]]) + 1)
        size = max(1, CACHE_BYTES // (STATES * weights + 4 * samples * features))
        for at in range(0, len(members), size):
            part = members[at : at + size]
            made.update(zip(part, _together([problems[i] for i in part], spec=spec), strict=True))
    return [made[index] for index in range(len(problems))]


def _outputs(problem: Problem) -> int:
    """Return how many outputs a network needs; two classes need one."""
    if problem.target == "number":
        return 1
    if problem.target == "labels":
        return int(problem.train_y.shape[1])
    present = len(np.unique(problem.train_y))
    return present if present > 2 else 1


def _together(problems: Sequence[Problem], *, spec: MlpSpec) -> list[Prediction]:
    draws = [_prepared(problem, spec=spec) for problem in problems]
    output = draws[0].output
    found = train(
        np.stack([draw.x for draw in draws]),
        np.stack([draw.y for draw in draws]),
        output=output,
        seeds=[problem.seed for problem in problems],
        spec=spec,
    )
    said = []
    for at, (draw, problem) in enumerate(zip(draws, problems, strict=True)):
        own = Layers(found.layers.flat[at : at + 1], found.layers.shapes)
        raw = forward(draw.test_x[None], own)
        notes = () if found.converged[at] else (f"not converged after {spec.epochs} epochs",)
        said.append(_said(activated(raw, output=output)[0], draw, problem, notes=notes))
    return said


def _prepared(problem: Problem, *, spec: MlpSpec) -> _Draw:
    x, test_x = (
        part.astype(np.float32) for part in scaled(problem, standardised=spec.standardised)
    )
    if problem.target == "number":
        level, unit = moments(problem.train_y[:, None], standardised=spec.standardised)
        y = (problem.train_y[:, None] - level * spec.standardised) / unit
        shift = float(level[0]) if spec.standardised else 0.0
        return _Draw(
            x, y.astype(np.float32), test_x, "identity", np.empty(0), shift, float(unit[0])
        )
    if problem.target == "labels":
        return _Draw(
            x, problem.train_y.astype(np.float32), test_x, "sigmoid", np.empty(0), 0.0, 1.0
        )
    classes, place = np.unique(problem.train_y, return_inverse=True)
    if len(classes) == 2:
        y = place.reshape(-1, 1).astype(np.float32)
        return _Draw(x, y, test_x, "sigmoid", classes, 0.0, 1.0)
    return _Draw(
        x, np.eye(len(classes), dtype=np.float32)[place], test_x, "softmax", classes, 0.0, 1.0
    )


def _said(
    answer: np.ndarray, draw: _Draw, problem: Problem, *, notes: tuple[str, ...]
) -> Prediction:
    given = answer.astype(np.float64)
    if problem.target == "number":
        return number(given[:, 0] * draw.unit + draw.level, notes=notes)
    if problem.target == "labels":
        return Prediction((given > 0.5).astype(np.int64), given, notes)
    if given.shape[1] == 1:
        given = np.hstack([1.0 - given, given])
    scores = np.zeros((len(given), problem.num_classes))
    scores[:, draw.classes] = given / given.sum(axis=1, keepdims=True)
    return Prediction(draw.classes[given.argmax(axis=1)].astype(np.int64), scores, notes)


def _constant(problem: Problem) -> Prediction:
    """Answer with the only class there is."""
    scores = np.zeros((len(problem.test_x), problem.num_classes))
    scores[:, problem.train_y[0]] = 1.0
    labels = np.full(len(problem.test_x), problem.train_y[0], dtype=np.int64)
    return Prediction(labels, scores, ("the draw holds a single class",))
