"""The spectral entropy of a sample: how evenly its reflectances spread, on average over bands.

For each band, the sample's values (months of a series, pixels of a patch) are counted in equal
bins between two reflectances, values beyond them in the outermost bins; the entropy of a band is
the Shannon entropy of these counts in nats, and the sample's is the mean over bands. A value of
zero or less was not observed and is not counted; a band without values has no entropy and is left
out of the mean; a sample without any has entropy zero.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from infra.spec import Json

SERIES_BANDS = tuple(range(2, 13))
"""The Sentinel-2 bands of a Presto-format series; radar, weather, relief and NDVI do not count."""

BINS = 32
"""Twelve months would fall each into its own bin if bins were as narrow as a patch allows."""

LOW, HIGH = 0.0, 10_000.0

DEFINITION: Final[Mapping[str, Json]] = {
    "what": "mean over bands of the Shannon entropy of a sample's values in equal bins",
    "bands": "the 11 Sentinel-2 bands of a Presto-format series, B2 to B12, all months at once",
    "bins": BINS,
    "low": LOW,
    "high": HIGH,
    "log_base": "e",
    "assumed": ["bands", "bins", "low", "high", "log_base"],
}
"""The definition in words and numbers, as cards print it; no source paper says these settings."""


def spectral_entropy(
    x: np.ndarray,
    *,
    bands: tuple[int, ...] = SERIES_BANDS,
    bins: int = BINS,
    low: float = LOW,
    high: float = HIGH,
) -> np.ndarray:
    """Return the entropy in nats (float32) of samples of shape (N, values, bands)."""
    values = np.asarray(x, np.float32)[:, :, list(bands)]
    samples, _, kept = values.shape
    seen = values > 0
    place = ((values - low) * (bins / (high - low))).clip(0, bins - 1).astype(np.int32)
    row = np.arange(samples * kept, dtype=np.int32).reshape(samples, 1, kept)
    counts = np.bincount((row * bins + place)[seen], minlength=samples * kept * bins)
    return _mean_entropy(counts.reshape(samples, kept, bins))


def _mean_entropy(counts: np.ndarray) -> np.ndarray:
    total = counts.sum(axis=2)
    logs = np.log(np.maximum(counts, 1))
    sums = (counts * logs).sum(axis=2)
    each = np.log(np.maximum(total, 1)) - sums / np.maximum(total, 1)
    observed = (total > 0).sum(axis=1)
    mean = each.sum(axis=1) / np.maximum(observed, 1)
    return np.asarray(mean.clip(min=0), np.float32)
