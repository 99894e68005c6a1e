"""The land-area truth: how much land of the six continents each value of a stratum has.

It comes from the embedded rasters, where biomes are the proxy's, or from a user's own maps. It is
what a set of samples is held against: one drawn evenly over the land has these shares, but for the
luck of the draw.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Final

import numpy as np

from terrasweep.infra.errors import PoolError
from terrasweep.infra.seeds import generator
from terrasweep.samplers.geography import biomes, climate, continents
from terrasweep.samplers.geography.continents import Russia
from terrasweep.samplers.geography.land import squares
from terrasweep.samplers.geography.spec import GeographySpec
from terrasweep.samplers.geography.strata import STRATA, UNKNOWN, Stratum
from terrasweep.samplers.intake.describe import mapped

SQUARE: Final = 0.1
"""Degrees from one square of the raster to the next."""


EMBEDDED: Final = GeographySpec()
"""No map of a user's own."""
OWN_STEP: Final = 3
"""A user's own maps are looked up in every third square of every third row: polygons are slow."""


def land_shares(
    *, russia: Russia = "europe", geography: GeographySpec = EMBEDDED
) -> Mapping[Stratum, Mapping[str, float]]:
    """Return, for the strata that the maps know, each value's share of the land.

    A stratum that a user's own map tells has that map's shares; where the map is not at hand, none.
    """
    shares, own = dict(_embedded(russia)), []
    if geography.ecoregions is not None:
        shares.pop("biome")
        own.append(GeographySpec(ecoregions=geography.ecoregions))
    if geography.land_cover is not None:
        own.append(GeographySpec(land_cover=geography.land_cover))
    for one in own:
        with suppress(PoolError):  # cards are looked at where maps need not be
            shares |= _own(one.model_dump_json())
    return shares


@cache
def _embedded(russia: Russia) -> Mapping[Stratum, Mapping[str, float]]:
    lat, lon, km2 = squares()
    words: dict[Stratum, np.ndarray] = {
        "biome": biomes.proxy(lat, lon).astype(str),
        "climate": climate.codes(lat, lon).astype(str),
        "continent": continents.names(lat, lon, russia=russia),
    }
    return {over: _shares(own, km2, unknown=UNKNOWN[over]) for over, own in words.items()}


@cache
def _own(geography: str) -> Mapping[Stratum, Mapping[str, float]]:
    """Return the shares that one map of a user's own tells, said as JSON."""
    lat, lon, km2 = squares()
    row, column = (np.floor(at / SQUARE).astype(np.int64) for at in (lat, lon))
    some = (row % OWN_STEP == 0) & (column % OWN_STEP == 0)
    at = {"lat": lat[some], "lon": lon[some]}
    values = mapped(at, geography=GeographySpec.model_validate_json(geography))
    return {
        over: _shares(values[over].astype(str), km2[some], unknown=UNKNOWN[over])
        for over in STRATA
        if over in values
    }


def points_on_land(count: int, *, purpose: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the latitudes and longitudes of points drawn evenly over the land."""
    lat, lon, km2 = squares()
    rng, upto = generator("land", purpose), np.cumsum(km2)
    place = np.searchsorted(upto, rng.random(count) * upto[-1], side="right")
    off = rng.random((2, count)) - 0.5
    return lat[place] + SQUARE * off[0], lon[place] + SQUARE * off[1]


def _shares(words: np.ndarray, km2: np.ndarray, *, unknown: str) -> dict[str, float]:
    values, place = np.unique(words, return_inverse=True)
    area = dict(zip(values.tolist(), np.bincount(place, weights=km2).tolist(), strict=True))
    area.pop(unknown, None)
    whole = sum(area.values())
    return {value: own / whole for value, own in area.items()}
