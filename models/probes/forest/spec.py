"""The fields of the random forest; its defaults are scikit-learn's."""

from typing import ClassVar, Literal

from pydantic import Field

from terrasweep.models.spec import ProbeSpec, Target


class ForestSpec(ProbeSpec):
    """Trees on bootstrap samples of the draw, averaged; the studies do not say how many."""

    assumed: ClassVar[tuple[str, ...]] = ("trees", "min_leaf")
    judges: ClassVar[tuple[Target, ...]] = ("binary", "classes", "labels", "number")

    name: Literal["forest"]
    trees: int = Field(default=100, gt=0)
    """How many trees."""
    min_leaf: int = Field(default=1, gt=0)
    """Fewest training samples of a leaf."""
