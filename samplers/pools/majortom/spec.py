"""The fields of a Major-TOM pool."""

from typing import Literal

from terrasweep.samplers.spec.pools import FilesSpec


class MajortomSpec(FilesSpec):
    """Major-TOM Core: `metadata.parquet`, or the folder that holds it.

    Coordinates and months only: compositions are drawn and looked at, nothing can be trained.
    """

    name: Literal["majortom"]
    """Which pool adapter reads it."""
