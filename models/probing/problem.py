"""What a probe and a metric must offer: functions over independent problems, known by their arrays.

A problem's target is one of five: two classes, several, any number of labels at once, a number, or
a class for every pixel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from terrasweep.models.spec import ModelSpec, ProbeSpec, Target

if TYPE_CHECKING:  # metrics need no torch
    from torch import Tensor

    from terrasweep.models.contract import Network


NOTHING: Final = -1
"""What a map says of a pixel that has no class; it is neither learnt from nor judged."""


@dataclass(frozen=True)
class FinetuneSource:
    """What features are made from: a checkpoint, and the prepared input of all of a task."""

    model: ModelSpec
    network: "Network"
    batch: Mapping[str, "Tensor"]
    """What the network makes features of, settled, first axis the sample."""


@dataclass(frozen=True)
class Problem:
    """One draw of training samples and the test samples it is judged on."""

    train_x: np.ndarray
    """float32 (training samples, features); for maps (training samples, side, side, features);
    where the network itself is trained, int64 (training samples,) of places in `origin`."""
    train_y: np.ndarray
    """int64 (training samples,), classes counted from 0; int64 (training samples, labels) of zeros
    and ones; float64 (training samples,); or int16 maps (training samples, height, width), where
    `NOTHING` has no class."""
    test_x: np.ndarray
    """The same for the test samples."""
    num_classes: int
    """Classes or labels of the task; a draw need not hold all of them. 0 for a number."""
    seed: int
    """Fixes whatever the probe draws."""
    origin: FinetuneSource | None = None
    """The network and its input, for a probe that trains the network itself."""

    @property
    def target(self) -> Target:
        """What is asked for."""
        if self.train_y.ndim == 3:
            return "map"
        return target(self.num_classes, several=self.train_y.ndim == 2)


@dataclass(frozen=True)
class Prediction:
    """What a probe says of the test samples of one problem."""

    labels: np.ndarray
    """int64 (test samples,), int64 (test samples, labels), float64 (test samples,), int16 maps."""
    scores: np.ndarray
    """float64 (test samples, classes or labels); larger is likelier. A number's stands alone, and
    maps have none."""
    notes: tuple[str, ...] = ()
    """What the reader of the row should know, such as `not converged`."""


class Probe(Protocol):
    """A member of the probes: the module `probe.py` in its folder."""

    def fit_predict(self, problems: Sequence[Problem], /, *, spec: ProbeSpec) -> list[Prediction]:
        """Return a prediction per problem, each what it would be were the problem alone."""


class Metric(Protocol):
    """A member of the metrics: one file."""

    HIGHER_IS_BETTER: bool
    JUDGES: tuple[Target, ...]
    """The targets that it can score."""

    def score(self, truth: np.ndarray, prediction: Prediction, /) -> float:
        """Return how well a prediction agrees with the truth."""


def target(num_classes: int, *, several: bool) -> Target:
    """Return what is asked for where there are so many classes, or labels that may be several."""
    if several:
        return "labels"
    return "number" if num_classes == 0 else "binary" if num_classes == 2 else "classes"


def number(values: np.ndarray, *, notes: tuple[str, ...] = ()) -> Prediction:
    """Return the prediction of a number per test sample."""
    labels = values.astype(np.float64)
    return Prediction(labels, labels[:, None], notes)
