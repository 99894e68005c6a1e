"""Simplified outlines of the countries, for maps; nothing is ever decided by them."""

from functools import cache

import numpy as np

from terrasweep.samplers.geography.grids import asset

UNIT = 100.0


@cache
def rings() -> tuple[tuple[str, np.ndarray], ...]:
    """Return the country's name and the closed ring, rows of (lon, lat), of every outline."""
    arrays = asset("outlines")
    names = arrays["name"].tobytes().decode().split("\n")
    ends = np.cumsum(arrays["length"])
    pieces = np.split(arrays["delta"].astype(np.int64), ends[:-1])
    return tuple(
        (names[country], np.cumsum(piece, axis=0) / UNIT)
        for country, piece in zip(arrays["country"].tolist(), pieces, strict=True)
    )
