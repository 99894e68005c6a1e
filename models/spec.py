"""What to train and how to judge it: networks, training recipes and probes, as light values."""

from typing import ClassVar, Literal, TypeAlias

from pydantic import Field

from infra.spec import Spec

Target: TypeAlias = Literal["binary", "classes", "labels", "number"]
"""What a task asks for: one of two classes, one of several, any of several labels, a number."""


class TrainingSpec(Spec):
    """How a network is pretrained; each network's official recipe is its own default."""

    epochs: int = Field(default=20, gt=0)
    """Passes over the manifest."""
    batch_size: int = Field(default=4096, gt=0)
    """Samples per optimiser step, over all workers together."""
    lr: float = Field(default=1e-3, gt=0)
    """Peak learning rate."""
    warmup_epochs: float = Field(default=2, ge=0)
    """Epochs of linear warm-up to the peak."""
    weight_decay: float = Field(default=0.05, ge=0)
    """Decay of weights; biases and one-dimensional weights are spared."""
    betas: tuple[float, float] = (0.9, 0.95)
    """The two momenta of AdamW."""
    clip_norm: float | None = Field(default=None, gt=0)
    """Largest norm of the gradient; nothing is clipped if left out."""
    precision: Literal["float32", "tf32", "bfloat16", "float16"] = "float32"
    """What the forward pass computes in; `tf32` is float32 whose products an accelerator rounds."""
    decay: Literal["cosine", "none"] = "cosine"
    """How the learning rate goes on after the warm-up: half a cosine down to zero, or level."""


class ModelSpec(Spec):
    """Which network; each adds its own fields."""

    official: ClassVar[TrainingSpec] = TrainingSpec()
    """The training recipe its authors publish."""
    most_months: ClassVar[int] = 24
    """The longest series that it reads."""
    learns_from: ClassVar[tuple[str, ...]] = ("x", "dynamic_world", "month")
    """Arrays of a pool that it is pretrained on, beside the coordinates."""
    encodes: ClassVar[tuple[str, ...]] = ("x", "dynamic_world", "month")
    """Arrays of a task that it makes features of, beside the coordinates."""
    may_encode: ClassVar[tuple[str, ...]] = ()
    """Arrays that it looks at as well, where there are any."""
    knows_places: ClassVar[bool] = True
    """Whether its features depend on the coordinates."""

    name: str
    """Which network of the zoo."""

    @property
    def has_frozen_tower(self) -> bool:
        """Whether part of it is frozen and looks at a sample always alike, so once is enough."""
        return False


class ProbeSpec(Spec):
    """What is trained on top of frozen features; each adds its own fields."""

    judges: ClassVar[tuple[Target, ...]] = ("binary", "classes")
    """The targets that it can be trained for."""

    name: str
    """Which probe."""
