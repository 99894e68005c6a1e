"""The fields of Presto's pretraining shards."""

from typing import Literal

from pydantic import Field

from terrasweep.samplers.spec.pools import FilesSpec


class PrestoShardsSpec(FilesSpec):
    """Presto's pretraining shards: a folder of `dw_144_shard_*.tar`, or one such tar.

    A sample is a pixel of a tile: 12 of the 24 months from January 2020 on, as `x` (12 months by
    18 bands, raw units) and `dynamic_world` (12 months).
    """

    name: Literal["presto_shards"]
    """Which pool adapter reads it."""
    first_month: int | None = Field(default=None, ge=0, le=12)
    """Which of the 24 months a series begins with; left out, each tile draws one of the first 12
    by its name, the same for all its pixels, as Presto's own loader draws anew every time."""
