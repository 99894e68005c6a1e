"""What training does to a sample: its image is cropped, flipped and blurred, its place moved.

Coordinates move by up to a hundredth of a degree, to the north and the east only, and pass
through float32. Everything is drawn for the whole batch, so that a part can take its own.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from terrasweep.models.layers import imagery
from terrasweep.models.layers.imagery import View
from terrasweep.models.zoo.satclip.spec import SatClipSpec

SCALE: Final = 10_000.0


@dataclass(frozen=True)
class ImageView:
    """A box of each image, and how far it is blurred, (B,)."""

    view: View
    sigma: Tensor


def draw_views(
    images: Tensor, *, spec: SatClipSpec, size: int, generator: torch.Generator
) -> ImageView:
    """Draw a view of each image."""
    low, high = spec.blur_sigma
    uniform = torch.rand(len(images), generator=generator, device=generator.device)
    view = imagery.random_crop(images, size=size, generator=generator)
    return ImageView(view, sigma=low + uniform * (high - low))


def seen(images: Tensor, views: ImageView, *, part: slice, size: int) -> Tensor:
    """Return the views of some of the images, as the tower reads them."""
    cropped = imagery.take(scaled(images[part]), views.view.part(part), size=size)
    return imagery.blur(cropped, sigma_B=views.sigma[part])


def scaled(images: Tensor) -> Tensor:
    """Return reflectances, of 13 bands also where B10 is missing."""
    return imagery.with_b10(images.float() / SCALE)


def moved(lonlat: Tensor, *, spec: SatClipSpec, generator: torch.Generator) -> Tensor:
    """Return coordinates moved to the north and east, as float32 holds them."""
    shift = torch.rand(lonlat.shape, generator=generator, device=generator.device)
    return (lonlat + spec.jitter_deg * shift).float()
