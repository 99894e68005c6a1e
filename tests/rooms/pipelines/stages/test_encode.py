"""Features follow from the checkpoint and the task, not from who encodes them."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from terrasweep.infra.context import Context, Resources
from terrasweep.infra.errors import BadDataError
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.models.checkpoints import weights
from terrasweep.models.contract import Network
from terrasweep.models.members import ZOO
from terrasweep.models.spec import ModelSpec
from terrasweep.models.zoo.presto.spec import PrestoSpec
from terrasweep.models.zoo.tiny.spec import TinySpec
from terrasweep.pipelines.spec import EncodeSpec, InitSpec, PretrainSpec, SampleSpec, TaskDataSpec
from terrasweep.pipelines.stages import encode
from terrasweep.pipelines.stages import task as task_stage
from terrasweep.samplers.formats.arrays import to_arrays
from terrasweep.samplers.spec.composition import CompositionSpec
from terrasweep.samplers.spec.rules import Uniform
from terrasweep.samplers.tasks.planet_crop.spec import PlanetCropSpec

TASK = Step("task", TaskDataSpec(task=PlanetCropSpec(name="planet_crop", per_continent=100)))
TINY = TinySpec(name="tiny")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = Store.open(str(tmp_path_factory.mktemp("store")))
    context = Context(made)
    made.make(TASK, lambda folder: task_stage.make(TASK, context=context, folder=folder))
    return made


def network(spec: ModelSpec, *, seed: int) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ZOO[spec.name].build(spec)


def checkpoint(store: Store, spec: ModelSpec, *, seed: int) -> Step[Spec]:
    step = Step("init", InitSpec(model=spec, replicate=seed))
    store.make(step, lambda folder: weights.write(network(spec, seed=seed), folder, card={}))
    return step


def features(store: Store, start: Step[Spec], *, cpus: float = 1) -> np.ndarray:
    step = Step("encode", EncodeSpec(), (start, TASK))
    context = Context(store, Resources(cpus_per_trial=cpus))
    store.make(step, lambda folder: encode.make(step, context=context, folder=folder))
    return encode.read(step, context=context)


@pytest.mark.parametrize(
    "spec", [TINY, PrestoSpec(name="presto", width=32, heads=2)], ids=lambda spec: spec.name
)
def test_every_sample_has_the_features_its_network_gives(spec: ModelSpec, store: Store):
    """There are more samples than fit one chunk; each stands where its row stands."""
    start = checkpoint(store, spec, seed=3)
    made = features(store, start)
    arrays = to_arrays(pq.read_table(store.folder(TASK.key) / task_stage.TABLE))
    prepared = ZOO[spec.name].prepare(arrays)
    with torch.inference_mode():
        batch = {name: torch.from_numpy(array) for name, array in prepared.items()}
        whole = network(spec, seed=3).eval().encode(batch).numpy()
    assert len(made) == 600 > encode.CHUNK
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, whole, atol=1e-5)
    assert len(np.unique(made, axis=0)) > 590


def test_another_checkpoint_gives_other_features(store: Store):
    one, other = (features(store, checkpoint(store, TINY, seed=seed)) for seed in (0, 1))
    assert not np.allclose(one, other)


def test_a_pretrained_checkpoint_is_read_by_the_network_it_began_as(store: Store):
    init = checkpoint(store, TINY, seed=0)
    sample = Step("sample", SampleSpec(composition=CompositionSpec(rule=Uniform(), size=10)))
    trained = Step("pretrain", PretrainSpec(), (init, sample))
    store.make(trained, lambda folder: weights.write(network(TINY, seed=9), folder, card={}))
    by_itself = features(store, checkpoint(store, TINY, seed=9))
    assert np.array_equal(features(store, trained), by_itself)


def test_encoding_leaves_the_process_as_it_was(store: Store):
    before = (torch.get_num_threads(), torch.get_rng_state())
    features(store, checkpoint(store, TINY, seed=8), cpus=3)
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])


def test_weights_that_diverged_are_refused_with_a_sentence(store: Store, tmp_path: Path):
    def diverged(folder: Path) -> None:
        net = network(TINY, seed=5)
        with torch.no_grad():
            next(net.parameters()).fill_(float("nan"))
        weights.write(net, folder, card={})

    start = Step("init", InitSpec(model=TINY, replicate=5))
    store.make(start, diverged)
    step = Step("encode", EncodeSpec(), (start, TASK))
    with pytest.raises(BadDataError, match="600 of 600 samples"):
        encode.make(step, context=Context(store), folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
