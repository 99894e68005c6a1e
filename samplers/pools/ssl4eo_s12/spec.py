"""The fields of SSL4EO-S12."""

from typing import Literal

from pydantic import Field

from terrasweep.samplers.spec.pools import FilesSpec


class Ssl4eoS12Spec(FilesSpec):
    """SSL4EO-S12: `<split>/<0000001>/<granule>/<band>.tif`, one sample per granule.

    `s2c` (L1C, uint16) has B1 B2 B3 B4 B5 B6 B7 B8 B8A B9 B10 B11 B12, `s2a` (L2A, uint16) the same
    without B10, `s1` (float32) VV VH. Places come from the files, months from the granule's name.
    """

    name: Literal["ssl4eo_s12"]
    """Which pool adapter reads it."""
    split: Literal["s2c", "s2a", "s1"] = "s2c"
    """Which of the published parts: Sentinel-2 L1C, L2A or Sentinel-1."""
    size_px: int = Field(default=264, ge=1, le=264)
    """Height and width of every image at 10 m: the middle of a larger one, zeros around a smaller
    one. A band of 20 or 60 m is brought to 10 m by repeating its pixels."""

    @property
    def in_reflectance(self) -> bool:
        """Radar is in dB."""
        return self.split != "s1"
