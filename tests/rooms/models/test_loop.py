"""The training loop: what is learnt follows from the key, and from nothing else."""

import math
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as processes

from infra.errors import TerrasweepError
from models import loop
from models.contract import Network
from models.schedule import Schedule
from models.spec import TrainingSpec
from models.zoo.presto.model import build as build_presto
from models.zoo.presto.spec import PrestoSpec
from models.zoo.tiny.model import build as build_tiny
from models.zoo.tiny.spec import TinySpec

CPU = torch.device("cpu")
TRAINING = TrainingSpec(epochs=4, batch_size=32, lr=3e-3, warmup_epochs=1)
SAMPLES = 70  # two whole batches and one of six


def tiny() -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return build_tiny(TinySpec(name="tiny", width=8))


def small_presto() -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return build_presto(PrestoSpec(name="presto", width=16, depth=1, heads=2))


def arrays(samples: int = SAMPLES) -> dict[str, np.ndarray]:
    draw = np.random.Generator(np.random.PCG64(2))
    return {
        "x": draw.normal(size=(samples, 12, 17)).astype(np.float32),
        "dynamic_world": draw.integers(0, 10, (samples, 12)),
        "latlon": draw.uniform(-60, 60, (samples, 2)).astype(np.float32),
        "month": draw.integers(0, 12, samples),
    }


@dataclass
class Memory:
    """A savepoint in memory that breaks off after some epochs."""

    breaks_after: int | None = None
    state: bytes | None = None
    epochs: list[int] = field(default_factory=list)

    def load(self) -> bytes | None:
        return self.state

    def save(self, state: bytes, *, epochs: int) -> None:
        self.state = state
        self.epochs.append(epochs)
        if epochs == self.breaks_after:
            raise KeyboardInterrupt


def trained(
    network: Network,
    *,
    training: TrainingSpec = TRAINING,
    key: str = "pretrain/a",
    data: dict[str, np.ndarray] | None = None,
    savepoint: loop.Savepoint | None = None,
) -> list[loop.Row]:
    return loop.train(
        network,
        arrays() if data is None else data,
        training=training,
        key=key,
        device=CPU,
        savepoint=savepoint or loop.Forgetful(),
    )


def assert_same(ours: Network, theirs: Network) -> None:
    for name, values in ours.state_dict().items():
        assert torch.equal(values, theirs.state_dict()[name]), name


def differ(ours: Network, theirs: Network) -> bool:
    return any(
        not torch.equal(values, theirs.state_dict()[name])
        for name, values in ours.state_dict().items()
    )


@pytest.mark.parametrize("build", [tiny, small_presto])
def test_training_twice_gives_the_same_weights_whatever_the_global_seed(build):
    first, again = build(), build()
    torch.manual_seed(1)
    trained(first)
    torch.manual_seed(2)
    trained(again)
    assert_same(first, again)
    assert differ(first, build())


def test_another_key_gives_other_weights():
    first, other = tiny(), tiny()
    trained(first, key="pretrain/a")
    trained(other, key="pretrain/b")
    assert differ(first, other)


# Law 4 and 11: an interrupted training goes on from its last whole epoch, and where it ends does
# not tell that it was interrupted, to the last bit.
@pytest.mark.parametrize("epochs", [1, 2, 3])
@pytest.mark.parametrize("build", [tiny, small_presto])
def test_an_interrupted_training_ends_where_an_uninterrupted_one_does(build, epochs):
    whole, broken, resumed = build(), build(), build()
    rows = trained(whole)
    memory = Memory(breaks_after=epochs)
    with pytest.raises(KeyboardInterrupt):
        trained(broken, savepoint=memory)
    memory.breaks_after = None
    rows_again = trained(resumed, savepoint=memory)
    assert_same(whole, resumed)
    assert differ(whole, broken)
    assert [untimed(row) for row in rows_again] == [untimed(row) for row in rows]
    assert memory.epochs == [1, 2, 3, 4]


def untimed(row: loop.Row) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != "samples_per_s"}


def test_a_training_that_is_over_is_not_trained_again():
    memory, first, again = Memory(), tiny(), tiny()
    trained(first, savepoint=memory)
    trained(again, savepoint=memory)
    assert_same(first, again)
    assert memory.epochs == [1, 2, 3, 4]


def test_how_many_samples_pass_at_once_changes_nothing_that_matters(monkeypatch):
    whole, parted = small_presto(), small_presto()
    rows = trained(whole)
    monkeypatch.setitem(loop.PART, "cpu", 5)
    rows_parted = trained(parted)
    assert_close(parted, whole, rows_parted, rows)


def assert_close(
    ours: Network, theirs: Network, our_rows: list[loop.Row], their_rows: list[loop.Row]
) -> None:
    """Compare features, not weights: a bias that changes nothing wanders with rounding."""
    batch = {name: torch.from_numpy(values) for name, values in arrays().items()}
    with torch.no_grad():
        made, wanted = ours.encode(batch), theirs.encode(batch)
    assert float((made - wanted).norm() / wanted.norm()) < 1e-4
    for our, their in zip(our_rows, their_rows, strict=True):
        assert our["loss"] == pytest.approx(their["loss"], rel=1e-4)


# Law 11: the number of workers changes the speed and nothing else.
@pytest.mark.slow
@pytest.mark.parametrize("build", [tiny, small_presto])
def test_two_workers_learn_what_one_learns(build, tmp_path):
    alone = build()
    rows = trained(alone)
    free = socket.socket()
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    processes.spawn(work, args=(2, port, build, tmp_path), nprocs=2)
    first, second = build(), build()
    their_rows, ours = torch.load(tmp_path / "0.pt")
    _, theirs = torch.load(tmp_path / "1.pt")
    first.load_state_dict(ours)
    second.load_state_dict(theirs)
    assert_same(first, second)
    assert_close(first, alone, their_rows, rows)


def work(rank: int, size: int, port: int, build: Callable[[], Network], folder: Path) -> None:
    torch.set_num_threads(1)
    address = f"tcp://127.0.0.1:{port}"
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=size)
    network = build()
    rows = trained(network)
    torch.save((rows, network.state_dict()), folder / f"{rank}.pt")
    dist.destroy_process_group()


def test_every_sample_is_seen_once_per_epoch_also_those_of_the_last_batch():
    seen: list[int] = []

    class Watching(type(tiny())):  # type: ignore[misc]
        def loss(self, batch, *, generator, part=slice(None)):
            seen.extend(batch["month"][part].tolist())
            return super().loss(batch, generator=generator, part=part)

    data = arrays()
    data["month"] = np.arange(SAMPLES)
    trained(Watching(TinySpec(name="tiny", width=8)), data=data)
    epochs = [seen[i : i + SAMPLES] for i in range(0, len(seen), SAMPLES)]
    assert len(epochs) == 4
    assert all(sorted(epoch) == list(range(SAMPLES)) for epoch in epochs)
    assert epochs[0] != epochs[1]
    assert epochs[0] != list(range(SAMPLES))


def test_a_loss_that_is_no_number_stops_the_training_and_names_step_and_epoch():
    data = arrays()
    data["x"][:] = np.nan
    with pytest.raises(TerrasweepError, match=r"finite loss at step 1 \(epoch 1\); found nan; "):
        trained(tiny(), data=data)


def test_a_loss_that_overflows_on_the_way_names_where():
    wild = TrainingSpec(epochs=3, batch_size=32, lr=1e30, warmup_epochs=0)
    with pytest.raises(TerrasweepError, match=r"at step [2-9] \(epoch [123]\)"):
        trained(tiny(), training=wild)


def test_history_has_the_last_step_and_at_most_200_rows():
    long = TrainingSpec(epochs=201, batch_size=35, lr=1e-3, warmup_epochs=1)
    rows = trained(tiny(), training=long)
    assert len(rows) <= 200
    assert rows[-1]["step"] == 402
    assert rows[-1]["epoch"] == 201.0
    assert all(row["samples_per_s"] > 0 for row in rows)


def test_the_loss_falls():
    rows = trained(small_presto(), training=TrainingSpec(epochs=30, batch_size=35, lr=3e-3))
    assert rows[-1]["loss"] < 0.9 * rows[0]["loss"]


def test_the_learning_rate_climbs_evenly_then_follows_half_a_cosine_to_zero():
    training = TrainingSpec(epochs=10, batch_size=10, lr=1.0, warmup_epochs=2)
    schedule = Schedule.of(training, samples=50)
    rates = [schedule.lr(step) for step in range(schedule.total_steps)]
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10)
    np.testing.assert_allclose(rates[10:], 0.5 * (1 + np.cos(np.pi * np.arange(40) / 40)))
    assert schedule.lr(schedule.total_steps) == pytest.approx(0.0, abs=1e-12)


def test_biases_norms_and_the_mask_token_do_not_decay_and_weights_do():
    heavy = TrainingSpec(epochs=1, batch_size=SAMPLES, lr=1e-3, warmup_epochs=0, weight_decay=100.0)
    light = heavy.model_copy(update={"weight_decay": 0.0})
    decayed, plain = small_presto(), small_presto()
    trained(decayed, training=heavy)
    trained(plain, training=light)
    for name, values in plain.named_parameters():
        spared = values.ndim <= 1 or not values.requires_grad
        assert torch.equal(values, decayed.get_parameter(name)) == spared, name


def test_clipping_bounds_the_step_that_a_large_gradient_takes():
    data = arrays()
    data["x"] *= 100
    plain, clipped = tiny(), tiny()
    trained(plain, data=data)
    trained(clipped, data=data, training=TRAINING.model_copy(update={"clip_norm": 1e-9}))
    moved = [
        math.dist(
            n.state_dict()["encoder.bias"].tolist(), tiny().state_dict()["encoder.bias"].tolist()
        )
        for n in (plain, clipped)
    ]
    assert moved[1] < 0.5 * moved[0]


def test_bfloat16_learns_much_the_same():
    half, full = small_presto(), small_presto()
    rows = trained(full)
    rows_half = trained(half, training=TRAINING.model_copy(update={"precision": "bfloat16"}))
    assert differ(half, full)
    assert rows_half[-1]["loss"] == pytest.approx(rows[-1]["loss"], rel=0.02)
    assert all(values.dtype == torch.float32 for values in half.parameters())


@pytest.mark.gpu
def test_an_accelerator_learns_too_and_sees_what_a_cpu_sees():
    network, data = small_presto(), arrays()
    training = TrainingSpec(epochs=30, batch_size=35, lr=3e-3)
    cuda = torch.device("cuda")
    rows = loop.train(
        network, data, training=training, key="a", device=cuda, savepoint=loop.Forgetful()
    )
    assert rows[-1]["loss"] < 0.9 * rows[0]["loss"]
    batch = {name: torch.from_numpy(values) for name, values in data.items()}
    with torch.no_grad():
        there = network.encode({name: values.to(cuda) for name, values in batch.items()}).cpu()
        here = network.cpu().encode(batch)
    torch.testing.assert_close(there, here, rtol=1e-3, atol=1e-3)
