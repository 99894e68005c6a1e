"""The fields of the segmentation head."""

from typing import ClassVar, Literal

from pydantic import Field

from terrasweep.models.spec import ProbeSpec, Target


class SegmentSpec(ProbeSpec):
    """Logistic regression on the features of every patch of an image, stretched to its pixels.

    No source says which head the studies put on a frozen network, so all of it is assumed.
    """

    assumed: ClassVar[tuple[str, ...]] = ("c", "standardised", "stretch", "most", "max_iter")
    judges: ClassVar[tuple[Target, ...]] = ("map",)

    name: Literal["segment"]
    c: float = Field(default=1.0, gt=0)
    """Inverse strength of the L2 penalty, per labelled patch, as in scikit-learn."""
    standardised: bool = True
    """Scale each feature to mean 0 and deviation 1 over the patches of the draw."""
    stretch: Literal["bilinear", "nearest"] = "bilinear"
    """How scores of patches become those of pixels; a pixel's class is that of its best score."""
    most: int = Field(default=50_000, gt=0)
    """Most patches that are learnt from; of more, so many are drawn by lot."""
    max_iter: int = Field(default=1000, gt=0)
    """Most Newton iterations; a cell that needs more is flagged."""
