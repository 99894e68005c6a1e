"""From the countries of Natural Earth to the continent raster and the outlines; build time only.

The raster is filled by scan lines, in numpy alone: the same bytes with any version of GEOS.
"""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from terrasweep.samplers.geography.grids import Codes

ROWS, COLS, STEP = 1800, 3600, 0.1
SNAP = 0.5
"""How many degrees off a polygon a point may lie and still belong to it."""
DENSE = 0.02
OUTLINE_STEP, OUTLINE_MIN_AREA, OUTLINE_UNIT = 0.1, 0.1, 100

SHAPES = "cropharvest/country_shapefile/ne_50m_admin_0_countries"

CONTINENTS = {
    "Africa": Codes.AFRICA,
    "Asia": Codes.ASIA,
    "Europe": Codes.EUROPE,
    "North America": Codes.NORTH_AMERICA,
    "Oceania": Codes.OCEANIA,
    "South America": Codes.SOUTH_AMERICA,
    "Antarctica": Codes.ANTARCTICA,
}

COUNTRIES = {
    "Russia": Codes.RUSSIA,
    # The rows that say "Seven seas": by the United Nations' region; the others belong nowhere.
    "Seychelles": Codes.AFRICA,
    "Mauritius": Codes.AFRICA,
    "Saint Helena": Codes.AFRICA,
    "Maldives": Codes.ASIA,
}

OVERSEAS = (  # west, south, east, north: what France has elsewhere is drawn as part of France
    ((-55.0, 2.0, -51.0, 6.5), Codes.SOUTH_AMERICA),  # French Guiana
    ((-62.0, 14.0, -60.5, 17.0), Codes.NORTH_AMERICA),  # Guadeloupe, Martinique
    ((44.5, -13.5, 46.0, -12.0), Codes.AFRICA),  # Mayotte
    ((55.0, -21.6, 56.0, -20.5), Codes.AFRICA),  # Reunion
)


@dataclass(frozen=True)
class Part:
    """One polygon of a country: its rings as rows of (lon, lat), and its continent's code."""

    country: str
    code: int
    rings: tuple[np.ndarray, ...]


def read(wheel: Path) -> Any:
    """Return the countries as a table with geometries."""
    import geopandas

    kept = io.BytesIO()
    with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(kept, "w") as shapes:
        for end in ("shp", "shx", "dbf"):
            shapes.writestr(f"countries.{end}", whole.read(f"{SHAPES}.{end}"))
    kept.seek(0)
    return geopandas.read_file(kept)


def parts(countries: Any) -> list[Part]:
    """Return every polygon with the continent it belongs to."""
    polygons = []
    for row in countries.explode(index_parts=False).itertuples():
        west, south, east, north = row.geometry.bounds
        code = COUNTRIES.get(row.NAME, CONTINENTS.get(row.CONTINENT, Codes.NONE))
        for box, elsewhere in OVERSEAS:
            inside = box[0] <= west and box[1] <= south and east <= box[2] and north <= box[3]
            code = elsewhere if inside and code == Codes.EUROPE else code
        rings = (row.geometry.exterior, *row.geometry.interiors)
        polygons.append(Part(row.NAME, code, tuple(np.array(ring.coords) for ring in rings)))
    return polygons


def continents(countries: Any) -> np.ndarray:
    """Return the continent raster: land by scan lines, then the half degree around it."""
    polygons = parts(countries)
    raster = np.zeros((ROWS, COLS), np.uint8)
    for code in sorted({part.code for part in polygons}):
        rings = [ring for part in polygons if part.code == code for ring in part.rings]
        raster[_fill(rings)] = code | Codes.LAND
    snapped = _snap(raster, parts=polygons)
    return np.where(raster == 0, snapped, raster)


def outlines(countries: Any) -> dict[str, np.ndarray]:
    """Return simplified rings of all countries, delta-coded in hundredths of a degree."""
    names = sorted(set(countries.NAME))
    rings, owners = [], []
    for row in countries.explode(index_parts=False).itertuples():
        shape = row.geometry.simplify(OUTLINE_STEP)
        if row.geometry.area < OUTLINE_MIN_AREA or row.CONTINENT == "Antarctica":
            continue
        points = np.rint(np.array(shape.exterior.coords) * OUTLINE_UNIT).astype(np.int32)
        rings.append(np.diff(points, axis=0, prepend=np.zeros((1, 2), np.int32)))
        owners.append(names.index(row.NAME))
    return {
        "delta": np.concatenate(rings).astype(np.int16),
        "length": np.array([len(ring) for ring in rings], np.int32),
        "country": np.array(owners, np.int16),
        "name": np.frombuffer("\n".join(names).encode(), np.uint8),
    }


def _fill(rings: list[np.ndarray]) -> np.ndarray:
    """Return whether the middle of each cell lies inside the rings, by the even-odd rule."""
    # For every edge: the rows whose middles it crosses, and where. `first` is the first such row
    # from the north and `crossed` their number; `repeat` writes one line for each crossing.
    start = np.concatenate([ring[:-1] for ring in rings])
    end = np.concatenate([ring[1:] for ring in rings])
    upper, lower = np.maximum(start[:, 1], end[:, 1]), np.minimum(start[:, 1], end[:, 1])
    first = np.ceil((90 - upper) / STEP - 0.5).astype(np.int64)
    crossed = np.maximum(np.ceil((90 - lower) / STEP - 0.5).astype(np.int64) - first, 0)
    edge = np.repeat(np.arange(len(start)), crossed)
    row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(crossed) - crossed, crossed)
    lat = 90 - STEP * (row + 0.5)
    slope = (end[edge, 0] - start[edge, 0]) / (end[edge, 1] - start[edge, 1])
    lon = start[edge, 0] + (lat - start[edge, 1]) * slope
    col = np.clip(np.ceil((lon + 180) / STEP - 0.5).astype(np.int64), 0, COLS)
    # A cell is inside if an odd number of crossings lies to the west of its middle.
    crossings = np.zeros((ROWS, COLS + 1), np.int32)
    np.add.at(crossings, (row, col), 1)
    return np.asarray(np.cumsum(crossings, axis=1)[:, :COLS] % 2 == 1)


def _snap(raster: np.ndarray, *, parts: list[Part]) -> np.ndarray:
    """Return for each empty cell the code of the nearest polygon within reach."""
    from scipy.spatial import cKDTree

    edges = [(_dense(ring), part.code) for part in parts for ring in part.rings]
    points = np.concatenate([ring for ring, _ in edges])
    codes = np.concatenate([np.full(len(ring), code, np.uint8) for ring, code in edges])
    near = [points + np.array([shift, 0]) for shift in (-360.0, 0.0, 360.0)]  # 180 E is 180 W
    tree = cKDTree(np.concatenate(near))
    row, col = np.nonzero(raster == 0)
    middles = np.stack([STEP * (col + 0.5) - 180, 90 - STEP * (row + 0.5)], axis=1)
    _, nearest = tree.query(middles, distance_upper_bound=SNAP)
    snapped = np.zeros_like(raster)
    within = nearest < 3 * len(codes)
    snapped[row[within], col[within]] = np.tile(codes, 3)[nearest[within]]
    return snapped


def _dense(ring: np.ndarray) -> np.ndarray:
    """Return a ring with points so close that the nearest one is as good as the nearest edge."""
    steps = np.ceil(np.hypot(*np.diff(ring, axis=0).T) / DENSE).astype(np.int64).clip(1)
    edge = np.repeat(np.arange(len(steps)), steps)
    along = (np.arange(len(edge)) - np.repeat(np.cumsum(steps) - steps, steps)) / steps[edge]
    return np.asarray(ring[edge] + (ring[edge + 1] - ring[edge]) * along[:, None])
