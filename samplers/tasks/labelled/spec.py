"""The fields of a user's own labelled file."""

from typing import Literal

from pydantic import Field

from terrasweep.samplers.spec.tasks import FiledTaskSpec, Target


class LabelledSpec(FiledTaskSpec):
    """A Parquet or GeoParquet file with a row per sample.

    A row has `id`, its place as `lat` and `lon` or as the geometry, a label, perhaps `month` (0 to
    11) and `split` (`train` or `test`), and its arrays as fixed-size lists.
    """

    name: Literal["labelled"]
    """Which task."""
    label: str = Field(default="label", min_length=1)
    """The column of labels: words or whole numbers for classes, numbers, or lists of zeros and
    ones."""
    asks: Target = "classes"
    """What the label is."""
    arrays: tuple[str, ...] = ()
    """The columns that hold arrays: `x` and `dynamic_world` for series, `image` for patches."""
    split: str | None = None
    """The column of an official split, if the file has one."""
    metric: str = "f1_macro"
    """The primary metric; it must fit what is asked."""

    @property
    def target(self) -> Target:
        """What it asks of a sample."""
        return self.asks

    @property
    def gives(self) -> tuple[str, ...]:
        """The arrays of a sample, beside its coordinates."""
        return (*self.arrays, "month")

    @property
    def has_official_split(self) -> bool:
        """Say whether a column is one."""
        return self.split is not None
