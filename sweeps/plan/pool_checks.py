"""Pools whose size their files say: looked into before anything is spent."""

from typing import Protocol, cast

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.geography.spec import GeographySpec
from terrasweep.samplers.maps import files
from terrasweep.samplers.members import POOLS
from terrasweep.samplers.spec.pools import PoolSpec
from terrasweep.sweeps.spec.sweep import Sweep


class _Counted(Protocol):
    """A pool adapter that can count its samples without reading them."""

    def count(self, spec: PoolSpec) -> int:
        """Return the number of samples."""

    def content(self, spec: PoolSpec) -> str:
        """Return a digest that changes when the files do."""


def check_pools(sweep: Sweep) -> dict[str, str]:
    """Look into every pool that lies in files and return its content by model entry.

    Raises:
        PoolError: If a pool cannot be read, or holds fewer samples than a composition asks for.
    """
    contents = {}
    for entry in sweep.models:
        _check_maps(entry.geography)
        if entry.pool.capacity is not None or "count" not in vars(POOLS[entry.pool.name]):
            continue
        adapter = cast("_Counted", POOLS[entry.pool.name])
        room = adapter.count(entry.pool)
        for composition in sweep.drawn:
            if composition.size > room:
                expected = f"{composition.size:,} samples for composition {composition.name!r}"
                got = f"{room:,} in the pool of {entry.name!r}"
                raise PoolError(expected, got=got, fix="lower size or enlarge the pool")
        contents[entry.name] = adapter.content(entry.pool)
    return contents


def _check_maps(geography: GeographySpec) -> None:
    """Refuse to start without the maps that a sweep names."""
    if geography.ecoregions is not None:
        files.find(geography.ecoregions, what="RESOLVE Ecoregions 2017")
    if geography.land_cover is not None:
        files.find(geography.land_cover.content, what="a land-cover raster")
