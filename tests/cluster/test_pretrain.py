"""Pretraining on Ray: alone, together, interrupted; the weights do not tell which."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from infra.context import Context, Progress, Resources, quiet
from infra.errors import TerrasweepError, TornError
from infra.spec import Spec
from infra.step import Step
from infra.store import Store
from models import loop
from models.contract import Network
from models.spec import ModelSpec, TrainingSpec
from models.zoo.presto.spec import PrestoSpec
from models.zoo.tiny.spec import TinySpec
from pipelines import init, pretrain, training
from pipelines.training import StoreSavepoint
from tests.shards import Planted, plant

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
def planted(store: Store) -> Planted:
    return plant(store)


def run(
    step: Step[Spec], store: Store, *, workers: int = 1, progress: Progress = quiet
) -> Mapping[str, torch.Tensor]:
    """Make a pretrain step and the init it needs; return the weights."""
    told: list[tuple[float, float]] = []

    def tell(done: float, total: float) -> None:
        told.append((done, total))
        progress(done, total)

    context = Context(store, Resources(train_workers=workers), tell)
    start = step.need("init")
    store.make(start, lambda folder: init.make(start, context=context, folder=folder))
    store.make(step, lambda folder: pretrain.make(step, context=context, folder=folder))
    epochs = step.spec.training.epochs  # type: ignore[attr-defined]
    assert told[-1] == (epochs, epochs)
    return load_file(store.folder(step.key) / "weights.safetensors")


def by_hand(
    step: Step[Spec], planted: Planted, *, savepoint: loop.Savepoint | None = None
) -> tuple[Network, list[loop.Row]]:
    """Train in this process, on the samples as they were planted."""
    start = step.need("init")
    model: ModelSpec = start.spec.model  # type: ignore[attr-defined]
    network = init.build(model, key=start.key)
    rows = loop.train(
        network,
        init.architecture(model).prepare(planted.samples),
        training=step.spec.training,  # type: ignore[attr-defined]
        key=str(step.key),
        device=torch.device("cpu"),
        savepoint=savepoint or loop.Forgetful(),
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
    assert history.schema.names == ["step", "epoch", "loss", "lr", "samples_per_s"]
    assert history.column("loss").to_pylist() == [row["loss"] for row in rows]


@pytest.mark.slow
def test_a_lone_worker_of_ray_train_learns_it_to_the_bit(store, planted, monkeypatch):
    monkeypatch.setattr(training, "FEWEST_PASSES", 0)
    step = planted.pretrain(PRESTO, TRAINING)
    network, _ = by_hand(step, planted)
    assert_same(run(step, store), network.state_dict())


# Law 11: the number of workers changes the speed and nothing else.
@pytest.mark.slow
def test_two_workers_of_ray_train_learn_what_one_learns(store, planted):
    step = planted.pretrain(PRESTO, TRAINING)
    network, rows = by_hand(step, planted)
    network.load_state_dict(run(step, store, workers=2))
    alone, _ = by_hand(step, planted)
    inputs = init.architecture(PRESTO).prepare(planted.samples)
    batch = {name: torch.from_numpy(values) for name, values in inputs.items()}
    with torch.no_grad():
        made, wanted = network.encode(batch), alone.encode(batch)
    assert float((made - wanted).norm() / wanted.norm()) < 1e-4
    history = pq.read_table(store.folder(step.key) / "history.parquet")
    np.testing.assert_allclose(history.column("loss"), [row["loss"] for row in rows], rtol=1e-4)


class Breaking(StoreSavepoint):
    """A savepoint whose worker is lost once the first epoch is saved."""

    def save(self, state: bytes, *, epochs: int) -> None:
        super().save(state, epochs=epochs)
        raise KeyboardInterrupt


def test_an_interrupted_training_goes_on_from_its_last_epoch(store, planted):
    step = planted.pretrain(TINY, TRAINING)
    savepoint = Breaking(store, f"progress/{step.key}")
    with pytest.raises(KeyboardInterrupt):
        by_hand(step, planted, savepoint=savepoint)
    assert savepoint.epochs() == 1
    saved = torch.load(store_file(store, f"progress/{step.key}/state.pt"), weights_only=True)
    network, _ = by_hand(step, planted)
    assert_same(run(step, store), network.state_dict())
    history = pq.read_table(store.folder(step.key) / "history.parquet").to_pylist()
    assert history[: len(saved["rows"])] == saved["rows"]  # their clocks too: not trained again


def store_file(store: Store, path: str) -> Path:
    assert store.local_root is not None
    return store.local_root / path


def test_progress_is_dropped_once_there_is_a_record_and_not_before(store, planted):
    done, waiting = (
        planted.pretrain(TINY, TRAINING.model_copy(update={"lr": lr})) for lr in (1e-3, 2e-3)
    )
    StoreSavepoint(store, f"progress/{waiting.key}").save(b"half way", epochs=1)
    run(done, store)
    assert store.list("progress/pretrain") == [
        f"progress/{waiting.key}/epochs",
        f"progress/{waiting.key}/state.pt",
    ]


def test_a_loss_that_is_no_number_is_one_sentence_and_leaves_no_record(store, planted):
    wild = TrainingSpec(epochs=3, batch_size=32, lr=1e30, warmup_epochs=0)
    step = planted.pretrain(TINY, wild)
    with pytest.raises(TerrasweepError, match=r"finite loss at step \d+ \(epoch \d\); found"):
        run(step, store)
    assert not store.has(step.key)


@pytest.mark.slow
def test_a_worker_that_is_killed_is_started_again_and_goes_on(store, planted, monkeypatch):
    monkeypatch.setattr(pretrain, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(training, "FEWEST_PASSES", 10**9)  # a plain task is found by its name
    step = planted.pretrain(TINY, TRAINING.model_copy(update={"epochs": 200}))
    killed: list[int] = []

    def kill_once(epochs: float, _: float) -> None:
        if epochs > 2 and not killed:
            (worker,) = workers_of(step)
            worker.kill()
            killed.append(int(epochs))

    network, _ = by_hand(step, planted)
    assert_same(run(step, store, progress=kill_once), network.state_dict())
    assert killed
    assert killed[0] < 200


def workers_of(step: Step[Spec]) -> list[psutil.Process]:
    mine = psutil.Process().children(recursive=True)
    return [worker for worker in mine if step.key.digest in " ".join(worker.cmdline())]


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_torn_shard_comes_out_of_the_workers_as_itself(store, planted, workers, monkeypatch):
    monkeypatch.setattr(pretrain, "LOST_WORKERS", 0)  # it would only be met twice more
    for path in store_file(store, str(planted.shard.key)).rglob("*.parquet"):
        path.chmod(0o644)
        path.write_bytes(b"torn")
    with pytest.raises(TornError, match="altered since"):
        run(planted.pretrain(TINY, TRAINING), store, workers=workers)
