"""The fields of S2-100K."""

from typing import Literal

from pydantic import Field

from terrasweep.samplers.spec.pools import FilesSpec


class S2100kSpec(FilesSpec):
    """S2-100K (SatCLIP): `index.csv`, and patches in `images/` or in `data/*.tar`.

    An image has the 12 bands of Sentinel-2 L2A in this order, as uint16: B1 B2 B3 B4 B5 B6 B7 B8
    B8A B9 B11 B12. The index does not say when a patch was seen: the month is unknown (255).
    """

    name: Literal["s2_100k"]
    """Which pool adapter reads it."""
    size_px: int = Field(default=256, ge=1, le=256)
    """Height and width of every image: the middle of a larger patch, zeros around a smaller one."""
    min_bytes: int = Field(default=10_000, ge=0)
    """Smaller files are rejected, as SatCLIP's own loader skips them: they are all but empty."""
