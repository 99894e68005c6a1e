"""The real Earth as a pool: chunks of points, each a function of the spec and its number."""

import numpy as np

from terrasweep.infra.seeds import generator
from terrasweep.samplers.geography import observed, patches
from terrasweep.samplers.pools.earth.spec import EarthSpec
from terrasweep.samplers.pools.planet import points

CHUNK = 4096
JANUARY = 0


def chunks(spec: EarthSpec) -> int:
    """Return how many chunks the pool has."""
    return -(-spec.size // CHUNK)


def read(spec: EarthSpec, chunk: int) -> dict[str, np.ndarray]:
    """Return one chunk; a larger pool begins with the same samples.

    Raises:
        IndexError: If the pool has no such chunk.
    """
    if not 0 <= chunk < chunks(spec):
        raise IndexError(f"the pool has {chunks(spec):,} chunks; there is no chunk {chunk}")
    lat, lon = points.draw(generator("earth pool", spec.seed, chunk), CHUNK, land=points.earth())
    count = min(CHUNK, spec.size - chunk * CHUNK)
    lat, lon = lat[:count], lon[:count]
    first = chunk * CHUNK
    return {
        "id": np.array([f"earth-{spec.seed}-{first + row}" for row in range(count)]),
        "lat": lat,
        "lon": lon,
        "month": np.full(count, JANUARY, np.uint8),
        **seen(spec, lat, lon),
    }


def seen(spec: EarthSpec, lat: np.ndarray, lon: np.ndarray) -> dict[str, np.ndarray]:
    """Return the arrays that a spec asks for, at points on land."""
    arrays = {}
    if "series" in spec.arrays:
        arrays["series"] = observed.monthly(lat, lon)
    if "statistics" in spec.arrays:
        arrays["features"] = patches.statistics(
            lat, lon, size_px=spec.size_px, pixel_km=spec.pixel_km
        )
    if "patches" in spec.arrays:
        arrays["image"] = patches.patches(lat, lon, size_px=spec.size_px, pixel_km=spec.pixel_km)
    return arrays
