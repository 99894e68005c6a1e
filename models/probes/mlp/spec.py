"""The fields of the multilayer perceptron; its defaults are scikit-learn's."""

from typing import ClassVar, Literal

from pydantic import Field

from terrasweep.models.spec import ProbeSpec, Target


class MlpSpec(ProbeSpec):
    """One hidden layer of rectified units, trained by Adam; the studies do not say which."""

    assumed: ClassVar[tuple[str, ...]] = (
        *("hidden", "alpha", "lr", "batch_size", "epochs", "tolerance", "patience"),
        "standardised",
    )
    judges: ClassVar[tuple[Target, ...]] = ("binary", "classes", "labels", "number")

    name: Literal["mlp"]
    hidden: int = Field(default=100, gt=0)
    """Hidden units."""
    alpha: float = Field(default=1e-4, ge=0)
    """L2 penalty on the weights."""
    lr: float = Field(default=1e-3, gt=0)
    """Learning rate."""
    batch_size: int = Field(default=200, gt=0)
    """Samples per step; all of them, where a draw holds fewer."""
    epochs: int = Field(default=200, gt=0)
    """Most passes over the draw; a cell that is still learning then is flagged."""
    tolerance: float = Field(default=1e-4, ge=0)
    """An epoch that lowers the loss by less brings nothing."""
    patience: int = Field(default=10, gt=0)
    """Epochs in a row that may bring nothing before training ends."""
    standardised: bool = True
    """Scale each feature, and a label that is a number, to mean 0 and deviation 1 in the draw."""
