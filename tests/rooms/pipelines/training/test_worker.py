"""What one worker does, in this process and in any store: it leaves all that the driver takes."""

import io
import json

import pyarrow.parquet as pq
import torch
from safetensors.torch import load

from terrasweep.infra.context import Context
from terrasweep.infra.errors import BadDataError
from terrasweep.infra.storage.store import Store
from terrasweep.models.spec import TrainingSpec
from terrasweep.models.zoo.tiny.spec import TinySpec
from terrasweep.pipelines import networks
from terrasweep.pipelines.stages import init
from terrasweep.pipelines.training import pixels
from terrasweep.pipelines.training.job import TrainingJob
from terrasweep.pipelines.training.savepoint import StoreSavepoint
from terrasweep.pipelines.training.worker import HISTORY_SCHEMA, work
from tests.support.shards import write_pool

TINY = TinySpec(name="tiny", width=8)
TRAINING = TrainingSpec(epochs=3, batch_size=32, lr=3e-3, warmup_epochs=1)
CPU = torch.device("cpu")


def started(store: Store, training: TrainingSpec = TRAINING) -> TrainingJob:
    """Plant samples, initialise the network, and say what is to be trained."""
    step = write_pool(store).pretrain(TINY, training)
    context, start = Context(store), step.need("init")
    store.make(start, lambda folder: init.make(start, context=context, folder=folder))
    return TrainingJob.of(step, context=context)


def left(job: TrainingJob, name: str) -> bytes:
    data = job.store.get(f"progress/{job.key}/{name}")
    assert data is not None
    return data


def test_the_first_worker_leaves_weights_card_and_history(store):
    job = started(store)
    assert work(job, rank=0, device=CPU) is None
    fresh = networks.build(TINY, key=job.init).state_dict()
    made = load(left(job, "weights.safetensors"))
    assert made.keys() == fresh.keys()
    assert not torch.equal(made["encoder.weight"], fresh["encoder.weight"])
    history = pq.read_table(io.BytesIO(left(job, "history.parquet")))
    assert history.schema == HISTORY_SCHEMA
    card = json.loads(left(job, "card.json"))
    assert (card["samples"], card["steps"]) == (70, 9)
    assert card["training"]["epochs"] == 3
    assert card["loss"] == history.column("loss").to_pylist()[-1]
    assert StoreSavepoint(store, job.home).epochs() == 3
    rows = history.to_pylist()
    assert card["speed"]["flops_per_sample"] > 0
    assert card["speed"]["peak_from"] == "measured"
    assert all(row["mfu"] > 0 for row in rows)
    assert all(row["peak_mb"] > 50 for row in rows)


def test_other_workers_leave_nothing_of_their_own(store):
    job = started(store)
    work(job, rank=1, device=CPU)
    assert job.store.get(f"{job.home}/weights.safetensors") is None


def test_a_worker_that_starts_again_leaves_the_same(store):
    job = started(store)
    work(job, rank=0, device=CPU)
    first = left(job, "weights.safetensors")
    store.drop(f"{job.home}/weights.safetensors")
    work(job, rank=0, device=CPU)
    assert left(job, "weights.safetensors") == first


def test_a_loss_that_is_no_number_is_returned_not_raised(tmp_path):
    wild = TrainingSpec(epochs=3, batch_size=32, lr=1e30, warmup_epochs=0)
    job = started(Store.open(str(tmp_path)), wild)
    error = work(job, rank=0, device=CPU)
    assert isinstance(error, BadDataError)
    assert f"{job.home}/diverged.json" in str(error)
    where = json.loads(left(job, "diverged.json"))
    ids = set(pixels.ids(job.store, job.sample).to_pylist())
    assert set(where["samples"]) <= ids
    assert where["step"] > 1


def test_of_the_states_the_last_two_are_kept_and_a_torn_one_is_passed_over(store):
    savepoint = StoreSavepoint(store, "progress/pretrain/0")
    assert savepoint.load() is None
    for step in (9, 10, 100):
        savepoint.save(f"after {step}".encode(), step=step)
    assert len(savepoint.states()) == 2
    assert savepoint.load() == b"after 100"
    store.put(savepoint.states()[1], b"after 1")
    assert savepoint.load() == b"after 10"
    assert len(savepoint.states()) == 1
    savepoint.save(b"after 11", step=11)
    assert savepoint.load() == b"after 11"
