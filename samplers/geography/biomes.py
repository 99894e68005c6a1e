"""A biome PROXY: which RESOLVE biome a climate bears, by rules written from their definitions.

No rule is fitted on a map of biomes. Rock and ice count as no biome, and neither mangroves nor
flooded grasslands can be told from the climate. Whoever shows it calls it a proxy.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from terrasweep.samplers.geography import climate, continents
from terrasweep.samplers.geography.grids import Codes
from terrasweep.samplers.geography.strata import BIOMES

NAMES = BIOMES
"""By number, as RESOLVE Ecoregions 2017 numbers its biomes."""

MOIST, DRY, PINE, BROADLEAF, CONIFER, TAIGA, SAVANNA, STEPPE = range(1, 9)
MONTANE, TUNDRA, MEDITERRANEAN, DESERT = range(10, 14)

AFRICA, ASIA, EUROPE = Codes.AFRICA, Codes.ASIA, Codes.EUROPE
NORTH, OCEANIA, SOUTH, RUSSIA = (
    Codes.NORTH_AMERICA,
    Codes.OCEANIA,
    Codes.SOUTH_AMERICA,
    Codes.RUSSIA,
)


@dataclass(frozen=True)
class Rule:
    """Where these climates lie, this biome grows; a later rule overrides an earlier one."""

    climates: str
    biome: int
    on: tuple[int, ...] = ()
    """Continent codes; empty for all."""
    beyond: int = 0
    """Only at least this many degrees from the equator."""


RULES = (
    # Tropical rain keeps a closed forest; a dry season opens it to savanna, or to dry forest
    # where the monsoon is strong (South and South-East Asia, the Pacific slope of Mexico).
    Rule("Af Am", MOIST),
    Rule("As Aw", SAVANNA),
    Rule("As Aw", DRY, on=(ASIA, NORTH)),
    # Deserts everywhere; the hot steppe is the Sahel's and Australia's savanna, but thorn scrub
    # in the rain shadows of India, Mexico and the Caatinga.
    Rule("BWh BWk", DESERT),
    Rule("BSh", DESERT),
    Rule("BSh", SAVANNA, on=(AFRICA, OCEANIA)),
    Rule("BSk", STEPPE),
    Rule("BSk", DESERT, on=(AFRICA, OCEANIA)),
    # Dry summers: sclerophyll woodland, on cooler Pacific coasts conifers, in Chile beeches.
    Rule("Csa Csb Csc", MEDITERRANEAN),
    Rule("Csb Csc", CONIFER, on=(NORTH,), beyond=40),
    Rule("Csb Csc", BROADLEAF, on=(SOUTH,), beyond=37),
    # Warm temperate rain: broadleaf forest; near the tropics evergreen and counted as moist
    # tropical; grass on the Pampas.
    Rule("Cfa Cfb Cfc", BROADLEAF),
    Rule("Cfa Cfb", MOIST, on=(ASIA, SOUTH, AFRICA)),
    Rule("Cfa Cfb", BROADLEAF, on=(ASIA,), beyond=30),
    Rule("Cfa", STEPPE, on=(SOUTH,), beyond=31),
    Rule("Cfb", BROADLEAF, on=(SOUTH,), beyond=36),
    Rule("Cfb", MONTANE, on=(AFRICA,)),
    Rule("Cfb Cfc", CONIFER, on=(NORTH,), beyond=40),
    Rule("Cfc", TAIGA, on=(EUROPE,), beyond=58),
    # Dry winters: miombo savanna, monsoon forest, and grass on the high plateaus.
    Rule("Cwa", SAVANNA),
    Rule("Cwa", MOIST, on=(ASIA,)),
    Rule("Cwa", BROADLEAF, on=(ASIA,), beyond=32),
    Rule("Cwa Cwb", PINE, on=(NORTH,)),
    Rule("Cwb Cwc", MONTANE, on=(AFRICA, SOUTH)),
    Rule("Cwb Cwc", MOIST, on=(ASIA,)),
    Rule("Cwb Cwc", BROADLEAF, on=(ASIA,), beyond=28),
    # Cold winters: forest where summers are warm and wet, steppe inland, taiga to the north,
    # conifers on the mountains south of it.
    Rule("Dfa Dfb Dwa Dwb", BROADLEAF),
    Rule("Dfa", STEPPE, on=(EUROPE, RUSSIA, ASIA)),
    Rule("Dfb", STEPPE, on=(ASIA,), beyond=47),
    Rule("Dfb", STEPPE, on=(NORTH,), beyond=49),
    Rule("Dfc Dfd Dwc Dwd Dsc Dsd", CONIFER),
    Rule("Dfc Dwc Dsc Dwd Dsd", MONTANE, on=(ASIA, SOUTH)),
    Rule("Dfc Dfd Dwc Dwd Dsc Dsd", TAIGA, beyond=50),
    Rule("Dsa Dsb", CONIFER),
    Rule("Dsa Dsb", STEPPE, on=(ASIA,)),
    # Too cold for trees: tundra towards the pole, alpine grass elsewhere; ice bears nothing.
    Rule("ET", MONTANE),
    Rule("ET", TUNDRA, on=(NORTH, EUROPE, RUSSIA), beyond=55),
)


def proxy(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return each point's biome as its place in ``NAMES``; 0 off the six continents and on ice."""
    away = np.abs(np.asarray(lat)).astype(np.int64)
    return np.asarray(_table()[climate.codes(lat, lon), continents.codes(lat, lon), away])


@cache
def _table() -> np.ndarray:
    """Return the rules as one array: climate by continent code by whole degree of latitude."""
    table = np.zeros((len(climate.NAMES), 16, 91), np.int16)
    lands = (AFRICA, ASIA, EUROPE, NORTH, OCEANIA, SOUTH, RUSSIA)
    for rule in RULES:
        for name in rule.climates.split():
            table[climate.NAMES.index(name), list(rule.on or lands), rule.beyond :] = rule.biome
    return table
