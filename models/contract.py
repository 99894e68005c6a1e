"""What a network and a probe must offer; everything in this room keeps one of these contracts.

A network is a torch module that can be pretrained (`loss`) and judged (`encode`). A probe is a
function over independent problems. Neither knows of places, of stores or of a cluster.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from models.spec import ModelSpec, ProbeSpec

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


class Architecture(Protocol):
    """A member of the zoo: the module `model.py` in its folder."""

    def build(self, spec: ModelSpec, /) -> Network:
        """Return the network on the CPU, initialised from torch's current generator."""

    def prepare(self, arrays: Arrays, /) -> dict[str, np.ndarray]:
        """Return the network's normalised input, made from raw arrays."""


@dataclass(frozen=True)
class Problem:
    """One draw of training samples and the test samples it is judged on."""

    train_x: np.ndarray
    """float32 (training samples, features)."""
    train_y: np.ndarray
    """int64 (training samples,), classes counted from 0."""
    test_x: np.ndarray
    """float32 (test samples, features)."""
    num_classes: int
    """Classes of the task; a draw need not hold all of them."""
    seed: int
    """Fixes whatever the probe draws."""


@dataclass(frozen=True)
class Prediction:
    """What a probe says of the test samples of one problem."""

    labels: np.ndarray
    """int64 (test samples,)."""
    scores: np.ndarray
    """float64 (test samples, classes); larger is likelier."""
    notes: tuple[str, ...] = ()
    """What the reader of the row should know, such as `not converged`."""


class Probe(Protocol):
    """A member of the probes: the module `probe.py` in its folder."""

    def fit_predict(self, problems: Sequence[Problem], /, *, spec: ProbeSpec) -> list[Prediction]:
        """Return a prediction per problem, each what it would be were the problem alone."""


class Metric(Protocol):
    """A member of the metrics: one file."""

    HIGHER_IS_BETTER: bool

    def applies(self, num_classes: int, /) -> bool:
        """Say whether a task of so many classes can be scored by it."""

    def score(self, truth: np.ndarray, prediction: Prediction, /) -> float:
        """Return how well a prediction agrees with the truth."""
