"""The spectral entropy of a sample: how evenly its reflectances spread, on average over bands.

For each band, the sample's values (months of a series, pixels of an image) are counted in equal
bins between two values, what lies beyond them in the outermost bins; the entropy of a band is the
Shannon entropy of these counts, and the sample's is the mean over bands. What was not observed is
not counted: in a series zero or less, in an image zero (the margin of a small one) or no number. A
band without values has no entropy and is left out of the mean. A series without any has entropy
zero, an image without any has none.
"""

import json
import math
from collections.abc import Collection, Mapping
from typing import Final, Literal, TypeAlias

import numpy as np

from terrasweep.infra.errors import PoolError
from terrasweep.infra.spec import Json
from terrasweep.samplers.formats.arrays import Arrays
from terrasweep.samplers.spec.entropy import EntropySpec, ImageEntropy, SeriesEntropy
from terrasweep.samplers.spec.pools import PoolSpec

Source: TypeAlias = Literal["series", "image"]

COLUMN: Final[Mapping[Source, str]] = {"series": "x", "image": "image"}
UNITS: Final[Mapping[str, str]] = {"e": "nats", "2": "bits", "10": "hartleys"}
USUAL: Final = EntropySpec()
"""The definition that is used unless a spec names another."""
MEASURED_AT_ONCE: Final = 1 << 22
"""How many values are counted at once, to bound the memory."""


def source(names: Collection[str], *, pool: PoolSpec, spec: EntropySpec) -> Source | None:
    """Return what the entropy of a pool's samples is measured on; nothing if it cannot be.

    Images that hold no reflectances have none unless the spec says which range they have.
    """
    there: list[Source] = [one for one in ("series", "image") if COLUMN[one] in names]
    if "image" in there and not pool.in_reflectance and _range_is_default(spec.image):
        there.remove("image")
    return spec.first if spec.first in there else next(iter(there), None)


def spectral_entropy(columns: Arrays, *, pool: PoolSpec, spec: EntropySpec = USUAL) -> np.ndarray:
    """Return the spectral entropy (float32) of samples; NaN where there is nothing to measure.

    Raises:
        PoolError: If the spec names a band that the samples do not have.
    """
    match source(columns, pool=pool, spec=spec):
        case "series":
            return of_series(columns["x"], how=spec.series)
        case "image":
            return of_images(columns["image"], how=spec.image)
        case _:
            return np.full(len(columns["id"]), np.nan, dtype=np.float32)


def of_series(x: np.ndarray, *, how: SeriesEntropy = USUAL.series) -> np.ndarray:
    """Return the entropy of samples of shape (N, months, bands); zero if nothing was observed."""
    values = np.asarray(x, np.float32)[:, :, _bands(how, x.shape[2])].transpose(0, 2, 1)
    return np.asarray(np.nan_to_num(_mean_entropy(values, seen=values > 0, how=how), nan=0.0))


def of_images(image: np.ndarray, *, how: ImageEntropy = USUAL.image) -> np.ndarray:
    """Return the entropy of samples of shape (N, bands, height, width)."""
    samples, bands = image.shape[:2]
    entropies = np.full(samples, np.nan, dtype=np.float32)
    step = max(1, MEASURED_AT_ONCE // max(1, math.prod(image.shape[1:])))
    for start in range(0, samples, step):
        part = image[start : start + step, _bands(how, bands)]
        values = part.reshape(*part.shape[:2], -1).astype(np.float32)
        seen = np.isfinite(values) & (values != 0)
        entropies[start : start + step] = _mean_entropy(values, seen=seen, how=how)
    return entropies


def definition(of: Source, *, spec: EntropySpec) -> dict[str, Json]:
    """Return how it is measured, in words and numbers, as records and cards keep it."""
    how = spec.series if of == "series" else spec.image
    usual = USUAL.series if of == "series" else USUAL.image
    return {
        "what": "mean over bands of the Shannon entropy of a sample's values in equal bins",
        "of": of,
        "bands": _bands_in_words(of, how),
        "bins": how.bins,
        "low": how.low,
        "high": how.high,
        "log_base": how.log_base,
        "unit": UNITS[how.log_base],
        "assumed": [name for name in how.assumed if getattr(how, name) == getattr(usual, name)],
    }


def names_of(layout: str) -> frozenset[str]:
    """Return the names of the arrays in the line that `layout` in `admit` makes."""
    return frozenset(json.loads(layout))


def _bands_in_words(of: Source, how: SeriesEntropy | ImageEntropy) -> str:
    whole = "all months at once" if of == "series" else "all pixels at once"
    if how.bands is None:
        return f"all bands of an image, {whole}"
    if of == "series" and how.bands == USUAL.series.bands:
        return f"the 11 Sentinel-2 bands of a Presto-format series, B2 to B12, {whole}"
    kind = "a Presto-format series" if of == "series" else "an image"
    return f"the bands {', '.join(map(str, how.bands))} (from 0 on) of {kind}, {whole}"


def _range_is_default(how: ImageEntropy) -> bool:
    return (how.low, how.high) == (USUAL.image.low, USUAL.image.high)


def _bands(how: SeriesEntropy | ImageEntropy, number: int) -> list[int]:
    bands = list(range(number)) if how.bands is None else list(how.bands)
    if max(bands) >= number:
        raise PoolError(
            f"band {max(bands)} for the spectral entropy",
            got=f"samples of {number} bands, 0 to {number - 1}",
            fix="name other `bands` under `entropy`",
        )
    return bands


def _mean_entropy(
    values: np.ndarray, *, seen: np.ndarray, how: SeriesEntropy | ImageEntropy
) -> np.ndarray:
    """Return the mean over bands of values of shape (N, bands, values); NaN if none was seen."""
    samples, bands, _ = values.shape
    # The bins of all bands of all samples are laid out in one row of numbers, so that a single
    # `bincount` counts them: bin b of row r (a band of a sample) has the number r * bins + b. With
    # counts c and total n the entropy -sum(c/n log(c/n)) is log n - sum(c log c) / n, which needs
    # no division for each bin; `maximum` keeps log 0 out where its factor is zero anyway.
    scaled = (np.where(seen, values, how.low) - how.low) * (how.bins / (how.high - how.low))
    place = scaled.clip(0, how.bins - 1).astype(np.int32)
    row = np.arange(samples * bands, dtype=np.int32).reshape(samples, bands, 1)
    counts = np.bincount((row * how.bins + place)[seen], minlength=samples * bands * how.bins)
    counts = counts.reshape(samples, bands, how.bins)
    total = counts.sum(axis=2)
    sums = (counts * np.log(np.maximum(counts, 1))).sum(axis=2)
    each = np.log(np.maximum(total, 1)) - sums / np.maximum(total, 1)
    observed = (total > 0).sum(axis=1)
    mean = each.sum(axis=1) / np.maximum(observed, 1) / _nats(how)
    return np.asarray(np.where(observed > 0, mean.clip(min=0), np.nan), np.float32)


def _nats(how: SeriesEntropy | ImageEntropy) -> float:
    """Return how many nats the unit of entropy is."""
    return 1.0 if how.log_base == "e" else math.log(int(how.log_base))
