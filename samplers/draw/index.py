"""The columns of the pool's index, of a manifest, and of the list of index files."""

from typing import Final

import pyarrow as pa

from terrasweep.samplers.draw import census

MANIFEST: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("rank_hash", pa.uint64(), nullable=False),
        pa.field("coarse", pa.uint64(), nullable=False),
        pa.field("cell", pa.uint64(), nullable=False),
        *census.STRATA_FIELDS,
        pa.field("lat", pa.float64(), nullable=False),
        pa.field("lon", pa.float64(), nullable=False),
    ]
)


INDEX: Final = MANIFEST.append(pa.field("entropy", pa.float32(), nullable=False)).append(
    pa.field("city_km", pa.float32(), nullable=False)
)
"""What a scan reads of every sample: all but its pixels."""


WHERE: Final = pa.schema(
    [
        pa.field("coarse", pa.uint64(), nullable=False),
        pa.field("index", pa.string(), nullable=False),
    ]
)
"""In which file of the index the samples of each coarse cell stand."""
