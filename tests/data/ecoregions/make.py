"""RESOLVE Ecoregions 2017 with four ecoregions that cover the land between 60 N and 40 S."""

from pathlib import Path

import geopandas
from shapely.geometry import box

REGIONS = (
    ("Dry north", 13, "Palearctic", 101, (-180, 20, 180, 60)),
    ("Warm belt", 7, "Afrotropic", 102, (-30, -20, 60, 20)),
    ("Wet west", 1, "Neotropic", 103, (-180, -40, -30, 20)),
    ("Old south", 12, "Australasia", 104, (60, -40, 180, 20)),
    ("Rock and Ice", 11, "N/A", 0, (-180, 60, 180, 84)),
)


def make(folder: Path) -> dict[str, object]:
    rows = [
        {"ECO_NAME": name, "BIOME_NUM": biome, "REALM": realm, "ECO_ID": number}
        for name, biome, realm, number, _ in REGIONS
    ]
    shapes = [box(*bounds) for *_, bounds in REGIONS]
    layer = geopandas.GeoDataFrame(rows, geometry=shapes, crs=4326)
    layer.to_file(folder / "Ecoregions2017.gpkg", driver="GPKG")
    return {"path": str(folder / "Ecoregions2017.gpkg"), "per_continent": 30}
