"""What a network must offer: a torch module that can be pretrained (`loss`) and judged (`encode`).

It knows of no places, no stores and no cluster. What probes and metrics owe is in `judging.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from terrasweep.models.spec import ModelSpec

Arrays: TypeAlias = Mapping[str, np.ndarray]
"""Named arrays whose first axis is the sample."""

Batch: TypeAlias = Mapping[str, Tensor]
"""What `prepare` returns, as tensors on the network's device."""

WHOLE = slice(None)
"""Every sample of a batch."""


class Network(nn.Module, ABC):
    """A module that can be pretrained and that turns samples into features."""

    at_once: int = 128
    """Samples that pass it together while it learns: as many as a CPU's cache and memory take."""

    @abstractmethod
    def loss(self, batch: Batch, *, generator: torch.Generator, part: slice = WHOLE) -> Tensor:
        """Return what the samples of `part` add to the loss of the batch.

        Parts that make up the batch add up to its loss, so workers may share a batch without
        changing what is learnt: each draws the same numbers for the whole batch from its own
        copy of `generator` (on the batch's device) and computes its part alone.
        """

    @abstractmethod
    def encode(self, batch: Batch) -> Tensor:
        """Return one float32 feature vector per sample, of shape (samples, width)."""

    def settled(self, batch: Batch) -> Batch:
        """Return a batch with all worked out that depends on no weight but on what samples hold.

        `encode` has then no choice to make, so several copies of a network can pass as one program.
        """
        return batch

    def seen(self, batch: Batch, *, min_area: float | None, generator: torch.Generator) -> Batch:
        """Return a batch as it is looked at in finetuning: a random `view`, if it has images.

        A view is of at least `min_area` of an image; without it, it is what it is judged on.
        """
        return batch


@runtime_checkable
class HasFrozenTower(Protocol):
    """A network whose frozen part looks at images; what it makes of them may be kept."""

    def image_features(self, images: Tensor, /) -> Tensor:
        """Return what the frozen part makes of images, (samples, its width)."""


@runtime_checkable
class HasMaps(Protocol):
    """A network that makes features of every patch of an image."""

    def maps(self, batch: Batch, /) -> Tensor:
        """Return float32 features of the patches of whole images, (samples, side, side, width)."""


class Architecture(Protocol):
    """A member of the zoo: the module `model.py` in its folder."""

    def build(self, spec: ModelSpec, /) -> Network:
        """Return the network on the CPU, initialised from torch's current generator."""

    def prepare(self, arrays: Arrays, /) -> dict[str, np.ndarray]:
        """Return the network's normalised input, made from raw arrays."""
