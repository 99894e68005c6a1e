"""Pools whose size their files say: looked into before anything is spent."""

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.contract import CountedPool
from terrasweep.samplers.geography.spec import GeographySpec
from terrasweep.samplers.maps import files
from terrasweep.samplers.members import POOLS
from terrasweep.sweeps.spec.sweep import Sweep


def check_pools(sweep: Sweep) -> dict[str, str]:
    """Look into every pool that lies in files and return its content by model entry.

    Raises:
        PoolError: If a pool cannot be read, or holds fewer samples than a composition asks for.
    """
    contents = {}
    for entry in sweep.models:
        _check_maps(entry.geography)
        adapter = POOLS[entry.pool.name]
        if entry.pool.capacity is not None or not isinstance(adapter, CountedPool):
            continue
        num_samples = adapter.count(entry.pool)
        for composition in sweep.drawn:
            if composition.size > num_samples:
                expected = f"{composition.size:,} samples for composition {composition.name!r}"
                got = f"{num_samples:,} in the pool of {entry.name!r}"
                raise PoolError(expected, got=got, fix="lower size or enlarge the pool")
        contents[entry.name] = adapter.content(entry.pool)
    return contents


def _check_maps(geography: GeographySpec) -> None:
    """Refuse to start without the maps that a sweep names."""
    if geography.ecoregions is not None:
        files.find(geography.ecoregions, what="RESOLVE Ecoregions 2017")
    if geography.land_cover is not None:
        files.find(geography.land_cover.content, what="a land-cover raster")
