"""RESOLVE Ecoregions 2017 as its users have it: biome, realm and ecoregion of any point.

Rock and ice bear no biome. RESOLVE files them under number 11, and whoever does not look takes
Greenland and Antarctica for tundra: in the table their id is 0, in the rasters their realm is.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import shapely

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats import geotiff
from terrasweep.samplers.formats.faults import RejectedRow
from terrasweep.samplers.geography.strata import BIOMES, UNKNOWN
from terrasweep.samplers.maps.files import Map, find

TUNDRA = 11
REALMS = (
    *("none", "afrotropic", "antarctica", "australasia", "indomalayan", "nearctic", "neotropic"),
    *("oceania", "palearctic"),
)
"""By number, as the rasters count them."""
SPELLINGS = {"antarctic": "antarctica", "indo-malay": "indomalayan", "indomalaya": "indomalayan"}
FIELDS = ("ECO_NAME", "BIOME_NUM", "REALM", "ECO_ID")
GET = "give RESOLVE's Ecoregions2017 as it is published, or rasters made of it (docs/geography.md)"

Strata = dict[str, np.ndarray]


class Ecoregions(Protocol):
    """RESOLVE, in whichever form."""

    def at(self, lat: np.ndarray, lon: np.ndarray) -> Strata:
        """Return biome, realm and ecoregion of each point."""


def read(content: str) -> Ecoregions:
    """Return the map of a content, which is read once in each process.

    Raises:
        PoolError: If it is not there, or is not RESOLVE Ecoregions 2017.
    """
    return _opened(find(content, what="RESOLVE Ecoregions 2017"))


def opened(path: Path) -> Ecoregions:
    """Return the map that lies at a path.

    Raises:
        PoolError: If it is not RESOLVE Ecoregions 2017.
    """
    return _opened(Map(path, ""))


@lru_cache(maxsize=2)
def _opened(one: Map) -> Ecoregions:
    return _rasters(one) if one.rasters else _layer(one.path)


@dataclass(frozen=True, eq=False)
class _Table:
    """What is true of each ecoregion; the first line stands for land that has none."""

    biome: np.ndarray
    realm: np.ndarray
    ecoregion: np.ndarray

    def lines(self, numbers: np.ndarray) -> Strata:
        """Return the lines of these numbers."""
        return {name: column[numbers] for name, column in vars(self).items()}


@dataclass(frozen=True, eq=False)
class _Layer:
    """Polygons, each with the line of the table that it belongs to."""

    parts: np.ndarray
    line: np.ndarray
    tree: shapely.STRtree
    table: _Table

    def at(self, lat: np.ndarray, lon: np.ndarray) -> Strata:
        """Return biome, realm and ecoregion of each point."""
        point, part = self.tree.query(shapely.points(lon, lat))
        inside = shapely.intersects_xy(self.parts[part], lon[point], lat[point])
        line = np.full(len(lat), len(self.table.biome))
        np.minimum.at(line, point[inside], self.line[part[inside]])  # on a border the first counts
        return self.table.lines(np.where(line == len(self.table.biome), 0, line))


@dataclass(frozen=True)
class _Rasters:
    """One raster of biomes, one of realms, and perhaps one of ecoregions with their names."""

    biome: Path
    realm: Path
    ecoregion: Path | None
    names: np.ndarray
    """By the ecoregions' ids."""

    def at(self, lat: np.ndarray, lon: np.ndarray) -> Strata:
        """Return biome, realm and ecoregion of each point."""
        biome = _numbers(self.biome, lat=lat, lon=lon, most=len(BIOMES) - 1)
        realm = _numbers(self.realm, lat=lat, lon=lon, most=len(REALMS) - 1)
        ice = (biome == TUNDRA) & (realm == 0)
        number = np.zeros(len(lat), np.int64)
        if self.ecoregion is not None:
            number = _numbers(self.ecoregion, lat=lat, lon=lon, most=len(self.names) - 1)
        return {
            "biome": np.where(ice, 0, biome).astype(np.int16),
            "realm": np.array(REALMS)[realm],
            "ecoregion": self.names[np.where(ice, 0, number)],
        }


def _layer(path: Path) -> Ecoregions:
    import geopandas  # local: slow to load, and embedded maps need none

    try:
        read = geopandas.read_parquet if "parquet" in path.suffix else geopandas.read_file
        regions = read(path)
    except Exception as error:  # GDAL's drivers raise errors of many libraries
        raise _unfit(path, got=" ".join(str(error).split()) or type(error).__name__) from None
    table = _table(regions, path)
    shapes = regions.geometry if regions.crs is None else regions.geometry.to_crs(4326)
    parts, line = shapely.get_parts(np.asarray(shapes), return_index=True)
    if not len(parts) or set(shapely.get_type_id(parts)) != {shapely.GeometryType.POLYGON}:
        raise _unfit(path, got="shapes other than polygons")
    shapely.prepare(parts)
    return _Layer(parts, line + 1, shapely.STRtree(parts), table)


def _table(regions: Any, path: Path) -> _Table:
    missing = [name for name in FIELDS if name not in regions.columns]
    if missing:
        there = ", ".join(str(name) for name in regions.columns)
        raise _unfit(path, got=f"no {', '.join(missing)} among {there}")
    numbers = np.asarray(regions["BIOME_NUM"].fillna(0), np.int16)
    if ((numbers < 0) | (numbers >= len(BIOMES))).any():
        raise _unfit(path, got=f"biome {numbers.max()} in BIOME_NUM, which has 1 to 14")
    ice = np.asarray((regions["ECO_ID"] == 0) | (regions["ECO_NAME"] == "Rock and Ice"), bool)
    realms = [_realm(name) for name in regions["REALM"].fillna("N/A").astype(str)]
    names = np.asarray(regions["ECO_NAME"].fillna(UNKNOWN["ecoregion"]), str)
    return _Table(
        biome=np.concatenate([np.zeros(1, np.int16), np.where(ice, np.int16(0), numbers)]),
        realm=np.array([REALMS[0], *np.where(ice, REALMS[0], realms)], str),
        ecoregion=np.array([UNKNOWN["ecoregion"], *np.where(ice, UNKNOWN["ecoregion"], names)]),
    )


def _realm(name: str) -> str:
    low = name.strip().lower()
    return REALMS[0] if low in ("n/a", "") else SPELLINGS.get(low, low)


def _rasters(one: Map) -> Ecoregions:
    geotiff.check_installed()
    by_role = {path.stem.rpartition("_")[2].lower(): path for path in one.rasters}
    missing = [role for role in ("biome", "realm") if role not in by_role]
    if missing:
        there = ", ".join(path.name for path in one.rasters)
        raise _unfit(one.path, got=f"no GeoTIFF that ends in _{missing[0]} among {there}")
    ecoregion = by_role.get("ecoregion")
    names = np.array([UNKNOWN["ecoregion"]]) if ecoregion is None else _names(one.path)
    return _Rasters(by_role["biome"], by_role["realm"], ecoregion, names)


def _names(folder: Path) -> np.ndarray:
    """Return the ecoregions' names by id, from the table beside the rasters."""
    import geopandas  # local: as above

    tables = sorted(folder.glob("*.dbf"))
    if not tables:
        raise _unfit(folder, got="a raster of ecoregions without Ecoregions2017.dbf beside it")
    table = geopandas.read_file(tables[0], ignore_geometry=True)
    if not {"ECO_ID", "ECO_NAME"} <= set(table.columns):
        raise _unfit(tables[0], got="no ECO_ID or no ECO_NAME")
    names: np.ndarray = np.full(int(table["ECO_ID"].max()) + 1, UNKNOWN["ecoregion"], object)
    known = table[table["ECO_ID"] > 0]
    names[np.asarray(known["ECO_ID"], np.int64)] = np.asarray(known["ECO_NAME"], str)
    return names.astype(np.str_)


def _numbers(path: Path, *, lat: np.ndarray, lon: np.ndarray, most: int) -> np.ndarray:
    """Return a raster's classes; 0 where it has none."""
    try:
        values = geotiff.at(path, lat=lat, lon=lon)
    except RejectedRow as fault:
        raise _unfit(path, got=f"an error: {fault}") from None
    numbers = np.where(np.isfinite(values), values, 0).astype(np.int64)
    if ((numbers < 0) | (numbers > most)).any():
        raise _unfit(path, got=f"class {numbers[(numbers < 0) | (numbers > most)][0]}")
    return numbers


def _unfit(path: Path, *, got: str) -> PoolError:
    return PoolError(f"RESOLVE Ecoregions 2017 in {path}", got=got, fix=GET)
