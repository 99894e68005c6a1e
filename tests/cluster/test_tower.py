"""A frozen tower looks at a pool once, and nobody who learns from that can tell."""

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from terrasweep.infra.context import Context
from terrasweep.infra.errors import BadDataError
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.models.contract import HasFrozenTower
from terrasweep.models.spec import TrainingSpec
from terrasweep.models.training import loop
from terrasweep.models.zoo.satclip.spec import SatClipSpec
from terrasweep.pipelines import networks
from terrasweep.pipelines.stages import init, pretrain, tower
from terrasweep.samplers.formats.arrays import to_arrays
from tests.support.shards import WrittenPool, write_pool

pytestmark = [
    pytest.mark.ray,
    pytest.mark.usefixtures("local_ray"),
    # Ray Data's settings warn of each other when Ray Train first makes them.
    pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning:ray"),
]

TRAINING = TrainingSpec(epochs=2, batch_size=32, lr=1e-3, warmup_epochs=0, decay="none")
SATCLIP = SatClipSpec(
    name="satclip", degrees=4, capacity=16, width=8, crop_px=32, negatives=16, dropout=0.25
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path))


def made(step: Step[Spec], store: Store) -> Path:
    """Make a step and those it needs that are not there yet; return its folder."""
    modules = {"init": init, "tower": tower, "pretrain": pretrain}
    for need in step.needs:
        if need.stage in modules:
            made(need, store)
    stage = modules[step.stage]
    store.make(step, partial(_make, stage, step, Context(store)))
    return store.folder(step.key)


def _make(stage, step, context, folder):
    stage.make(step, context=context, folder=folder)


def network_of(step: Step[Spec]) -> loop.Network:
    return networks.build(SATCLIP, key=step.need("init").key)


def looked_at(folder: Path) -> dict[str, np.ndarray]:
    tables = [pq.read_table(path) for path in sorted(folder.glob("cells/*.parquet"))]
    arrays = [to_arrays(table) for table in tables]
    return {name: np.concatenate([one[name] for one in arrays]) for name in arrays[0]}


def train(network: loop.Network, planted: WrittenPool, step: Step[Spec]) -> list[float]:
    """Train on the images themselves, the frozen network looking at each anew."""
    arrays = networks.architecture(SATCLIP).prepare(planted.samples)
    rows = loop.train(
        network,
        arrays,
        training=TRAINING,
        key=str(step.key),
        device=torch.device("cpu"),
        savepoint=loop.NullSavepoint(),
    )
    return [row["loss"] for row in rows]


# What is kept stands for the images: the weights that come out are those of a training in which
# the frozen network looks at every image at every step.
def test_training_on_kept_features_is_training_through_the_tower(store):
    planted = write_pool(store, image_px=32)
    step = planted.pretrain(SATCLIP, TRAINING)
    folder = made(step, store)
    network = network_of(step)
    losses = train(network, planted, step)
    kept = pq.read_table(folder / "history.parquet").column("loss").to_pylist()
    np.testing.assert_allclose(kept, losses, rtol=1e-5)
    weights = load_file(folder / "weights.safetensors")
    for name, values in network.state_dict().items():
        torch.testing.assert_close(weights[name], values, rtol=1e-3, atol=1e-5)


def test_every_sample_of_the_pool_is_looked_at_once_drawn_or_not(store):
    planted = write_pool(store, held=90, drawn=10, image_px=32)
    step = planted.pretrain(SATCLIP, TRAINING)
    kept = looked_at(made(step.need("tower"), store))
    assert len(set(kept["id"].tolist())) == len(kept["id"]) == 90
    place = {name: row for row, name in enumerate(kept["id"].tolist())}
    rows = [place[name] for name in planted.samples["id"].tolist()]
    network = network_of(step).eval()
    assert isinstance(network, HasFrozenTower)
    wanted = network.image_features(torch.from_numpy(planted.samples["image"]))
    np.testing.assert_allclose(kept["features"][rows], wanted, rtol=1e-4, atol=1e-5)


def test_what_was_made_before_an_interruption_is_not_made_again(store):
    planted = write_pool(store, image_px=32)
    step = planted.pretrain(SATCLIP, TRAINING).need("tower")
    first = made(step.need("init"), store)
    assert first.is_dir()
    cell = sorted(store.folder(planted.shard.key).glob("cells/*.parquet"))[0]
    store.put(f"progress/{step.key}/cells/{cell.name}", b"made before")
    folder = made(step, store)
    assert (folder / "cells" / cell.name).read_bytes() == b"made before"


def test_a_pool_without_images_is_one_sentence(store):
    step = write_pool(store).pretrain(SATCLIP, TRAINING).need("tower")
    with pytest.raises(BadDataError, match=r"array `image` in the pool.*tower: features"):
        made(step, store)
