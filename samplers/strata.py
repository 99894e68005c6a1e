"""What is known of a place: the columns that shards carry and that rules balance or filter on."""

import numpy as np

from samplers.geography import biomes, climate, continents
from samplers.geography.continents import Russia


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
