"""What to train and how to judge it: networks, training recipes and probes, as light values."""

from typing import ClassVar, Literal, TypeAlias

from pydantic import Field

from terrasweep.infra.spec import Spec

Target: TypeAlias = Literal["binary", "classes", "labels", "number", "map"]
"""What a task asks for: one of two classes, one of several, any of several labels, a number, or a
class for every pixel."""


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


class FinetuningSpec(Spec):
    """How a whole network is finetuned on a task; the defaults are what Presto's authors publish.

    Images are cropped, mixed and erased only where a network looks at images.
    """

    assumed: ClassVar[tuple[str, ...]] = ("betas", "decay", "head_std", "erased")

    epochs: int = Field(default=3, gt=0)
    """Passes over the draw."""
    batch_size: int = Field(default=64, gt=0)
    """Samples per step; all of them, where a draw holds fewer."""
    lr: float = Field(default=3e-4, gt=0)
    """Peak learning rate."""
    lr_per: int | None = Field(default=None, gt=0)
    """Samples of a batch that `lr` is meant for: it is scaled to the batch; left out, it is not."""
    min_lr: float = Field(default=0.0, ge=0)
    """Where the learning rate ends."""
    warmup_epochs: float = Field(default=0.0, ge=0)
    """Epochs of linear warm-up to the peak."""
    decay: Literal["cosine", "none"] = "none"
    """How the learning rate goes on after the warm-up: half a cosine down, or level."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decay of weights; biases and one-dimensional weights are spared."""
    betas: tuple[float, float] = (0.9, 0.999)
    """The two momenta of AdamW."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """What each block's learning rate is of the next one's; the head has the full one."""
    head_std: float | None = Field(default=None, gt=0)
    """Spread of the head's first weights; left out, torch's own for a linear layer."""
    scaled_head: bool = False
    """Whether features are scaled and shifted by learnt numbers before the head."""
    smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of a label that is spread over all classes."""
    min_area: float | None = Field(default=None, gt=0, le=1)
    """Smallest share of an image that a random view takes; left out, the view it is judged on."""
    mixup: float = Field(default=0.0, ge=0)
    """Alpha of the Beta distribution by which whole images and labels are mixed; 0 mixes none."""
    cutmix: float = Field(default=0.0, ge=0)
    """The same for boxes of images; with both, each batch has either, as likely."""
    erased: float = Field(default=0.0, ge=0, le=1)
    """Probability that a box of an image is filled with noise."""
    drop_path: float = Field(default=0.0, ge=0, lt=1)
    """Probability that the last block's branches are skipped; it grows evenly from 0 at the first.
    """


class ModelSpec(Spec):
    """Which network; each adds its own fields."""

    official: ClassVar[TrainingSpec] = TrainingSpec()
    """The training recipe its authors publish."""
    finetuning: ClassVar[FinetuningSpec] = FinetuningSpec()
    """The recipe by which its authors finetune all of it; Presto's, where they publish none."""
    thaws: ClassVar[tuple[str, ...]] = ()
    """Weights that are frozen in pretraining and learn when all of it is finetuned."""
    most_months: ClassVar[int] = 24
    """The longest series that it reads."""
    learns_from: ClassVar[tuple[str, ...]] = ("x", "dynamic_world", "month")
    """Arrays of a pool that it is pretrained on, beside the coordinates."""
    encodes: ClassVar[tuple[str, ...]] = ("x", "dynamic_world", "month")
    """Arrays of a task that it makes features of, beside the coordinates."""
    may_encode: ClassVar[tuple[str, ...]] = ()
    """Arrays that it looks at as well, where there are any."""
    makes_maps: ClassVar[bool] = False
    """Whether it makes features of every patch of an image too, as maps of classes need them."""
    knows_places: ClassVar[bool] = True
    """Whether its features depend on the coordinates."""

    name: str
    """Which network of the zoo."""

    @property
    def has_frozen_tower(self) -> bool:
        """Whether part of it is frozen and looks at a sample always alike, so once is enough."""
        return False


class ProbeSpec(Spec):
    """What is trained on a checkpoint; each adds its own fields."""

    judges: ClassVar[tuple[Target, ...]] = ("binary", "classes")
    """The targets that it can be trained for."""
    trains: ClassVar[Literal["features", "network"]] = "features"
    """What it looks at: frozen features, or the network itself, whose weights it moves."""
    guesses: ClassVar[bool] = False
    """Whether it looks at nothing: a score to be beaten, and no sign of a failure."""

    name: str
    """Which probe."""

    def for_network(self, model: ModelSpec) -> "ProbeSpec":
        """Return it with what it leaves to a network's authors filled in."""
        return self
