"""Biome, realm x biome or ecoregion at points that fall evenly on the land of each continent."""

from functools import lru_cache

import numpy as np

from terrasweep.infra.errors import PoolError
from terrasweep.infra.seeds import generator
from terrasweep.samplers.geography.strata import BIOMES, UNKNOWN, Continent
from terrasweep.samplers.maps import ecoregions
from terrasweep.samplers.pools.planet import points
from terrasweep.samplers.sources import task_files
from terrasweep.samplers.tasks.ecoregions.spec import EcoregionsSpec

GET = "RESOLVE Ecoregions 2017 is at https://ecoregions.appspot.com"


def classes(spec: EcoregionsSpec) -> tuple[str, ...]:
    """Return the names of the classes that occur, in order of their labels."""
    return tuple(np.unique(_drawn(spec)[2]).tolist())


def read(spec: EcoregionsSpec) -> dict[str, np.ndarray]:
    """Return the labelled points, continent after continent.

    Raises:
        TaskError: If the file is missing.
        PoolError: If it is not RESOLVE Ecoregions 2017.
    """
    lat, lon, names = _drawn(spec)
    _, label = np.unique(names, return_inverse=True)
    ids = [f"ecoregions-{spec.seed}-{number}" for number in range(len(lat))]
    columns = task_files.columns(spec, ids=ids, lat=lat, lon=lon, label=label.astype(np.int64))
    return {name: column[columns["continent"] != "none"] for name, column in columns.items()}


@lru_cache(maxsize=2)
def _drawn(spec: EcoregionsSpec) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    path = task_files.place(spec)
    if not path.exists():
        holds = "Ecoregions2017.shp, or a folder of rasters made of it,"
        raise task_files.incomplete(path.parent, holds=holds, get=GET, got=f"no {path.name}")
    regions = ecoregions.opened(path)
    each = [_continent(spec, continent.value) for continent in Continent]
    lat, lon = (np.concatenate(parts) for parts in zip(*each, strict=True))
    names = _names(regions.at(lat, lon), spec=spec)
    known = names != UNKNOWN["ecoregion"]
    if not known.any():
        raise PoolError(
            f"the {spec.label} of points in {path}",
            got="none anywhere",
            fix="give the layer, or a raster of it; " + GET,
        )
    return lat[known], lon[known], names[known]


def _continent(spec: EcoregionsSpec, continent: str) -> tuple[np.ndarray, np.ndarray]:
    rng = generator("ecoregions", spec.seed, continent)
    land = points.continent(continent, russia=spec.russia)
    return points.draw(rng, spec.per_continent, land=land)


def _names(at: ecoregions.Strata, *, spec: EcoregionsSpec) -> np.ndarray:
    if spec.label == "ecoregion":
        return np.asarray(at["ecoregion"], str)
    biome, unknown = np.array(BIOMES)[at["biome"]], UNKNOWN["ecoregion"]
    if spec.label == "biome":
        return np.where(at["biome"] > 0, biome, unknown)
    both = np.char.add(np.char.add(at["realm"].astype(str), ": "), biome)
    known = (at["biome"] > 0) & (at["realm"] != UNKNOWN["realm"])
    return np.where(known, both, unknown)
