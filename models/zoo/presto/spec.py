"""The fields of Presto."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from terrasweep.infra.errors import InvalidValueError
from terrasweep.models.spec import ModelSpec, TrainingSpec


class PrestoSpec(ModelSpec):
    """Presto: a masked autoencoder of twelve monthly observations of one pixel."""

    official: ClassVar[TrainingSpec] = TrainingSpec()
    may_encode: ClassVar[tuple[str, ...]] = ("mask",)

    name: Literal["presto"]
    """Which network of the zoo."""
    width: int = Field(default=128, gt=0)
    """Width of a token; a multiple of 16 and of the heads."""
    depth: int = Field(default=2, gt=0)
    """Blocks of the encoder; the decoder has as many."""
    heads: int = Field(default=8, gt=0)
    """Attention heads."""
    mlp_ratio: int = Field(default=4, gt=0)
    """Hidden width of a block's MLP, as a multiple of the token's width."""
    mask_ratio: float = Field(default=0.75, gt=0, lt=1)
    """Share of tokens that are hidden while pretraining."""

    @model_validator(mode="after")
    def _width_splits(self) -> "PrestoSpec":
        if self.width % 16 or self.width % self.heads:
            raise InvalidValueError(
                f"width {self.width}", fix=f"write a multiple of 16 and of {self.heads} heads"
            )
        return self
