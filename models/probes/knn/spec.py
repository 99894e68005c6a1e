"""The fields of the nearest neighbours."""

from typing import ClassVar, Literal

from pydantic import Field

from terrasweep.models.spec import ProbeSpec, Target


class KnnSpec(ProbeSpec):
    """The k nearest training samples vote; of numbers, their mean is taken."""

    assumed: ClassVar[tuple[str, ...]] = ("k", "standardised")
    judges: ClassVar[tuple[Target, ...]] = ("binary", "classes", "labels", "number")

    name: Literal["knn"]
    k: int = Field(default=5, gt=0)
    """How many neighbours are asked; all there are, where a draw holds fewer."""
    standardised: bool = True
    """Scale each feature to mean 0 and deviation 1 in the draw."""
