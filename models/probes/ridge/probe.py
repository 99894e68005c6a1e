"""Ridge regression in closed form, many draws of equal shape at once.

The same as scikit-learn's `Ridge` (one penalty) and `RidgeCV` (several, by leaving one out). One
eigendecomposition serves every penalty: of the samples' products where they are fewer than the
features, else of the features'. Stacked decompositions are made matrix by matrix, so no draw
depends on its neighbours.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from terrasweep.models.probes.ridge.spec import RidgeSpec
from terrasweep.models.probing.problem import Prediction, Problem, number
from terrasweep.models.probing.scaling import scaled
from terrasweep.models.spec import ProbeSpec

CACHE_BYTES = 2**22


def fit_predict(problems: Sequence[Problem], *, spec: ProbeSpec) -> list[Prediction]:
    """Return each problem's prediction."""
    assert isinstance(spec, RidgeSpec)
    shapes: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for index, problem in enumerate(problems):
        shapes[problem.train_x.shape].append(index)
    predictions: dict[int, Prediction] = {}
    for (samples, features), members in shapes.items():
        size = max(1, CACHE_BYTES // (8 * samples * features))
        for at in range(0, len(members), size):
            part = members[at : at + size]
            predictions.update(
                zip(part, _solve([problems[i] for i in part], spec=spec), strict=True)
            )
    return [predictions[index] for index in range(len(problems))]


def _solve(problems: Sequence[Problem], *, spec: RidgeSpec) -> list[Prediction]:
    """Shapes: b problems, n samples, d features, r directions, a penalties."""
    parts = [scaled(problem, standardised=spec.standardised) for problem in problems]
    middles = [train.mean(axis=0) for train, _ in parts]
    x = np.stack([train - middle for (train, _), middle in zip(parts, middles, strict=True)])
    y = np.stack([problem.train_y for problem in problems])
    mean = y.mean(axis=1)
    slopes = _slopes(x, y - mean[:, None], alphas=spec.alphas)
    return [
        number((test - middle) @ slope + level)
        for (_, test), middle, slope, level in zip(parts, middles, slopes, mean, strict=True)
    ]


def _slopes(x: np.ndarray, y: np.ndarray, *, alphas: Sequence[float]) -> np.ndarray:
    """Return (b, d): each problem's weights under its best penalty."""
    samples, features = x.shape[1:]
    few = samples <= features
    turned = x.swapaxes(1, 2)
    values, basis = np.linalg.eigh(x @ turned if few else turned @ x)
    values = np.maximum(values, 0.0)
    seen = basis if few else x @ basis  # (b, n, r): what each direction is to each sample
    along = (seen.swapaxes(1, 2) @ y[:, :, None])[:, :, 0]
    shrunk = [1.0 / (values + alpha) for alpha in alphas]
    best = (
        _best(seen, y, along, values, shrunk=shrunk, few=few) if len(alphas) > 1 else [0] * len(x)
    )
    weights = np.stack([shrunk[at][b] * along[b] for b, at in enumerate(best)])
    solved = (basis @ weights[:, :, None])[:, :, 0]
    return np.asarray((turned @ solved[:, :, None])[:, :, 0] if few else solved)


def _best(
    seen: np.ndarray,
    y: np.ndarray,
    along: np.ndarray,
    values: np.ndarray,
    *,
    shrunk: Sequence[np.ndarray],
    few: bool,
) -> list[int]:
    """Return for each problem which penalty errs least when each sample is left out in turn."""
    errors = []
    for factor in shrunk:
        share = factor * values if few else factor
        fitted = (seen @ (share * along)[:, :, None])[:, :, 0]
        lever = (seen**2 @ share[:, :, None])[:, :, 0] + 1.0 / y.shape[1]  # and the mean's own
        errors.append((((y - fitted) / np.maximum(1.0 - lever, 1e-12)) ** 2).mean(axis=1))
    return [int(at) for at in np.argmin(np.stack(errors), axis=0)]
