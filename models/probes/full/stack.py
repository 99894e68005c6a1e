"""Copies of one network, each with its own weights and head, passed as one program.

What learns is stacked; what does not is shared by all. Which weights have a part in the features is
found by asking for their gradients once, so a decoder is not carried along.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from terrasweep.models.contract import Batch, Network
from terrasweep.models.probing.problem import FinetuneSource
from terrasweep.models.spec import FinetuningSpec

BLOCK: Final = re.compile(r"(?:^|\.)blocks\.(\d+)\.")
LAST: Final = re.compile(r"(?:^|\.)(?:norm|head)\.")


class HeadDraw(Protocol):
    """What a stack needs to know of a draw."""

    @property
    def outputs(self) -> int:
        """How many numbers the head says."""

    def generator(self, purpose: str) -> torch.Generator:
        """Return numbers that follow from the draw's seed."""


class Headed(nn.Module):
    """A network with a linear head on its features."""

    def __init__(self, network: Network, head: nn.Module) -> None:
        super().__init__()
        self.network, self.head = network, head

    def forward(self, batch: Batch) -> Tensor:
        """Return the raw outputs, (samples, outputs)."""
        return cast("Tensor", self.head(self.network.encode(batch)))


class Head(nn.Module):
    """A linear layer, perhaps after a learnt scale and shift of each feature."""

    def __init__(self, width: int, outputs: int, *, scaled: bool) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width)) if scaled else None
        self.shift = nn.Parameter(torch.zeros(width)) if scaled else None
        self.linear = nn.Linear(width, outputs)

    def forward(self, x_BD: Tensor) -> Tensor:
        """Return the raw outputs, (samples, outputs)."""
        if self.scale is not None and self.shift is not None:
            x_BD = x_BD * self.scale + self.shift
        return cast("Tensor", self.linear(x_BD))


@dataclass
class NetworkStack:
    """The copies, as many as draws."""

    module: Headed
    tuned: dict[str, Tensor]
    """(copies, ...) of everything that learns."""
    shared: dict[str, Tensor]
    """What does not."""
    origin: FinetuneSource

    @classmethod
    def of(
        cls,
        origin: FinetuneSource,
        *,
        draws: Sequence[HeadDraw],
        recipe: FinetuningSpec,
        learning: "Learning | None" = None,
    ) -> "NetworkStack":
        """Return as many copies of a checkpoint as draws, each with a head of its draw's seed.

        What learns is found out anew, unless it is handed in.
        """
        learning = learning or Learning.of(origin)
        device = next(origin.network.parameters()).device
        heads = [_head(learning.width, draw, recipe=recipe).to(device) for draw in draws]
        weights = dict(origin.network.named_parameters())
        tuned = {
            f"network.{name}": weights[name].detach().expand(len(draws), *weights[name].shape)
            for name in learning.names
        }
        for name, _ in heads[0].named_parameters():
            own = [head.get_parameter(name).detach() for head in heads]
            tuned[f"head.{name}"] = torch.stack(own)
        # `expand` gave every copy the same memory; only a clone can be trained for itself.
        learnt = {name: values.clone().requires_grad_() for name, values in tuned.items()}
        module = Headed(origin.network, heads[0])
        every = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        shared = {name: values.detach() for name, values in every.items() if name not in learnt}
        return cls(module, learnt, shared, origin)

    def __len__(self) -> int:
        return len(next(iter(self.tuned.values())))

    @property
    def device(self) -> torch.device:
        """Where the copies lie."""
        return next(iter(self.tuned.values())).device

    def __call__(self, batch: Batch) -> Tensor:
        """Return the raw outputs, (copies, samples, outputs), of a batch of (copies, samples)."""
        if len(self) == 1:  # without vmap, so that all fused kernels of the CPU can be used
            alone = {name: values[0] for name, values in batch.items()}
            return self._ask({name: one[0] for name, one in self.tuned.items()}, alone)[None]
        with self._attention():
            return vmap(self._ask)(self.tuned, dict(batch))

    def _attention(self) -> AbstractContextManager[None]:
        """Let a CPU stack attention as plain products: its fused kernel knows no copies."""
        on_cpu = self.device.type == "cpu"
        return sdpa_kernel(SDPBackend.MATH) if on_cpu else nullcontext()

    def _ask(self, tuned: Mapping[str, Tensor], batch: Batch) -> Tensor:
        return _called(self.module, {**self.shared, **tuned}, batch)

    def groups(self, recipe: FinetuningSpec) -> Iterator[dict[str, Any]]:
        """Yield what an optimiser moves, by the depth that each weight has in the network."""
        blocks = [int(match[1]) for name in self.tuned if (match := BLOCK.search(name))]
        # Depth 0 embeds, block i has depth i + 1, and the norm and the head have the largest.
        deepest = max(blocks, default=-1) + 2
        by_kind: dict[tuple[int, bool], list[Tensor]] = {}
        for name, values in self.tuned.items():
            # The first axis counts the copies: biases and norms have one more, and do not decay.
            spared = values.ndim - 1 <= 1 or name.endswith(".bias")
            by_kind.setdefault((_depth(name, deepest=deepest), spared), []).append(values)
        for (depth, spared), alike in sorted(by_kind.items(), key=lambda item: item[0]):
            yield {
                "params": alike,
                "weight_decay": 0.0 if spared else recipe.weight_decay,
                "share": recipe.layer_decay ** (deepest - depth),
            }


def _depth(name: str, *, deepest: int) -> int:
    """Return 0 for what embeds, the number of its block from 1 on, and the largest for the rest."""
    if match := BLOCK.search(name):
        return int(match[1]) + 1
    return deepest if LAST.search(name) else 0


@dataclass(frozen=True)
class Learning:
    """What of a network learns when all of it is finetuned."""

    names: tuple[str, ...]
    """The weights that features depend on and that may learn."""
    width: int
    """How wide features are."""

    @classmethod
    def of(cls, origin: FinetuneSource) -> "Learning":
        """Ask for the gradients of one sample's features."""
        device = next(origin.network.parameters()).device
        batch = {name: values[:1].to(device) for name, values in origin.batch.items()}
        leaves = {
            name: weight.detach().requires_grad_()
            for name, weight in origin.network.named_parameters()
            if weight.requires_grad or name in origin.model.thaws
        }
        # A weight that one sample's features do not depend on has no gradient at all (None, not
        # zeros): so a decoder is found without knowing the network.
        with torch.enable_grad():
            features = _features(origin.network, leaves, batch)
            slopes = torch.autograd.grad(features.sum(), list(leaves.values()), allow_unused=True)
        moved = (name for name, slope in zip(leaves, slopes, strict=True) if slope is not None)
        return cls(tuple(moved), int(features.shape[1]))


class _Encoding(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch) -> Tensor:
        return self.network.encode(batch)


def _features(network: Network, weights: Mapping[str, Tensor], batch: Batch) -> Tensor:
    own = {f"network.{name}": weight for name, weight in weights.items()}
    return _called(_Encoding(network), own, batch)


def _called(module: nn.Module, weights: Mapping[str, Tensor], batch: Batch) -> Tensor:
    # A layer that stands in two places is one module: torch would put its weights back only once.
    output = functional_call(module, dict(weights), (dict(batch),), tie_weights=False)
    return cast("Tensor", output)


def _head(width: int, draw: HeadDraw, *, recipe: FinetuningSpec) -> Head:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(draw.generator("head").initial_seed())
        head = Head(width, draw.outputs, scaled=recipe.scaled_head)
        if recipe.head_std is not None:
            nn.init.trunc_normal_(head.linear.weight, std=recipe.head_std)
            nn.init.zeros_(head.linear.bias)
    return head
