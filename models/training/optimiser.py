"""AdamW as masked autoencoders use it, its learning rate, and sums of gradients over workers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from terrasweep.models.contract import Network
from terrasweep.models.spec import TrainingSpec


def optimiser(network: Network, training: TrainingSpec) -> torch.optim.AdamW:
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


def gradients_of(network: Network) -> list[Tensor]:
    """Return the gradients of all that learns."""
    return [p.grad for p in network.parameters() if p.grad is not None]


def sum_over_workers(tensors: Sequence[Tensor]) -> None:
    """Add up tensors over all workers, in place and in one message."""
    flat = torch.cat([tensor.reshape(-1).float() for tensor in tensors])
    dist.all_reduce(flat)
    sizes = [tensor.numel() for tensor in tensors]
    for tensor, summed in zip(tensors, torch.split(flat, sizes), strict=True):
        tensor.copy_(summed.view_as(tensor))


def from_the_first(state: bytes | None, *, device: torch.device) -> bytes | None:
    """Return the first worker's bytes, so that all go on from the same; alone, one's own."""
    if not dist.is_initialized():
        return state
    size = torch.tensor([-1 if state is None else len(state)], device=device)
    dist.broadcast(size, src=0)
    if size.item() < 0:
        return None
    if state is None:
        sent = torch.empty(int(size.item()), dtype=torch.uint8, device=device)
    else:
        sent = torch.frombuffer(bytearray(state), dtype=torch.uint8).to(device)
    dist.broadcast(sent, src=0)
    return sent.cpu().numpy().tobytes()


@dataclass(frozen=True)
class LearningRateSchedule:
    """The steps of a training and the learning rate of each."""

    peak: float
    steps_per_epoch: int
    warmup_steps: int
    total_steps: int
    is_level: bool = False
    """Whether the peak is kept to the end."""

    @classmethod
    def of(cls, training: TrainingSpec, *, samples: int) -> "LearningRateSchedule":
        """Lay out the steps; the last batch of an epoch may be smaller and counts as one."""
        per_epoch = math.ceil(samples / training.batch_size)
        warmup = round(training.warmup_epochs * per_epoch)
        total, is_level = training.epochs * per_epoch, training.decay == "none"
        return cls(training.lr, per_epoch, warmup, total, is_level)

    def lr(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0; no step stands still."""
        if step < self.warmup_steps:
            return self.peak * (step + 1) / self.warmup_steps
        if self.is_level:
            return self.peak
        share = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        return self.peak * 0.5 * (1 + math.cos(math.pi * share))
