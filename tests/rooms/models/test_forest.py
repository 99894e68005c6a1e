"""A tree that is grown the short way is scikit-learn's own, to the last bit."""

import numpy as np
import pytest

from terrasweep.models.probes.forest import growing
from terrasweep.models.probes.forest.growing import TreeData


@pytest.mark.parametrize(("outputs", "features", "min_leaf"), [(1, 3, 1), (4, 3, 2), (1, 12, 1)])
def test_the_short_way_grows_the_public_trees(outputs: int, features: int, min_leaf: int):
    draw = np.random.Generator(np.random.PCG64(1))
    x = draw.normal(size=(80, 12)).astype(np.float32)
    y = x[:, :outputs] + draw.normal(size=(80, outputs))
    wood = TreeData(x, np.ascontiguousarray(y > 0, np.float64), features, min_leaf)
    for seed in range(5):
        weights = np.bincount(draw.integers(80, size=80), minlength=80).astype(np.float64)
        trees = [way(wood, weights, seed) for way in (growing._build_fast, growing._build_public)]
        assert np.array_equal(*(tree.predict(x) for tree in trees))


def test_the_short_way_is_taken_with_the_pinned_version_and_else_the_long_one(
    monkeypatch: pytest.MonkeyPatch,
):
    assert growing.tree_builder() is growing._build_fast
    growing.tree_builder.cache_clear()

    def renamed(*args: object) -> None:
        raise ImportError("no such class any more")

    monkeypatch.setattr(growing, "_build_fast", renamed)
    assert growing.tree_builder() is growing._build_public
    growing.tree_builder.cache_clear()
