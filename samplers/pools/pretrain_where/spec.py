"""The fields of a pretrain-where pool."""

from typing import ClassVar, Literal

from pydantic import Field

from terrasweep.samplers.spec.pools import FilesSpec


class PretrainWhereSpec(FilesSpec):
    """The sets of pretrain-where: `<region>/<split>_shards/*.tar`, Sentinel-2 L2A patches.

    How a shard is made up inside is not published. Read is what can be told apart without doubt: a
    part of a sample that is a NumPy or GeoTIFF image of the right number of bands, in either order
    of axes, and its place under a name that says latitude and longitude. Everything else is an
    error that says what the shards hold. Images are float32 and, as published, normalised already.
    """

    assumed: ClassVar[tuple[str, ...]] = ("num_bands", "size_px")

    name: Literal["pretrain_where"]
    """Which pool adapter reads it."""
    region: Literal["af", "as", "eu", "na", "sa", "oc", "gl"] = "gl"
    """Which set: a continent's, or the global one (`gl`), an equal part from each of six."""
    split: Literal["train", "val"] = "train"
    """Which shards; some regions have no `val`."""
    num_bands: int = Field(default=13, ge=1, le=32)
    """Bands of an image; the source does not say whether the 13 of Sentinel-2 or fewer."""
    size_px: int = Field(default=96, ge=1, le=1024)
    """Height and width: the middle of a larger image, zeros around a smaller one."""

    @property
    def in_reflectance(self) -> bool:
        """The images are normalised already, and no source says how."""
        return False
