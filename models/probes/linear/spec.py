"""The fields of the linear probe."""

from typing import ClassVar, Literal

from pydantic import Field

from terrasweep.models.spec import ProbeSpec, Target


class LinearSpec(ProbeSpec):
    """Logistic regression, one for each of several labels; ridge regression for a number."""

    assumed: ClassVar[tuple[str, ...]] = ("c", "balanced", "standardised")
    judges: ClassVar[tuple[Target, ...]] = ("binary", "classes", "labels", "number")

    name: Literal["linear"]
    c: float = Field(default=1.0, gt=0)
    """Inverse strength of the L2 penalty, as in scikit-learn; a number's `alpha` is 1 / c."""
    balanced: bool = True
    """Weigh classes by the inverse of their frequency in the draw."""
    max_iter: int = Field(default=1000, gt=0)
    """Most Newton iterations; a cell that needs more is flagged."""
    standardised: bool = True
    """Scale each feature to mean 0 and deviation 1 in the draw."""
