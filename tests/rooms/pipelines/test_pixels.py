"""Samples come back as the manifest orders them, from the shards it names, or not at all."""

from pathlib import Path

import numpy as np
import pytest

from infra.errors import TornError
from infra.store import Store
from pipelines import pixels
from tests.shards import COARSE, Planted, plant


@pytest.fixture
def local(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path))


def bare(arrays):
    """Leave the arrays as they are."""
    return {name: np.asarray(values) for name, values in arrays.items()}


def read(store: Store, planted: Planted) -> dict[str, np.ndarray]:
    return pixels.read(store, shard=planted.shard.key, sample=planted.sample.key, prepare=bare)


def shards(store: Store, planted: Planted) -> list[Path]:
    assert store.local_root is not None
    return sorted(store.local_root.glob(f"{planted.shard.key}/**/cells/*.parquet"))


def test_samples_come_in_the_order_of_the_manifest_with_their_own_pixels(store):
    planted = plant(store)
    made = read(store, planted)
    assert sorted(made) == ["dynamic_world", "lat", "lon", "month", "x"]
    for name, values in made.items():
        np.testing.assert_array_equal(values, planted.samples[name])
        assert values.dtype == planted.samples[name].dtype


def test_a_shard_without_a_drawn_sample_is_not_read(local):
    planted = plant(local, held=90, drawn=2)
    named = {f"{cell:x}" for cell in planted.samples["coarse"].tolist()}
    others = [path for path in shards(local, planted) if path.stem not in named]
    assert others
    for path in others:
        path.unlink()
    np.testing.assert_array_equal(read(local, planted)["x"], planted.samples["x"])


def test_a_shard_that_was_altered_is_refused_by_name(local):
    planted = plant(local)
    path = shards(local, planted)[0]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(
        TornError, match=rf"{planted.shard.key} made; found cells/{path.name} altered"
    ):
        read(local, planted)


def test_a_manifest_that_names_a_sample_the_shards_lack_is_refused(local):
    few, many = plant(local, held=60, drawn=30), plant(local, held=90, drawn=70)
    with pytest.raises(TornError, match=r"of them missing, such as 's0"):
        pixels.read(local, shard=few.shard.key, sample=many.sample.key, prepare=bare)


def test_the_samples_lie_in_several_shards(local):
    planted = plant(local)
    assert len(shards(local, planted)) == len(COARSE)
