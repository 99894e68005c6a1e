"""What is known of a place: the columns that shards carry and that rules balance or filter on."""

import numpy as np

from terrasweep.samplers.formats.arrays import Arrays
from terrasweep.samplers.geography import biomes, cities, climate, continents
from terrasweep.samplers.geography.continents import Russia
from terrasweep.samplers.geography.spec import GeographySpec
from terrasweep.samplers.geography.strata import LAND_COVERS, UNKNOWN
from terrasweep.samplers.maps import ecoregions
from terrasweep.samplers.maps import land_cover as land_cover_map


def describe(lat: np.ndarray, lon: np.ndarray, *, russia: Russia) -> dict[str, np.ndarray]:
    """Return the continent's name, the biome proxy's number and the Koppen class of each point.

    A point on no continent is ``"none"``, 0 and 0: whoever counts on it must drop and count it.
    """
    continent = continents.names(lat, lon, russia=russia)
    on_land = continent != continents.NONE
    return {
        "continent": continent,
        "biome": biomes.proxy(lat, lon),
        "climate": np.where(on_land, climate.codes(lat, lon), 0).astype(np.int16),
    }


def mapped(columns: Arrays, *, geography: GeographySpec) -> dict[str, np.ndarray]:
    """Return what a user's own maps give instead; where a map has no value, the value is unknown.

    Raises:
        PoolError: If a map is not there, or is not what it should be.
    """
    lat, lon = columns["lat"], columns["lon"]
    strata: dict[str, np.ndarray] = {}
    if geography.ecoregions is not None:
        strata |= ecoregions.read(geography.ecoregions).at(lat, lon)
    if geography.land_cover is not None:
        strata["land_cover"] = land_cover_map.at(geography.land_cover, lat=lat, lon=lon)
    return strata


def surroundings(columns: Arrays) -> dict[str, np.ndarray]:
    """Return what else rules ask of samples: land cover, realm, ecoregion, distance to a city.

    Land cover is the sample's own: the class its Dynamic World names most often. A pool with one of
    these columns of its own keeps it; what no source gives is unknown.
    """
    number = len(columns["id"])
    unknown = {
        over: np.full(number, UNKNOWN[over]) for over in ("land_cover", "realm", "ecoregion")
    }
    if "dynamic_world" in columns:
        unknown["land_cover"] = land_cover(columns["dynamic_world"])
    given = {over: columns[over].astype(str) for over in unknown if over in columns}
    km = cities.distance_km(columns["lat"], columns["lon"]).astype(np.float32)
    return {**unknown, **given, "city_km": km}


def land_cover(dynamic_world: np.ndarray) -> np.ndarray:
    """Return the class that each sample's months or pixels name most often, ties to the first."""
    flat = dynamic_world.reshape(len(dynamic_world), -1)
    times = np.stack([(flat == one).sum(axis=1) for one in range(len(LAND_COVERS))], axis=1)
    names = np.array([*LAND_COVERS, UNKNOWN["land_cover"]])
    return np.asarray(names[np.where(times.any(axis=1), times.argmax(axis=1), len(LAND_COVERS))])
