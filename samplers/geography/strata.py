"""The words for places that rules name; light, for specs are read before anything is loaded."""

import difflib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, Literal, TypeAlias, get_args

from terrasweep.infra.errors import InvalidValueError


class Continent(StrEnum):
    """The six continents that are studied; Antarctica and the open sea are neither."""

    AFRICA = "africa"
    ASIA = "asia"
    EUROPE = "europe"
    NORTH_AMERICA = "north_america"
    OCEANIA = "oceania"
    SOUTH_AMERICA = "south_america"


Stratum: TypeAlias = Literal["continent", "biome", "climate", "land_cover", "realm", "ecoregion"]
"""A column of the shards that a rule may balance or filter on."""

STRATA: Final[tuple[Stratum, ...]] = get_args(Stratum)

UNKNOWN: Final[Mapping[Stratum, str]] = {
    "continent": "none",
    "biome": "0",
    "climate": "0",
    "land_cover": "none",
    "realm": "none",
    "ecoregion": "none",
}
"""What a stratum says of a sample that it knows nothing of."""

BIOMES: Final = (
    "none",
    "tropical moist broadleaf forest",
    "tropical dry broadleaf forest",
    "tropical conifer forest",
    "temperate broadleaf and mixed forest",
    "temperate conifer forest",
    "boreal forest",
    "tropical grassland and savanna",
    "temperate grassland and steppe",
    "flooded grassland",
    "montane grassland",
    "tundra",
    "mediterranean woodland",
    "desert and xeric shrubland",
    "mangrove",
)
"""By number, as RESOLVE Ecoregions 2017 numbers its biomes."""

CLIMATES: Final = (
    *("none", "Af", "Am", "As", "Aw", "BSh", "BSk", "BWh", "BWk", "Cfa", "Cfb", "Cfc"),
    *("Csa", "Csb", "Csc", "Cwa", "Cwb", "Cwc", "Dfa", "Dfb", "Dfc", "Dfd", "Dsa", "Dsb"),
    *("Dsc", "Dsd", "Dwa", "Dwb", "Dwc", "Dwd", "EF", "ET"),
)
"""By code, as Rubel et al. number the climates of Koppen and Geiger; 0 is the open sea."""

LAND_COVERS: Final = (
    *("water", "trees", "grass", "flooded_vegetation", "crops", "shrub_and_scrub", "built"),
    *("bare", "snow_and_ice"),
)
"""By number, as Dynamic World numbers its classes."""

NUMBERED: Final[Mapping[str, Sequence[str]]] = {"biome": BIOMES, "climate": CLIMATES}
"""The strata whose column holds a number, and what each number means."""


def word(over: Stratum, value: object) -> str:
    """Return the one word by which a stratum's column knows a value: `tundra` is biome 11.

    Raises:
        ValueError: With what there is, if the stratum's values are a closed list.
    """
    text = str(value)
    if over in NUMBERED:
        names = NUMBERED[over][1:]
        known = [name.lower() for name in names]
        if text.lower() in known:
            return str(known.index(text.lower()) + 1)
        if text.isdecimal() and 1 <= int(text) <= len(names):
            return str(int(text))
        raise InvalidValueError(
            f"no {over} {value!r}", fix=f"{_meant(text, names)}, or the numbers 1 to {len(names)}"
        )
    continents = [continent.value for continent in Continent]
    if over == "continent" and text not in continents:
        raise InvalidValueError(f"no continent {value!r}", fix=_meant(text, continents))
    if not text or text == UNKNOWN[over]:
        raise InvalidValueError(f"no {over} {value!r}", fix="name a value that samples have")
    return text


def readable(over: Stratum, value: str) -> str:
    """Return a stratum's word as people read it: biome 11 is `11 (tundra)`."""
    names = NUMBERED.get(over, ())
    return f"{value} ({names[int(value)]})" if names and value != UNKNOWN[over] else value


def _meant(text: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(text, known, n=1, cutoff=0.6)
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"{guess}there are {', '.join(known)}"
