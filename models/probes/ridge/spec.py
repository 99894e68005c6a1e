"""The fields of the ridge regression."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from terrasweep.models.spec import ProbeSpec, Target


class RidgeSpec(ProbeSpec):
    """Least squares with an L2 penalty, for tasks whose label is a number."""

    assumed: ClassVar[tuple[str, ...]] = ("alphas", "standardised")
    judges: ClassVar[tuple[Target, ...]] = ("number",)

    name: Literal["ridge"]
    alphas: tuple[Annotated[float, Field(gt=0)], ...] = Field(default=(1.0,), min_length=1)
    """Penalties, as scikit-learn's `alpha`; of several, each draw takes the one with the least
    squared error when each of its samples is left out in turn."""
    standardised: bool = True
    """Scale each feature to mean 0 and deviation 1 in the draw."""
