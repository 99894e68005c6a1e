"""The fields of the linear probe."""

from typing import Literal

from pydantic import Field

from models.spec import ProbeSpec


class LinearSpec(ProbeSpec):
    """Logistic regression on standardised features."""

    name: Literal["linear"]
    c: float = Field(default=1.0, gt=0)
    """Inverse strength of the L2 penalty, as in scikit-learn."""
    balanced: bool = True
    """Weigh classes by the inverse of their frequency in the draw."""
    max_iter: int = Field(default=1000, gt=0)
    """Most Newton iterations; a cell that needs more is flagged."""
