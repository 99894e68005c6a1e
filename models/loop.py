"""The training loop: plain torch on one CPU or GPU, or on one of several that share each batch.

What is learnt follows from the data, the recipe and the step's key: the order of samples and what
the loss draws are seeded by the key, per epoch and per step, and the loss of a batch is the sum
of its parts. So neither the number of workers nor an interruption changes it.
"""

import io
import math
import time
from typing import Final, Protocol, TypedDict

import torch
import torch.distributed as dist
from torch import Tensor, nn

from infra.errors import TerrasweepError
from infra.seeds import generator, seed
from models.contract import Arrays, Batch, Network
from models.schedule import Schedule
from models.spec import TrainingSpec

MOST_ROWS: Final = 200
"""Rows of history at most, however long the training."""

PARTS_ON_ACCELERATORS: Final = 32
"""How many times the samples of a CPU pass an accelerator together, if its memory takes them."""


class Row(TypedDict):
    """One row of the history; the loss is the mean since the row before."""

    step: int
    epoch: float
    loss: float
    lr: float
    samples_per_s: float


class Savepoint(Protocol):
    """Where a training keeps how far it is, so that it can go on after an interruption."""

    def load(self) -> bytes | None:
        """Return what was saved last, if anything was; every worker asks."""

    def save(self, state: bytes, *, epochs: int) -> None:
        """Keep the state after so many epochs; the first worker alone does."""


class Forgetful:
    """A savepoint that keeps nothing, for trainings that are over in a moment."""

    def load(self) -> bytes | None:
        """Return nothing."""
        return None

    def save(self, state: bytes, *, epochs: int) -> None:
        """Keep nothing."""


def train(
    network: Network,
    arrays: Arrays,
    *,
    training: TrainingSpec,
    key: str,
    device: torch.device,
    savepoint: Savepoint,
) -> list[Row]:
    """Train a network in place on what its `prepare` returned; return the history.

    With a torch process group, every worker calls this with the same arguments.

    Raises:
        TerrasweepError: If the loss is no longer a finite number.
    """
    run = _Run(network.to(device), arrays, training=training, key=key, device=device)
    saved = savepoint.load()
    if saved is not None:
        run.resume(saved)
    while run.step < run.schedule.total_steps:
        run.train_one_epoch()
        if run.rank == 0:
            savepoint.save(run.pack(), epochs=run.step // run.schedule.steps_per_epoch)
    return run.rows


class _Run:
    """One training on its way."""

    def __init__(
        self,
        network: Network,
        arrays: Arrays,
        *,
        training: TrainingSpec,
        key: str,
        device: torch.device,
    ) -> None:
        self.network, self.training, self.key, self.device = network, training, key, device
        self.data = {name: torch.from_numpy(values) for name, values in arrays.items()}
        self.num_samples = len(next(iter(self.data.values())))
        self.schedule = Schedule.of(training, samples=self.num_samples)
        self.optimiser = _optimiser(network, training)
        self.rank = dist.get_rank() if dist.is_initialized() else 0
        self.num_workers = dist.get_world_size() if dist.is_initialized() else 1
        self.stride = network.at_once * (1 if device.type == "cpu" else PARTS_ON_ACCELERATORS)
        self.step = 0
        self.rows: list[Row] = []
        self.losses: list[float] = []  # since the last row
        self.clock, self.samples_timed = time.perf_counter(), 0

    def resume(self, saved: bytes) -> None:
        """Go on from where `pack` was called."""
        state = torch.load(io.BytesIO(saved), map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.rows, self.losses = state["step"], state["rows"], state["losses"]

    def pack(self) -> bytes:
        """Return all that the steps to come depend on."""
        file = io.BytesIO()
        state = {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "rows": self.rows,
            "losses": self.losses,
        }
        torch.save(state, file)
        return file.getvalue()

    def train_one_epoch(self) -> None:
        """Pass over all samples once, in the epoch's own order; the last batch may be smaller."""
        epoch = self.step // self.schedule.steps_per_epoch
        order = generator(self.key, "order", epoch).permutation(self.num_samples)
        self.network.train()
        for chosen in torch.split(torch.from_numpy(order), self.training.batch_size):
            batch = {
                name: values.index_select(0, chosen).to(self.device)
                for name, values in self.data.items()
            }
            self._learn(batch, size=len(chosen))

    def _learn(self, batch: Batch, *, size: int) -> None:
        lr = self.schedule.lr(self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        loss = self._gradients(batch, size=size)
        if not math.isfinite(loss):
            raise TerrasweepError(
                f"wanted a finite loss at step {self.step + 1} "
                f"(epoch {self.step // self.schedule.steps_per_epoch + 1})",
                found=str(loss),
                do="lower lr, set clip_norm, or look for values that are no numbers in the pool",
            )
        if self.training.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.training.clip_norm)
        self.optimiser.step()
        self.step += 1
        self._note(loss, lr=lr, size=size)

    def _gradients(self, batch: Batch, *, size: int) -> float:
        """Leave the whole batch's gradients in the network; return the whole batch's loss."""
        start, stop = (size * rank // self.num_workers for rank in (self.rank, self.rank + 1))
        total = None
        while total is None:
            try:
                total = self._add_up(batch, start=start, stop=stop)
            except torch.OutOfMemoryError:
                if self.stride == 1:
                    raise
                self.stride //= 2
        if self.num_workers > 1:
            _sum_over_workers([total, *_gradients_of(self.network)])
        return float(total)

    def _add_up(self, batch: Batch, *, start: int, stop: int) -> Tensor:
        """Leave the gradients of a worker's samples in the network; return their loss."""
        self.optimiser.zero_grad(set_to_none=False)
        total = torch.zeros((), device=self.device)
        for first in range(start, stop, self.stride):
            part = slice(first, min(first + self.stride, stop))
            drawn = torch.Generator(self.device).manual_seed(seed(self.key, "loss", self.step))
            with torch.autocast(
                self.device.type, torch.bfloat16, enabled=self.training.precision == "bfloat16"
            ):
                loss = self.network.loss(batch, generator=drawn, part=part)
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return total

    def _note(self, loss: float, *, lr: float, size: int) -> None:
        self.losses.append(loss)
        self.samples_timed += size
        total = self.schedule.total_steps
        if self.step % math.ceil(total / MOST_ROWS) and self.step != total:
            return
        now = time.perf_counter()
        row = Row(
            step=self.step,
            epoch=self.step / self.schedule.steps_per_epoch,
            loss=math.fsum(self.losses) / len(self.losses),
            lr=lr,
            samples_per_s=self.samples_timed / (now - self.clock),
        )
        self.rows.append(row)
        self.losses, self.clock, self.samples_timed = [], now, 0


def _optimiser(network: Network, training: TrainingSpec) -> torch.optim.AdamW:
    """Return AdamW that spares biases and one-dimensional weights from decay."""
    learnt = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    spared = [p for name, p in learnt if p.ndim <= 1 or name.endswith(".bias")]
    decayed = [p for name, p in learnt if p.ndim > 1 and not name.endswith(".bias")]
    for _, parameter in learnt:
        parameter.grad = torch.zeros_like(parameter)  # a worker without samples adds nothing
    groups = [
        {"params": decayed, "weight_decay": training.weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=training.lr, betas=training.betas, fused=True)


def _gradients_of(network: Network) -> list[Tensor]:
    return [p.grad for p in network.parameters() if p.grad is not None]


def _sum_over_workers(tensors: list[Tensor]) -> None:
    """Add up tensors over all workers, in place and in one message."""
    flat = torch.cat([tensor.reshape(-1).float() for tensor in tensors])
    dist.all_reduce(flat)
    sizes = [tensor.numel() for tensor in tensors]
    for tensor, summed in zip(tensors, torch.split(flat, sizes), strict=True):
        tensor.copy_(summed.view_as(tensor))
