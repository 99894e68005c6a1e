"""The fields of SatCLIP."""

from typing import ClassVar, Literal

from pydantic import Field

from terrasweep.models.spec import ModelSpec, TrainingSpec


class SatClipSpec(ModelSpec):
    """SatCLIP: a network from coordinates to features, matched with a frozen image network.

    A batch of training is several of the published micro-batches: 16 times 512.
    """

    official: ClassVar[TrainingSpec] = TrainingSpec(
        epochs=500,
        batch_size=8192,
        lr=1e-4,
        warmup_epochs=0,
        weight_decay=0.01,
        betas=(0.9, 0.999),
        decay="none",
    )
    recipe: ClassVar[int] = 2
    assumed: ClassVar[tuple[str, ...]] = ("tower", "degrees", "blur_sigma", "view")
    learns_from: ClassVar[tuple[str, ...]] = ("image",)
    encodes: ClassVar[tuple[str, ...]] = ()

    name: Literal["satclip"]
    """Which network of the zoo."""
    degrees: int = Field(default=10, gt=0)
    """Degrees of the spherical harmonics, L: their square is the number of inputs."""
    capacity: int = Field(default=512, gt=0)
    """Hidden width of the location network."""
    hidden_layers: int = Field(default=2, gt=0)
    """Hidden layers of the location network."""
    width: int = Field(default=256, gt=0)
    """Width of the features, and of the images' projection."""
    first_omega: float = Field(default=30.0, gt=0)
    """Frequency of the first layer's sine."""
    hidden_omega: float = Field(default=1.0, gt=0)
    """Frequency of the sines after the first."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Share of a hidden layer that is dropped before its sine while pretraining."""
    tower: Literal["resnet18", "resnet50", "vit_small", "features"] = "resnet18"
    """The frozen image network, of which only the last projection learns; `features` is none, for
    pools that bring the image network's output."""
    feature_width: int = Field(default=512, gt=0)
    """Width of the images' features where the tower is `features`; else it is the tower's own."""
    view: Literal["middle", "random"] = "middle"
    """What the frozen image network looks at: the middle of an image, once for the whole pool and
    all compositions; or a random view at every step, as published and some hundred times slower."""
    crop_px: int = Field(default=256, ge=3)
    """Side of a random crop; ViT-S, whose positions are those of 224 pixels, sees at most 224."""
    blur_sigma: tuple[float, float] = (0.1, 2.0)
    """Smallest and largest width, in pixels, of the random blur of images."""
    jitter_deg: float = Field(default=0.01, ge=0)
    """Largest number of degrees that is added to a latitude and to a longitude in training."""
    negatives: int = Field(default=512, gt=1)
    """How many samples are matched against each other; a batch falls into as many as fit."""

    @property
    def has_frozen_tower(self) -> bool:
        """Whether the image network's features can be kept."""
        return self.tower != "features" and self.view == "middle"
