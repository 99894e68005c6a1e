"""A masked autoencoder of two layers over the flattened year: Presto's seam, a thousandth of it.

It reads the same arrays as Presto and hides single values of them. A year stands from January to
December whenever the series began, and every band is scaled to count alike, so that the few numbers
between its layers hold what months and bands have in common rather than temperature alone. Where
a sample lies it is not told: what it knows of a place is what was seen there.
"""

from collections.abc import Mapping
from typing import Final, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from terrasweep.models.contract import WHOLE, Batch, Network
from terrasweep.models.spec import ModelSpec
from terrasweep.models.zoo.presto import normalise
from terrasweep.models.zoo.presto.layout import MISSING, NUM_BANDS
from terrasweep.models.zoo.tiny.spec import TinySpec

STEPS: Final = 12
MASK_RATIO: Final = 0.5
NUM_VALUES: Final = STEPS * NUM_BANDS
NUM_INPUTS: Final = NUM_VALUES + STEPS * (MISSING + 1)
USUAL: Final = np.array(
    [
        *(0.56, 0.28, 0.09, 0.12, 0.13, 0.16, 0.24, 0.27, 0.27, 0.29, 0.24, 0.18),
        *(0.40, 0.07, 0.33, 0.04, 0.34),
    ],
    dtype=np.float32,
)
"""About the mean of each of Presto's normalised bands over land."""
SPREAD: Final = np.array(
    [
        *(0.11, 0.12, 0.08, 0.08, 0.08, 0.09, 0.11, 0.12, 0.11, 0.12, 0.10, 0.08),
        *(0.43, 0.07, 0.41, 0.04, 0.25),
    ],
    dtype=np.float32,
)
"""About its deviation."""


def build(spec: ModelSpec) -> Network:
    """Return a freshly initialised network."""
    assert isinstance(spec, TinySpec)
    return Tiny(spec)


def prepare(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the network's input, prepared from raw arrays: years from January on."""
    prepared = normalise.series(arrays)
    month = prepared.pop("month")
    if month.ndim == 1:
        month = month[:, None] + np.arange(prepared["x"].shape[1])
    order = np.argsort(month % STEPS, axis=1, kind="stable")
    row = np.arange(len(order))[:, None]
    return {
        **prepared,
        "x": (prepared["x"][row, order] - USUAL) / SPREAD,
        "dynamic_world": prepared["dynamic_world"][row, order],
    }


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
        return F.gelu(self.encoder(torch.cat([values, classes], dim=1)))
