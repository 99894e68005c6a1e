"""Cells of the grid as one would write them with scikit-learn alone: draw, scale, fit, score.

`grid.py` and `grid_plain.py` time them.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

PROTOCOLS = ("knn", "linear", "mlp", "forest")
NUM_CONTINENTS, N = 6, 100


@dataclass(frozen=True)
class Case:
    """One cell."""

    protocol: str
    continent: int
    seed: int


def cases(number: int) -> list[Case]:
    """Return cells, every protocol and continent as often as any other."""
    return [Case(PROTOCOLS[at % 4], at // 4 % NUM_CONTINENTS, at // 24) for at in range(number)]


def columns(table: Path) -> dict[str, np.ndarray]:
    """Return labels and continents of a task's table."""
    read = pq.read_table(table, columns=["label", "continent"])
    return {name: np.asarray(read.column(name).to_numpy()) for name in ("label", "continent")}


def keep(folder: Path, *, features: np.ndarray, table: Path) -> None:
    """Write what the cells need where any process can read it."""
    told = columns(table)
    _, continent = np.unique(told["continent"], return_inverse=True)
    np.savez(folder / "cells.npz", features=features, label=told["label"], continent=continent)


def fit_all(share: tuple[str, list[Case]]) -> list[float]:
    """Fit the cells of one process, one after another, on one core."""
    folder, own = share
    with threadpool_limits(limits=1), np.load(f"{folder}/cells.npz") as held:
        arrays = dict(held)
        return [fit(case, arrays) for case in own]


def fit(case: Case, arrays: dict[str, np.ndarray]) -> float:
    """Return the F1 of one cell."""
    inside = np.flatnonzero(arrays["continent"] == case.continent)
    order = np.random.default_rng(case.seed).permutation(inside)
    train, test = order[:N], order[N:]
    x, y = arrays["features"], arrays["label"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = _model(case).fit(x[train], y[train])
    return float(f1_score(y[test], model.predict(x[test])))


def _model(case: Case) -> Any:
    match case.protocol:
        case "knn":
            return make_pipeline(StandardScaler(), KNeighborsClassifier())
        case "linear":
            probe = LogisticRegression(class_weight="balanced", max_iter=1000)
            return make_pipeline(StandardScaler(), probe)
        case "mlp":
            return make_pipeline(StandardScaler(), MLPClassifier(random_state=case.seed))
        case _:
            return RandomForestClassifier(random_state=case.seed)
