"""One tree of scikit-learn, without the checks around it, which cost as much as the tree.

Its classes for growing a tree are not public. So they are tried once against the public one, and
where another version of scikit-learn knows them by other names, or grows other trees by them, the
public one is used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias

import numpy as np
from sklearn import config_context
from sklearn.tree import DecisionTreeRegressor

DEEPEST: Final = np.iinfo(np.int32).max
FEWEST_TO_SPLIT: Final = 2


@dataclass(frozen=True)
class TreeData:
    """What all trees of a forest are fitted to; it is known to be valid."""

    x: np.ndarray
    """float32 (samples, features), C-contiguous."""
    y: np.ndarray
    """float64 (samples, outputs), C-contiguous."""
    features: int
    """How many features a node looks at."""
    min_leaf: int


BuildTree: TypeAlias = Callable[[TreeData, np.ndarray, int], Any]
"""From data, the weight of each sample and a seed to a tree with `predict`."""


@cache
def tree_builder() -> BuildTree:
    """Return the fast way to build a tree, if it builds the same trees as the public class."""
    # A small problem with two outputs and weights from zero to two: its trees are equal only if the
    # private classes still take the same arguments and draw the same numbers.
    draw = np.random.Generator(np.random.PCG64(0))
    x = draw.normal(size=(30, 4)).astype(np.float32)
    data = TreeData(x, np.stack([x[:, 0] > 0, x[:, 1] > 0], axis=1).astype(np.float64), 2, 1)
    weights = draw.integers(3, size=30).astype(np.float64)
    try:
        short = _build_fast(data, weights, 5).predict(x)
    except (ImportError, TypeError, ValueError, AttributeError):
        return _build_public
    return (
        _build_fast
        if np.array_equal(short, _build_public(data, weights, 5).predict(x))
        else _build_public
    )


def _build_fast(data: TreeData, weights: np.ndarray, seed: int) -> Any:
    from sklearn.tree._criterion import MSE  # local: another version may not have them
    from sklearn.tree._splitter import BestSplitter
    from sklearn.tree._tree import DepthFirstTreeBuilder, Tree

    outputs = data.y.shape[1]
    criterion = MSE(outputs, len(data.x))
    rng = np.random.RandomState(seed)
    splitter = BestSplitter(criterion, data.features, data.min_leaf, 0.0, rng, None)
    tree = Tree(data.x.shape[1], np.ones(outputs, dtype=np.intp), outputs)
    builder = DepthFirstTreeBuilder(splitter, FEWEST_TO_SPLIT, data.min_leaf, 0.0, DEEPEST, 0.0)
    builder.build(tree, data.x, data.y, weights, None)
    return tree


def _build_public(data: TreeData, weights: np.ndarray, seed: int) -> Any:
    model = DecisionTreeRegressor(
        max_features=data.features, min_samples_leaf=data.min_leaf, random_state=seed
    )
    with config_context(skip_parameter_validation=True, assume_finite=True):
        model.fit(data.x, data.y, sample_weight=weights, check_input=False)
    return model.tree_
