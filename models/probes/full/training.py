"""The steps of full finetuning: batches, views, losses, and one AdamW for all copies.

Shapes: S copies, n samples of a draw, b samples of a batch, k outputs.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from terrasweep.infra.seeds import seed
from terrasweep.models.contract import Batch
from terrasweep.models.probes.full.looks import looked_at, paths
from terrasweep.models.probes.full.stack import NetworkStack
from terrasweep.models.probing.problem import FinetuneSource
from terrasweep.models.probing.targets import Output
from terrasweep.models.spec import FinetuningSpec

SPARE: Final = 0.5
"""Share of an accelerator's free memory that copies may fill."""
PER_WEIGHT: Final = 4
"""A weight, its gradient and two moments."""
CHUNK: Final = 128
"""Test samples that pass together."""


@dataclass(frozen=True)
class TrainingDraw:
    """What one copy learns from."""

    places: Tensor
    """int64 (n,), samples of the task."""
    y: Tensor
    """float32 (n, k)."""
    seed: int

    @property
    def outputs(self) -> int:
        """How many numbers the head says."""
        return self.y.shape[1]

    def generator(self, purpose: str) -> torch.Generator:
        """Return numbers that follow from the seed alone, on the CPU whatever the device."""
        return torch.Generator().manual_seed(seed("full", purpose, self.seed))


def room(origin: FinetuneSource, *, samples: int) -> int:
    """Return how many copies to train side by side.

    A CPU's cores are busy with one, and more would only leave its cache; an accelerator takes as
    many as half of its free memory holds.
    """
    device = next(origin.network.parameters()).device
    if device.type != "cuda":
        return 1
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, int(SPARE * free / _bytes_of_one(origin, samples=samples, device=device)))


def _bytes_of_one(origin: FinetuneSource, *, samples: int, device: torch.device) -> int:
    """Return what a copy needs while it learns: its states, and what a batch leaves behind."""
    weights = sum(weight.numel() for weight in origin.network.parameters())
    before = torch.cuda.memory_allocated(device)
    places = torch.arange(samples) % len(next(iter(origin.batch.values())))
    batch = {name: values[places].to(device) for name, values in origin.batch.items()}
    kept = origin.network.encode(batch)
    held = torch.cuda.memory_allocated(device) - before
    del kept
    return max(1, 4 * PER_WEIGHT * weights + 2 * held)


def train(
    stack: NetworkStack, draws: Sequence[TrainingDraw], *, output: Output, recipe: FinetuningSpec
) -> None:
    """Move every copy's weights by its own draw."""
    groups = list(stack.groups(recipe))
    optimiser = torch.optim.AdamW(groups, lr=recipe.lr, betas=recipe.betas, fused=True)
    generators = [draw.generator("training") for draw in draws]
    samples = len(draws[0].places)
    size = min(recipe.batch_size, samples)
    steps = math.ceil(samples / size)
    for epoch in range(recipe.epochs):
        orders = [torch.randperm(samples, generator=rng) for rng in generators]
        for step in range(steps):
            own = [order[step * size : (step + 1) * size] for order in orders]
            rate = _rate(recipe, at=epoch + step / steps, size=size)
            for group in optimiser.param_groups:
                group["lr"] = rate * group["share"]
            _learn(stack, draws, own, generators, output=output, recipe=recipe)
            optimiser.step()
            optimiser.zero_grad()


def _rate(recipe: FinetuningSpec, *, at: float, size: int) -> float:
    """Return the learning rate at a time counted in epochs."""
    peak = recipe.lr * (size / recipe.lr_per if recipe.lr_per else 1.0)
    if at < recipe.warmup_epochs:
        return peak * at / recipe.warmup_epochs
    if recipe.decay == "none":
        return peak
    share = (at - recipe.warmup_epochs) / (recipe.epochs - recipe.warmup_epochs)
    return recipe.min_lr + (peak - recipe.min_lr) * 0.5 * (1 + math.cos(math.pi * share))


def _learn(
    stack: NetworkStack,
    draws: Sequence[TrainingDraw],
    own: Sequence[Tensor],
    generators: Sequence[torch.Generator],
    *,
    output: Output,
    recipe: FinetuningSpec,
) -> None:
    """Add up the gradients of one batch of each copy."""
    network, batches, targets = stack.origin.network, [], []
    for draw, rows, rng in zip(draws, own, generators, strict=True):
        batch = {name: values[draw.places[rows]] for name, values in stack.origin.batch.items()}
        seen, y = looked_at(network, batch, draw.y[rows], recipe=recipe, generator=rng)
        batches.append({**seen, **paths(network, len(rows), recipe=recipe, generator=rng)})
        targets.append(y)
    joined = {name: torch.stack([one[name] for one in batches]) for name in batches[0]}
    y_Sbk = torch.stack(targets)
    samples = y_Sbk.shape[1]
    for part in _parts(samples, at_once=_at_once(stack)):
        some = {name: values[:, part].to(stack.device) for name, values in joined.items()}
        wanted = y_Sbk[:, part].to(stack.device)
        losses_Sb = _losses(stack(some), wanted, output=output, smoothing=recipe.smoothing)
        torch.autograd.backward(losses_Sb.sum() / samples)


def _at_once(stack: NetworkStack) -> int:
    """Return how many samples of each copy pass together."""
    return CHUNK if stack.device.type == "cuda" else stack.origin.network.at_once


def _parts(samples: int, *, at_once: int) -> Iterator[slice]:
    return (slice(at, at + at_once) for at in range(0, samples, at_once))


def _losses(raw_Sbk: Tensor, y_Sbk: Tensor, *, output: Output, smoothing: float) -> Tensor:
    """Return each sample's loss, (S, b); labels may be mixed."""
    match output:
        case "identity":
            return (raw_Sbk - y_Sbk).square().mean(dim=2)
        case "sigmoid":
            soft = y_Sbk * (1 - smoothing) + smoothing / 2
            return F.binary_cross_entropy_with_logits(raw_Sbk, soft, reduction="none").mean(dim=2)
        case "softmax":
            soft = y_Sbk * (1 - smoothing) + smoothing / y_Sbk.shape[2]
            return -(soft * raw_Sbk.log_softmax(dim=2)).sum(dim=2)


def predict(stack: NetworkStack, tests: Sequence[Tensor]) -> list[Tensor]:
    """Return what each copy says of its own test samples, (tests, k) on the CPU."""
    longest, outputs = max(len(own) for own in tests), []
    with torch.no_grad():
        for at in range(0, longest, CHUNK):
            # Shorter ones are asked for their last sample again, and not heard.
            place = torch.arange(at, min(at + CHUNK, longest))
            rows = [own[place.clamp(max=len(own) - 1)] for own in tests]
            outputs.append(stack(_gathered(stack, rows)).cpu())
    joined = torch.cat(outputs, dim=1)
    return [own[: len(test)] for own, test in zip(joined, tests, strict=True)]


def _gathered(stack: NetworkStack, rows: Sequence[Tensor]) -> Batch:
    held: Mapping[str, Tensor] = stack.origin.batch
    index = torch.stack(list(rows))
    return {name: values[index].to(stack.device) for name, values in held.items()}
