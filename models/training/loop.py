"""The training loop: plain torch on one CPU or GPU, or on one of several that share each batch.

What is learnt follows from the data, the recipe and the step's key: the order of samples and what
the loss draws are seeded by the key, per epoch and per step, and the loss of a batch is the sum
of its parts. So neither the number of workers nor an interruption changes it: the number of the
next step is all that the draws to come depend on.
"""

import io
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import torch
import torch.distributed as dist
from torch import Tensor, nn

from terrasweep.infra.seeds import seed
from terrasweep.models.contract import Arrays, Batch, Network
from terrasweep.models.spec import TrainingSpec
from terrasweep.models.training.batches import Feed
from terrasweep.models.training.divergence import diverged
from terrasweep.models.training.history import History, HistoryRow
from terrasweep.models.training.optimiser import (
    LearningRateSchedule,
    from_the_first,
    gradients_of,
    optimiser,
    sum_over_workers,
)
from terrasweep.models.training.precision import Arithmetic
from terrasweep.models.training.throughput import Yardstick

PARTS_ON_ACCELERATORS: Final = 64
"""How many times the samples of a CPU pass an accelerator together, if its memory takes them."""
RATIO_TO_COST: Final = 50
"""What is saved is saved so seldom that saving takes a fiftieth of the time at most."""
TELL_EVERY_S: Final = 1.0


@dataclass(frozen=True)
class TrainingOptions:
    """How a training is run; nothing in here changes what is learnt, apart from rounding."""

    micro_batch: int = 0
    """Samples that pass the network together; 0: as many as the network says."""
    compile: bool = False
    """Whether the network's blocks are compiled first, which pays in long trainings."""
    save_every_s: float = 60.0
    """Seconds between savepoints, or more where saving is slow; 0: after every step."""
    halvings: int = 0
    """How often the micro-batch is halved, because there was too little memory for it."""


class Savepoint(Protocol):
    """Where a training keeps how far it is, so that it can go on after an interruption."""

    def load(self) -> bytes | None:
        """Return what was saved last, or nothing; only the first worker calls it."""

    def save(self, state: bytes, *, step: int) -> None:
        """Keep the state after so many steps; only the first worker calls it."""

    def tell(self, epochs: float) -> bool:
        """Report how many epochs are done, and return whether to save now."""


class NullSavepoint:
    """A savepoint that keeps nothing, for trainings that are over in a moment."""

    def load(self) -> bytes | None:
        return None

    def save(self, state: bytes, *, step: int) -> None:
        pass

    def tell(self, epochs: float) -> bool:
        return False


def train(
    network: Network,
    arrays: Arrays,
    *,
    training: TrainingSpec,
    key: str,
    device: torch.device,
    savepoint: Savepoint,
    options: TrainingOptions | None = None,
    yardstick: Yardstick | None = None,
) -> list[HistoryRow]:
    """Train a network in place on what its `prepare` returned; return the history.

    With a torch process group, every worker calls this with the same arguments; speed is held
    against the yardstick, if there is one.

    Raises:
        DivergedError: If the loss is no longer a finite number.
    """
    options = options or TrainingOptions()
    feed = Feed(arrays, key, training.batch_size, device)
    run = _Training(
        network.to(device), feed, training=training, options=options, yardstick=yardstick
    )
    state = from_the_first(savepoint.load() if run.is_first else None, device=device)
    if state is not None:
        run.resume(state)
    saving, telling = _Interval(options.save_every_s), _Interval(TELL_EVERY_S)
    network.train()
    with run.arithmetic.products():
        for rows, batch in feed.batches(run.step, run.schedule.total_steps):
            run.learn(batch, rows=rows.tolist())
            if run.is_first and run.step < run.schedule.total_steps:
                saving.act_if_due(lambda: _save(run, savepoint))
                telling.act_if_due(lambda: _tell(run, savepoint))
    if run.is_first:
        savepoint.tell(run.epochs)
    return run.history.rows


def _save(run: "_Training", savepoint: Savepoint) -> None:
    savepoint.save(run.pack(), step=run.step)


def _tell(run: "_Training", savepoint: Savepoint) -> None:
    if savepoint.tell(run.epochs):
        _save(run, savepoint)


class _Training:
    """The state of one training: network, optimiser, history and step."""

    def __init__(
        self,
        network: Network,
        feed: Feed,
        *,
        training: TrainingSpec,
        options: TrainingOptions,
        yardstick: Yardstick | None,
    ) -> None:
        self.network, self.key, self.device = network, feed.key, feed.device
        self.schedule = LearningRateSchedule.of(training, samples=feed.num_samples)
        self.optimiser = optimiser(network, training)
        self.arithmetic = Arithmetic(training, device=self.device)
        self.rank = dist.get_rank() if dist.is_initialized() else 0
        self.num_workers = dist.get_world_size() if dist.is_initialized() else 1
        whole = options.micro_batch or _fits(network, self.device)
        self.stride = max(min(whole, training.batch_size) >> options.halvings, 1)
        self.history = History(self.schedule, self.device, yardstick, self.num_workers)
        self.step = 0
        if options.compile:
            _compile(network)

    @property
    def is_first(self) -> bool:
        """Whether this worker is the one that saves and tells."""
        return self.rank == 0

    @property
    def epochs(self) -> float:
        """How many epochs are done."""
        return self.step / self.schedule.steps_per_epoch

    def resume(self, saved: bytes) -> None:
        """Go on from where `pack` was called."""
        state = torch.load(io.BytesIO(saved), map_location=self.device, weights_only=True)
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.step, self.stride = state["step"], min(state["stride"], self.stride)

    def pack(self) -> bytes:
        """Return all that the steps to come depend on."""
        file = io.BytesIO()
        state = {name: part.state_dict() for name, part in self._parts().items()}
        torch.save({**state, "step": self.step, "stride": self.stride}, file)
        return file.getvalue()

    def learn(self, batch: Batch, *, rows: list[int]) -> None:
        """Take one step."""
        lr = self.schedule.lr(self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        loss = self._gradients(batch, size=len(rows))
        if not math.isfinite(loss):
            epoch = self.step // self.schedule.steps_per_epoch + 1
            step = self.step + 1
            raise diverged(self.network, batch, rows=rows, step=step, epoch=epoch, lr=lr, loss=loss)
        self.arithmetic.step(self.optimiser, self.network)
        self.step += 1
        self.history.note(loss, step=self.step, lr=lr, samples=len(rows))

    def _parts(self) -> dict[str, "_Stateful"]:
        return {
            "network": self.network,
            "optimiser": self.optimiser,
            "arithmetic": self.arithmetic,
            "history": self.history,
        }

    def _gradients(self, batch: Batch, *, size: int) -> float:
        """Leave the whole batch's gradients in the network; return the whole batch's loss."""
        # Worker r takes the samples from size * r // workers on: the shares differ by one at most.
        start, stop = (size * rank // self.num_workers for rank in (self.rank, self.rank + 1))
        # Too little memory halves the micro-batch and begins the step again. The halved size is
        # kept, because the next step would need as much memory.
        total = None
        while total is None:
            try:
                total = self._add_up(batch, start=start, stop=stop)
            except torch.OutOfMemoryError:
                if self.stride == 1:
                    raise
                self.stride //= 2
        if self.num_workers > 1:
            sum_over_workers([total, *gradients_of(self.network)])
        return float(total)

    def _add_up(self, batch: Batch, *, start: int, stop: int) -> Tensor:
        """Leave the gradients of a worker's samples in the network; return their loss."""
        # Zeros, not None: a worker without samples takes part in the sum over workers.
        self.optimiser.zero_grad(set_to_none=False)
        total = torch.zeros((), device=self.device)
        for first in range(start, stop, self.stride):
            part = slice(first, min(first + self.stride, stop))
            # Each part starts from the same seed, because `loss` draws the numbers of the whole
            # batch and uses those of its part: the cut into parts does not change what is learnt.
            drawn = torch.Generator(self.device).manual_seed(seed(self.key, "loss", self.step))
            with self.arithmetic.forward():
                loss = self.network.loss(batch, generator=drawn, part=part)
            self.arithmetic.backward(loss)
            total += loss.detach()
        return total


class _Stateful(Protocol):
    """A part of a training that goes into its savepoint."""

    def state_dict(self) -> dict[str, object]: ...

    def load_state_dict(self, state: dict[str, object], /) -> object: ...


class _Interval:
    """Does something at intervals that are long enough to cost little."""

    def __init__(self, every_s: float) -> None:
        self.every_s, self.due = every_s, time.perf_counter() + every_s

    def act_if_due(self, act: Callable[[], None]) -> None:
        started = time.perf_counter()
        if started < self.due:
            return
        act()
        now = time.perf_counter()
        # An act that took t seconds is due again after 50 t at the earliest, unless every_s is 0.
        self.due = now + max(self.every_s, RATIO_TO_COST * (now - started) * bool(self.every_s))


def _fits(network: Network, device: torch.device) -> int:
    return network.at_once * (1 if device.type == "cpu" else PARTS_ON_ACCELERATORS)


def _compile(network: Network) -> None:
    """Compile each layer of a stack for itself: what lies between draws, and would not compile."""
    for stack in [module for module in network.modules() if isinstance(module, nn.ModuleList)]:
        for layer in stack:
            layer.compile()
