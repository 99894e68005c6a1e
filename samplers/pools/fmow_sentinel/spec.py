"""The fields of fMoW-Sentinel."""

from typing import ClassVar, Literal

from pydantic import Field

from terrasweep.samplers.spec.pools import FilesSpec


class FmowSentinelSpec(FilesSpec):
    """fMoW-Sentinel (SatMAE): `<split>.csv` and `<split>/<category>/<place>/<image>.tif`.

    An image has the 13 bands of Sentinel-2 L1C in this order, as float32: B1 B2 B3 B4 B5 B6 B7 B8
    B8A B9 B10 B11 B12. Places come from the column `polygon` (WKT, longitude first) of the CSV, or
    from `lat` and `lon` where it has them; images from `image_path` where it has that.
    """

    assumed: ClassVar[tuple[str, ...]] = ("size_px",)

    name: Literal["fmow_sentinel"]
    """Which pool adapter reads it."""
    split: Literal["train", "val", "test"] = "train"
    """Which of the published splits."""
    size_px: int = Field(default=96, ge=1, le=1024)
    """Height and width of every image: the middle of a larger one, zeros around a smaller one; the
    published ones have 45 to 96 pixels and more."""
