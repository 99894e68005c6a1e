"""Logistic regression as scikit-learn defines it, for many draws at once.

The same optimum as ``StandardScaler`` and ``LogisticRegression(C=c, class_weight=...)`` fitted
one draw at a time: features are standardised by the draw, the intercept is free, two classes
have one weight vector and more have one each. Classes that a draw lacks get probability zero.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from terrasweep.models.probes.linear.newton import ProblemStack, minimise
from terrasweep.models.probes.linear.spec import LinearSpec
from terrasweep.models.probes.ridge import probe as ridge
from terrasweep.models.probes.ridge.spec import RidgeSpec
from terrasweep.models.probing.problem import Prediction, Problem
from terrasweep.models.probing.scaling import moments
from terrasweep.models.spec import ProbeSpec

CACHE_BYTES = 2**20  # problems solved together: more than the cache holds would only be slower


@dataclass(frozen=True)
class _Draw:
    """One problem, standardised, in as many dimensions as its samples span."""

    x: np.ndarray
    """(n, r + 1), the last column ones."""
    basis: np.ndarray | None
    """(features, r) back to all dimensions, or none where r is all of them."""
    mean: np.ndarray
    scale: np.ndarray
    classes: np.ndarray
    """The classes of the draw, sorted."""
    y: np.ndarray
    """Positions in `classes`."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """What draws must share to be solved together."""
        return (*self.x.shape, len(self.classes))


def fit_predict(problems: Sequence[Problem], *, spec: ProbeSpec) -> list[Prediction]:
    """Return each problem's prediction; it is the same whichever problems stand beside it."""
    assert isinstance(spec, LinearSpec)
    return one_by_one(problems, fit=lambda parts: _each(parts, spec=spec))


def _each(problems: Sequence[Problem], *, spec: LinearSpec) -> list[Prediction]:
    """Answer numbers by ridge regression and all else by logistic regression, in order."""
    penalty = RidgeSpec(name="ridge", alphas=(1.0 / spec.c,), standardised=spec.standardised)
    numbers = [problem for problem in problems if problem.target == "number"]
    others = [problem for problem in problems if problem.target != "number"]
    answered = iter(ridge.fit_predict(numbers, spec=penalty))
    judged = iter(_fit(others, spec=spec))
    return [next(answered if one.target == "number" else judged) for one in problems]


def _fit(problems: Sequence[Problem], *, spec: LinearSpec) -> list[Prediction]:
    predictions: dict[int, Prediction] = {}
    for part in _alike(problems):
        draws = [_standardised(problems[index], spec=spec) for index in part]
        for shape in sorted({draw.shape for draw in draws}):
            same = [(i, d) for i, d in zip(part, draws, strict=True) if d.shape == shape]
            asked = [problems[index] for index, _ in same]
            answers = _solve([draw for _, draw in same], asked=asked, spec=spec)
            predictions.update(zip((index for index, _ in same), answers, strict=True))
    return [predictions[index] for index in range(len(problems))]


def _alike(problems: Sequence[Problem]) -> Iterator[list[int]]:
    """Yield the problems of equal shape in parts that fit the cache."""
    shapes: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for index, problem in enumerate(problems):
        shapes[problem.train_x.shape].append(index)
    for (samples, features), members in shapes.items():
        size = max(1, CACHE_BYTES // (8 * samples * (min(samples, features) + 1)))
        yield from (members[at : at + size] for at in range(0, len(members), size))


def _standardised(problem: Problem, *, spec: LinearSpec) -> _Draw:
    x = problem.train_x.astype(np.float64)
    mean, scale = moments(x, standardised=spec.standardised)
    centred = x - mean
    centred /= scale
    basis = None
    if x.shape[1] > x.shape[0]:  # the optimum lies in the span of the samples
        basis, upper = np.linalg.qr(centred.T)
        centred = upper.T
    classes, y = np.unique(problem.train_y, return_inverse=True)
    ones = np.ones((len(x), 1))
    return _Draw(np.hstack([centred, ones]), basis, mean, scale, classes, y.reshape(-1))


def _solve(
    draws: Sequence[_Draw], *, asked: Sequence[Problem], spec: LinearSpec
) -> list[Prediction]:
    if len(draws[0].classes) == 1:
        return [_constant(draw, problem) for draw, problem in zip(draws, asked, strict=True)]
    solution = minimise(_stacked(draws, spec=spec), max_iter=spec.max_iter)
    return [
        _predict(draw, problem, theta=theta, notes=() if good else _excuse(int(iterations)))
        for draw, problem, theta, iterations, good in zip(
            draws, asked, solution.theta, solution.iterations, solution.converged, strict=True
        )
    ]


def _stacked(draws: Sequence[_Draw], *, spec: LinearSpec) -> ProblemStack:
    samples, width, classes = draws[0].shape
    y = np.stack([draw.y for draw in draws])
    hot = np.eye(classes)[y] if classes > 2 else y[:, :, None].astype(np.float64)
    counts = np.stack([np.bincount(draw.y, minlength=classes) for draw in draws])
    by_class = samples / (classes * counts) if spec.balanced else np.ones(counts.shape)
    weights = np.take_along_axis(by_class, y, axis=1)
    total = weights.sum(axis=1, keepdims=True)
    ridge = np.repeat((1.0 / (spec.c * total))[:, :, None], width, axis=1)
    ridge[:, -1] = 0.0
    x = np.stack([draw.x for draw in draws])
    return ProblemStack(x=x, y=hot, weights=(weights / total)[:, :, None], ridge=ridge)


def _predict(
    draw: _Draw, problem: Problem, *, theta: np.ndarray, notes: tuple[str, ...]
) -> Prediction:
    inner = theta[:-1] if draw.basis is None else draw.basis @ theta[:-1]
    slope = inner / draw.scale[:, None]
    z = problem.test_x.astype(np.float64) @ slope + (theta[-1] - draw.mean @ slope)
    if z.shape[1] == 1:
        z = np.hstack([np.zeros_like(z), z])
    e = np.exp(z - z.max(axis=1, keepdims=True))
    scores = np.zeros((len(z), problem.num_classes))
    scores[:, draw.classes] = e / e.sum(axis=1, keepdims=True)
    return Prediction(draw.classes[z.argmax(axis=1)].astype(np.int64), scores, notes)


def _constant(draw: _Draw, problem: Problem) -> Prediction:
    """Answer with the only class there is."""
    scores = np.zeros((len(problem.test_x), problem.num_classes))
    scores[:, draw.classes] = 1.0
    labels = np.full(len(problem.test_x), draw.classes[0], dtype=np.int64)
    return Prediction(labels, scores, ("the draw holds a single class",))


def _excuse(iterations: int) -> tuple[str, ...]:
    return (f"not converged after {iterations} iterations",)


Fit = Callable[[Sequence[Problem]], list[Prediction]]


def one_by_one(problems: Sequence[Problem], *, fit: Fit) -> list[Prediction]:
    """Return what `fit` says; where labels may be several, it is asked for each of them alone."""
    parts = [_parts(problem) for problem in problems]
    answers = iter(fit([part for each in parts for part in each]))
    return [
        _joined([next(answers) for _ in each]) if problem.target == "labels" else next(answers)
        for problem, each in zip(problems, parts, strict=True)
    ]


def _parts(problem: Problem) -> list[Problem]:
    if problem.target != "labels":
        return [problem]
    columns = np.ascontiguousarray(problem.train_y.T)
    return [replace(problem, train_y=column, num_classes=2) for column in columns]


def _joined(answers: Sequence[Prediction]) -> Prediction:
    """Join what was said of each label; a label that the draw always or never has needs no note."""
    notes = dict.fromkeys(note for answer in answers for note in answer.notes)
    labels = np.stack([answer.labels for answer in answers], axis=1)
    scores = np.stack([answer.scores[:, 1] for answer in answers], axis=1)
    return Prediction(labels, scores, tuple(note for note in notes if "single class" not in note))
