"""Major-TOM's metadata.parquet: a row per patch of a product, far more columns than are read."""

from pathlib import Path

import numpy as np
import pandas as pd

from terrasweep.infra.seeds import generator

NUM = 9000


def table() -> pd.DataFrame:
    rng = generator("majortom")
    place = np.arange(NUM)
    return pd.DataFrame(
        {
            "grid_cell": [f"{one // 100}U_{one % 100}R" for one in place],
            "grid_row_u": place // 100,
            "grid_col_r": place % 100,
            "product_id": [f"S2B_MSIL2A_2020{one % 12 + 1:02d}10T101010" for one in place],
            "timestamp": [f"2020-{one % 12 + 1:02d}-10 10:10:10" for one in place],
            "cloud_cover": rng.uniform(0, 100, NUM),
            "nodata": np.zeros(NUM),
            "centre_lat": rng.uniform(-80, 80, NUM),
            "centre_lon": rng.uniform(-180, 180, NUM),
            "crs": "EPSG:32632",
            "parquet_url": "images/part_00001.parquet",
            "parquet_row": place % 500,
        }
    )


def make(folder: Path) -> dict[str, object]:
    folder.mkdir(parents=True, exist_ok=True)
    table().to_parquet(folder / "metadata.parquet", index=False)
    return {"path": str(folder)}
