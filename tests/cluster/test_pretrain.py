"""Pretraining on Ray: alone, together, interrupted; the weights do not tell which."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from terrasweep.infra.context import Context, Progress, Resources, quiet
from terrasweep.infra.errors import BadDataError, TornError
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.models.contract import Network
from terrasweep.models.spec import ModelSpec, TrainingSpec
from terrasweep.models.training import loop
from terrasweep.models.training.history import HistoryRow
from terrasweep.models.zoo.presto.spec import PrestoSpec
from terrasweep.models.zoo.tiny.spec import TinySpec
from terrasweep.pipelines import networks
from terrasweep.pipelines.stages import init, pretrain
from terrasweep.pipelines.training import job
from terrasweep.pipelines.training import worker as train_worker
from terrasweep.pipelines.training.savepoint import StoreSavepoint
from tests.support.shards import WrittenPool, write_pool

pytestmark = [
    pytest.mark.ray,
    pytest.mark.usefixtures("local_ray"),
    # Ray Data's settings warn of each other when Ray Train first makes them.
    pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning:ray"),
]

TRAINING = TrainingSpec(epochs=3, batch_size=32, lr=3e-3, warmup_epochs=1)
TINY = TinySpec(name="tiny", width=8)
PRESTO = PrestoSpec(name="presto", width=16, depth=1, heads=2)


@pytest.fixture(autouse=True, scope="module")
def as_many_threads_as_a_worker() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path))


@pytest.fixture
def planted(store: Store) -> WrittenPool:
    return write_pool(store)


def run(
    step: Step[Spec],
    store: Store,
    *,
    progress: Progress = quiet,
    **resources: float,
) -> Mapping[str, torch.Tensor]:
    """Make a pretrain step and the init it needs; return the weights."""
    told: list[tuple[float, float]] = []

    def tell(done: float, total: float) -> None:
        told.append((done, total))
        progress(done, total)

    context = Context(store, Resources(**resources), tell)
    start = step.need("init")
    store.make(start, lambda folder: init.make(start, context=context, folder=folder))
    store.make(step, lambda folder: pretrain.make(step, context=context, folder=folder))
    epochs = step.spec.training.epochs  # type: ignore[attr-defined]
    assert told[-1] == (epochs, epochs)
    return load_file(store.folder(step.key) / "weights.safetensors")


def by_hand(
    step: Step[Spec], planted: WrittenPool, *, savepoint: loop.Savepoint | None = None
) -> tuple[Network, list[HistoryRow]]:
    """Train in this process, on the samples as they were planted."""
    start = step.need("init")
    model: ModelSpec = start.spec.model  # type: ignore[attr-defined]
    network = networks.build(model, key=start.key)
    rows = loop.train(
        network,
        networks.architecture(model).prepare(planted.samples),
        training=step.spec.training,  # type: ignore[attr-defined]
        key=str(step.key),
        device=torch.device("cpu"),
        savepoint=savepoint or loop.NullSavepoint(),
        options=loop.TrainingOptions(save_every_s=0),
    )
    return network, rows


def assert_same(made: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> None:
    assert made.keys() == wanted.keys()
    for name, values in wanted.items():
        assert torch.equal(made[name], values), name


@pytest.mark.parametrize("model", [TINY, PRESTO], ids=["tiny", "presto"])
def test_one_worker_learns_what_the_bare_loop_learns(store, planted, model):
    step = planted.pretrain(model, TRAINING)
    network, rows = by_hand(step, planted)
    assert_same(run(step, store), network.state_dict())
    history = pq.read_table(store.folder(step.key) / "history.parquet")
    assert history.schema == train_worker.HISTORY_SCHEMA
    assert history.column("loss").to_pylist() == [row["loss"] for row in rows]


@pytest.mark.slow
def test_a_lone_worker_of_ray_train_learns_it_to_the_bit(store, planted, monkeypatch):
    monkeypatch.setattr(job, "FEWEST_PASSES", 0)
    step = planted.pretrain(PRESTO, TRAINING)
    network, _ = by_hand(step, planted)
    assert_same(run(step, store), network.state_dict())


# Law 11: the number of workers changes the speed and nothing else.
@pytest.mark.slow
def test_two_workers_of_ray_train_learn_what_one_learns_over_fifty_steps(store, planted):
    step = planted.pretrain(PRESTO, TRAINING.model_copy(update={"epochs": 17}))
    network, rows = by_hand(step, planted)
    network.load_state_dict(run(step, store, train_workers=2))
    alone, _ = by_hand(step, planted)
    inputs = networks.architecture(PRESTO).prepare(planted.samples)
    batch = {name: torch.from_numpy(values) for name, values in inputs.items()}
    with torch.no_grad():
        made, wanted = network.encode(batch), alone.encode(batch)
    assert float((made - wanted).norm() / wanted.norm()) < 1e-4
    history = pq.read_table(store.folder(step.key) / "history.parquet")
    assert history.num_rows == 51
    np.testing.assert_allclose(history.column("loss"), [row["loss"] for row in rows], rtol=1e-4)


class Breaking(StoreSavepoint):
    """A savepoint whose worker is lost in the middle of the second epoch."""

    def save(self, state: bytes, *, step: int) -> None:
        super().save(state, step=step)
        if step == 5:
            raise KeyboardInterrupt


@pytest.mark.parametrize("torn", [0, 1])
def test_an_interrupted_training_goes_on_from_its_last_whole_state(store, planted, torn):
    step = planted.pretrain(TINY, TRAINING)
    savepoint = Breaking(store, f"progress/{step.key}")
    with pytest.raises(KeyboardInterrupt):
        by_hand(step, planted, savepoint=savepoint)
    assert [path[-31:-20] for path in savepoint.states()] == ["00000000004", "00000000005"]
    for path in savepoint.states()[2 - torn :]:
        store.put(path, b"torn")
    saved = torch.load(store_file(store, savepoint.states()[1 - torn]), weights_only=True)
    assert saved["step"] == 5 - torn
    network, _ = by_hand(step, planted)
    assert_same(run(step, store), network.state_dict())
    history = pq.read_table(store.folder(step.key) / "history.parquet").to_pylist()
    rows = saved["history"]["rows"]
    assert len(rows) == 5 - torn
    assert history[: len(rows)] == rows  # their clocks too: not trained again


def store_file(store: Store, path: str) -> Path:
    assert store.local_root is not None
    return store.local_root / path


def test_progress_is_dropped_once_there_is_a_record_and_not_before(store, planted):
    done, waiting = (
        planted.pretrain(TINY, TRAINING.model_copy(update={"lr": lr})) for lr in (1e-3, 2e-3)
    )
    left = StoreSavepoint(store, f"progress/{waiting.key}")
    left.save(b"half way", step=4)
    run(done, store, save_every_s=0)
    assert store.list("progress/pretrain") == left.states()
    assert left.load() == b"half way"


def test_a_loss_that_is_no_number_is_one_sentence_and_leaves_no_record(store, planted):
    wild = TrainingSpec(epochs=3, batch_size=32, lr=1e30, warmup_epochs=0)
    step = planted.pretrain(TINY, wild)
    with pytest.raises(BadDataError, match=r"at step \d+ \(epoch \d\), got .*diverged\.json in"):
        run(step, store)
    assert not store.has(step.key)
    where = json.loads(store_file(store, f"progress/{step.key}/diverged.json").read_bytes())
    assert where["key"] == str(step.key)
    assert where["training"]["lr"] == 1e30
    assert set(where["samples"]) <= set(planted.samples["id"].tolist())
    assert len(where["samples"]) == len(where["rows"]) > 0


# Law 11, through Ray Train and through a plain task: killed at a step that nobody chose, in
# mid-epoch, a training ends with the weights of one that ran through, to the last bit.
@pytest.mark.slow
@pytest.mark.parametrize("together", [False, True], ids=["task", "ray_train"])
def test_a_worker_that_is_killed_is_started_again_and_goes_on(
    store, planted, monkeypatch, together
):
    monkeypatch.setattr(pretrain, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(job, "FEWEST_PASSES", 0 if together else 10**9)
    step = planted.pretrain(TINY, TRAINING.model_copy(update={"epochs": 1000}))
    killed: list[int] = []
    savepoint = StoreSavepoint(store, f"progress/{step.key}")

    def kill_once(_: float, __: float) -> None:
        saved = savepoint.states()
        if saved and not killed:
            for worker in workers_of(step):
                worker.kill()
                killed.append(worker.pid)

    network, _ = by_hand(step, planted)
    made = run(step, store, progress=kill_once, save_every_s=0.2)
    assert_same(made, network.state_dict())
    assert killed


def workers_of(step: Step[Spec]) -> list[psutil.Process]:
    """Return what trains: a task is called after its step, a worker of Ray Train by its class."""
    names = (step.key.digest, "RayTrainWorker")
    mine = psutil.Process().children(recursive=True)
    return [one for one in mine if any(name in " ".join(one.cmdline()) for name in names)]


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_torn_shard_comes_out_of_the_workers_as_itself(store, planted, workers, monkeypatch):
    monkeypatch.setattr(pretrain, "LOST_WORKERS", 0)  # it would only be met twice more
    for path in store_file(store, str(planted.shard.key)).rglob("*.parquet"):
        path.chmod(0o644)
        path.write_bytes(b"torn")
    with pytest.raises(TornError, match="got other content in"):
        run(planted.pretrain(TINY, TRAINING), store, train_workers=workers)
