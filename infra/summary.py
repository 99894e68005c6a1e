"""Mean, std and interval of a group of ledger values: one definition for tables and mirror."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95
LESS_IS_BETTER = frozenset({"log_loss", "rmse"})
"""Metrics of which less is better."""


@dataclass(frozen=True)
class Spread:
    """What a group of values says about their mean; ``None`` where too few values say nothing."""

    mean: float
    std: float | None
    """Over all values, ddof 1, as the studies print it."""
    median: float
    iqm: float
    """Mean of the middle half of all values: sturdier than the mean, surer than the median."""
    low: float | None
    high: float | None
    num_values: int
    num_replicates: int

    @property
    def has_luck(self) -> bool:
        """Whether the interval contains the luck of the pretraining run."""
        return self.num_replicates > 1


def spread(by_replicate: Mapping[int, Sequence[float]]) -> Spread:
    """Return mean, std and Student's interval of the mean; needs at least one value.

    The unit is the replicate where there are several, else the finetune seed: fifty seeds
    on one pretraining run are not fifty pretraining runs.
    """
    groups = [np.asarray(values, dtype=np.float64) for values in by_replicate.values() if values]
    values = np.concatenate(groups)
    units = values if len(groups) == 1 else np.array([group.mean() for group in groups])
    mean = float(units.mean())
    half = half_width(units)
    return Spread(
        mean=mean,
        std=float(values.std(ddof=1)) if values.size > 1 else None,
        median=float(np.median(values)),
        iqm=interquartile_mean(values),
        low=None if half is None else mean - half,
        high=None if half is None else mean + half,
        num_values=int(values.size),
        num_replicates=len(groups),
    )


def interquartile_mean(values: np.ndarray) -> float:
    """Return the mean of the values less the lowest and the highest quarter, rounded down."""
    cut = values.size // 4
    return float(np.sort(values)[cut : values.size - cut].mean())


def half_width(units: np.ndarray) -> float | None:
    """Return half the width of Student's interval for the mean; ``None`` below two units."""
    if units.size < 2:
        return None
    error = float(units.std(ddof=1)) / float(np.sqrt(units.size))
    return float(stdtrit(units.size - 1, 0.5 + CONFIDENCE / 2)) * error
