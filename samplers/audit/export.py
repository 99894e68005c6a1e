"""What was drawn as GeoParquet, in degrees (EPSG:4326), for QGIS, geopandas and the like.

Cell numbers are written in hexadecimal, as H3 prints them: few programs read 64-bit numbers that
have no sign.
"""

from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import pyarrow as pa

from terrasweep.infra.errors import SpecError
from terrasweep.samplers.geography.cell_polygons import polygons
from terrasweep.samplers.geography.cells import areas_km2, names, parents, resolutions
from terrasweep.samplers.geography.strata import STRATA

CRS: Final = "EPSG:4326"


def samples(manifest: pa.Table) -> gpd.GeoDataFrame:
    """Return a manifest as one point for each sample."""
    lat, lon = (np.asarray(manifest.column(name)) for name in ("lat", "lon"))
    frame = manifest.select(["id", *STRATA, "lat", "lon"]).to_pandas()
    frame["cell"] = names(manifest.column("cell").to_pylist())
    return gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(lon, lat), crs=CRS)


def cells(manifest: pa.Table, *, resolution: int | None = None) -> gpd.GeoDataFrame:
    """Return one polygon for each cell that holds samples, cut where it crosses 180 degrees.

    Args:
        manifest: What was drawn.
        resolution: Of the cells; left out, as fine as the manifest has them.

    Raises:
        SpecError: If the manifest's cells are coarser than that.
    """
    fine = np.asarray(manifest.column("cell"))
    if resolution is not None and fine.size:
        finest = int(resolutions(fine[:1])[0])
        if not 0 <= resolution <= finest:
            got, fix = str(resolution), f"name one from 0 to {finest}"
            raise SpecError("a resolution of cells", got=got, fix=fix)
        fine = parents(fine, resolution=resolution)
    own, counts = np.unique(fine, return_counts=True)
    columns = {"cell": names(own.tolist()), "samples": counts, "km2": areas_km2(own)}
    return gpd.GeoDataFrame(columns, geometry=polygons(own), crs=CRS)


def write_samples(manifest: pa.Table, *, to: Path) -> int:
    """Write the samples and return how many there are."""
    return _write(samples(manifest), to)


def write_cells(manifest: pa.Table, *, to: Path, resolution: int | None) -> int:
    """Write the cells and return how many there are."""
    return _write(cells(manifest, resolution=resolution), to)


def _write(frame: gpd.GeoDataFrame, to: Path) -> int:
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(to, compression="zstd")
    except OSError as error:
        got, fix = error.strerror or str(error), "name another file with --to"
        raise SpecError(f"to write {to}", got=got, fix=fix) from error
    return len(frame)
