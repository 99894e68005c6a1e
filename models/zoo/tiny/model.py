"""A masked autoencoder of two layers over the flattened series: Presto's seam, a thousandth of it.

It reads the same arrays as Presto and hides single values of them.
"""

from collections.abc import Mapping
from typing import Final, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.contract import WHOLE, Batch, Network
from models.spec import ModelSpec
from models.zoo.presto import normalise
from models.zoo.presto.layout import MISSING, NUM_BANDS
from models.zoo.tiny.spec import TinySpec

STEPS: Final = 12
MASK_RATIO: Final = 0.5
NUM_VALUES: Final = STEPS * NUM_BANDS
NUM_INPUTS: Final = NUM_VALUES + STEPS * (MISSING + 1) + 3 + 2


def build(spec: ModelSpec) -> Network:
    """Return a freshly initialised network."""
    assert isinstance(spec, TinySpec)
    return Tiny(spec)


def prepare(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the network's input, made from raw arrays and coordinates."""
    return normalise.prepare(arrays)


class Tiny(Network):
    """One layer in, one layer out."""

    def __init__(self, spec: TinySpec) -> None:
        super().__init__()
        self.encoder = nn.Linear(NUM_INPUTS, spec.width)
        self.decoder = nn.Linear(spec.width, NUM_VALUES)

    def loss(self, batch: Batch, *, generator: torch.Generator, part: slice = WHOLE) -> Tensor:
        """Hide half of the values and return the mean squared error of their prediction."""
        shape = (len(batch["x"]), NUM_VALUES)
        hidden = torch.rand(shape, generator=generator, device=generator.device) < MASK_RATIO
        ours = {name: values[part] for name, values in batch.items()}
        truth = ours["x"].flatten(1)
        seen = truth.masked_fill(hidden[part], 0.0)
        predicted = self.decoder(self._features(ours, seen)).float()
        error = ((predicted - truth).square() * hidden[part]).sum()
        return cast("Tensor", error / hidden.sum().clamp(min=1))

    def encode(self, batch: Batch) -> Tensor:
        """Return the hidden layer."""
        return self._features(batch, batch["x"].flatten(1)).float()

    def _features(self, batch: Batch, values: Tensor) -> Tensor:
        classes = F.one_hot(batch["dynamic_world"], MISSING + 1).flatten(1).float()
        lat, lon = batch["latlon"].deg2rad().unbind(dim=1)
        angle = batch["month"] * (2 * torch.pi / STEPS)
        place = [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin(), angle.sin(), angle.cos()]
        inputs = torch.cat([values, classes, torch.stack(place, dim=1)], dim=1)
        return F.gelu(self.encoder(inputs))
