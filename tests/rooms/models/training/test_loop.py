"""The training loop: what is learnt follows from the key, and from nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as processes

from terrasweep.models.contract import Network
from terrasweep.models.spec import TrainingSpec
from terrasweep.models.training import loop
from terrasweep.models.training.history import HistoryRow
from terrasweep.models.zoo.tiny.model import Tiny
from terrasweep.models.zoo.tiny.spec import TinySpec
from tests.rooms.models.trainings import (
    SAMPLES,
    TRAINING,
    arrays,
    assert_same,
    differ,
    small_presto,
    tiny,
    trained,
)
from tests.support.heads import free_port


@dataclass
class Memory:
    """A savepoint in memory that breaks off after some steps."""

    breaks_after: int | None = None
    state: bytes | None = None
    steps: list[int] = field(default_factory=list)
    told: list[float] = field(default_factory=list)

    def load(self) -> bytes | None:
        return self.state

    def save(self, state: bytes, *, step: int) -> None:
        self.state = state
        self.steps.append(step)
        if step == self.breaks_after:
            raise KeyboardInterrupt

    def tell(self, epochs: float) -> None:
        self.told.append(epochs)


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


# Law 4 and 11: an interrupted training goes on from the step it had come to, in mid-epoch too, and
# where it ends does not tell that it was interrupted, to the last bit. Four epochs have 12 steps.
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("step", [1, 3, 7, 11])
@pytest.mark.parametrize("build", [tiny, small_presto])
def test_an_interrupted_training_ends_where_an_uninterrupted_one_does(build, step, precision):
    training = TRAINING.model_copy(update={"precision": precision})
    whole, broken, resumed = build(), build(), build()
    rows = trained(whole, training=training)
    memory = Memory(breaks_after=step)
    with pytest.raises(KeyboardInterrupt):
        trained(broken, training=training, savepoint=memory)
    memory.breaks_after = None
    rows_again = trained(resumed, training=training, savepoint=memory)
    assert_same(whole, resumed)
    assert differ(whole, broken)
    assert [untimed(row) for row in rows_again] == [untimed(row) for row in rows]
    assert memory.steps == list(range(1, 12))
    assert memory.told[-1] == 4


def untimed(row: HistoryRow) -> dict[str, object]:
    volatile = ("samples_per_s", "mfu", "peak_mb")
    return {name: value for name, value in row.items() if name not in volatile}


def test_what_is_saved_now_and_then_is_not_saved_in_a_short_training():
    memory = Memory()
    trained(tiny(), savepoint=memory, options=loop.TrainingOptions(save_every_s=60))
    assert memory.steps == []
    assert memory.told == [4]


def test_a_training_that_was_saved_at_its_end_is_not_trained_again():
    memory = Memory(breaks_after=11)
    with pytest.raises(KeyboardInterrupt):
        trained(tiny(), savepoint=memory)
    resumed, passed = tiny(), []
    state = resumed.loss
    resumed.loss = lambda *args, **named: passed.append(1) or state(*args, **named)
    memory.breaks_after = None
    trained(resumed, savepoint=memory)
    assert len(passed) == 1


def test_how_many_samples_pass_at_once_changes_nothing_that_matters():
    whole, parted = small_presto(), small_presto()
    rows, rows_parted = trained(whole), trained(parted, options=loop.TrainingOptions(micro_batch=5))
    assert_close(parted, whole, rows_parted, rows)


def test_halvings_make_parts_smaller_from_the_start():
    whole, halved = small_presto(), small_presto()
    rows = trained(whole)
    rows_halved = trained(halved, options=loop.TrainingOptions(micro_batch=8, halvings=2))
    assert_close(halved, whole, rows_halved, rows)
    rows_twos = trained(small_presto(), options=loop.TrainingOptions(micro_batch=2))
    assert [row["loss"] for row in rows_twos] == [row["loss"] for row in rows_halved]


def test_a_memory_that_is_too_small_makes_parts_smaller_and_changes_nothing_else():
    passed: list[int] = []

    class Large(Tiny):
        def loss(self, batch, *, generator, part=slice(None)):
            passed.append(part.stop - part.start)
            if passed[-1] > 10:
                raise torch.OutOfMemoryError("too many")
            return super().loss(batch, generator=generator, part=part)

    small, large = tiny(), Large(TinySpec(name="tiny", width=8))
    large.load_state_dict(small.state_dict())
    rows, rows_large = trained(small), trained(large)
    assert_close(large, small, rows_large, rows)
    assert max(passed[5:]) <= 8


def assert_close(
    ours: Network, theirs: Network, our_rows: list[HistoryRow], their_rows: list[HistoryRow]
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
    processes.spawn(work, args=(2, free_port(), build, tmp_path), nprocs=2)
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

    class Watching(Tiny):
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
