"""Sets of samples at given places, as an audit looks at them."""

import numpy as np
import pyarrow as pa

from terrasweep.samplers.audit.audit import MAP_RESOLUTION, SampleSet
from terrasweep.samplers.audit.draw_card import effective_number
from terrasweep.samplers.draw import census
from terrasweep.samplers.geography.cells import cells_of
from terrasweep.samplers.intake.describe import describe
from terrasweep.samplers.intake.spectral_entropy import definition
from terrasweep.samplers.spec.entropy import EntropySpec


def holding(lat: np.ndarray, lon: np.ndarray, *, first_id: int = 0) -> SampleSet:
    columns = describe(lat, lon, russia="europe")
    fine = cells_of(lat, lon, resolution=5)
    unknown = pa.array(["none"] * lat.size)
    rows = pa.table(
        {
            "coarse": cells_of(lat, lon, resolution=1),
            **columns,
            **dict.fromkeys(("land_cover", "realm", "ecoregion"), unknown),
        }
    )
    cells, counts = np.unique(cells_of(lat, lon, resolution=MAP_RESOLUTION), return_counts=True)
    return SampleSet(
        size=lat.size,
        held=census.totals(census.count(rows)),
        cells=dict(zip(cells.tolist(), counts.tolist(), strict=True)),
        effective_cells=effective_number(pa.chunked_array([fine])),
        entropies={100: 1, 150: 3},
        definition=definition("series", spec=EntropySpec()),
        lat=lat,
        lon=lon,
        ids=np.arange(first_id, first_id + lat.size),
    )
