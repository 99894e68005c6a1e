"""The fields of a pool of Parquet files."""

from typing import Literal

from pydantic import Field

from samplers.spec import PoolSpec


class ParquetSpec(PoolSpec):
    """One Parquet file, or a folder of them, with a row per sample and its pixels in it."""

    name: Literal["parquet"]
    """Which pool adapter reads it."""
    path: str = Field(min_length=1)
    """The file or folder; it names the pool, so let it be the same on every machine.

    A relative path starts at the folder that TERRASWEEP_POOLS names, or else where one stands.
    """
    content: str | None = None
    """What `terrasweep plan` prints as the content of the files; where it is given, files with
    another content are refused. Files that may change under the same path want it."""
