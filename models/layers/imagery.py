"""Images on their way into a network: bands put right, crops, flips, blur, bicubic resizing.

Everything works on batches of tensors, on the device they lie on. A random view is drawn from a
generator that is handed in, and before it is taken: so a part of a batch can take its own.

Shapes: B samples, C bands, H and W the image, S the side of a view.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from terrasweep.infra.errors import BadDataError
from terrasweep.models.contract import Arrays

BANDS: Final = 13
"""Bands of Sentinel-2 in order: B1 to B8, B8A, B9, B10, B11, B12."""
B10: Final = 10
"""Where the band stands that surface reflectance products lack."""
CUBIC: Final = -0.75
"""The free parameter of the cubic kernel."""
TRIES: Final = 10
ASPECTS: Final = (3 / 4, 4 / 3)


def image_of(arrays: Arrays, *, bands: tuple[int, ...]) -> np.ndarray:
    """Return the array of images, (N, C, H, W).

    Raises:
        BadDataError: If there is none, or it has another number of bands.
    """
    image = arrays.get("image")
    if image is None or image.ndim != 4 or image.shape[1] not in bands:
        counts = " or ".join(str(count) for count in bands)
        raise BadDataError(
            f"an array `image` of shape (samples, {counts} bands, height, width)",
            got="no such array" if image is None else f"shape {image.shape}",
            fix="choose a pool and a task with such images, or another model",
        )
    return image


def with_b10(images: Tensor) -> Tensor:
    """Return 13 bands; where only 12 are given, B10 is put in as zeros."""
    if images.shape[1] == BANDS:
        return images
    return torch.cat([images[:, :B10], torch.zeros_like(images[:, :1]), images[:, B10:]], dim=1)


@dataclass(frozen=True)
class View:
    """A box of each image and whether it is turned over; all fields have the shape (B,)."""

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor
    mirrored: Tensor
    """Left to right."""
    upended: Tensor
    """Top to bottom."""

    def part(self, part: slice) -> "View":
        """Return the views of some of the samples."""
        return View(*(values[part] for values in vars(self).values()))


def random_crop(images: Tensor, *, size: int, generator: torch.Generator) -> View:
    """Draw boxes of one size, each flipped either way with a probability of a half.

    Raises:
        BadDataError: If the images are smaller than the box.
    """
    height, width = _at_least(images, size)
    n = len(images)
    uniform = torch.rand(4, n, generator=generator, device=generator.device)
    side = torch.full((n,), size, device=generator.device)
    return View(
        top=(uniform[0] * (height - size + 1)).long(),
        left=(uniform[1] * (width - size + 1)).long(),
        height=side,
        width=side,
        mirrored=uniform[2] < 0.5,
        upended=uniform[3] < 0.5,
    )


def random_resized_crop(
    images: Tensor, *, scale: tuple[float, float], generator: torch.Generator
) -> View:
    """Draw boxes of a random area and aspect, mirrored with a probability of a half.

    A box that does not fit is drawn again, ten times at most; then it is the largest box in the
    middle whose aspect is allowed.
    """
    n, height, width = len(images), *images.shape[-2:]
    uniform = torch.rand(2, n, TRIES, generator=generator, device=generator.device)
    where = torch.rand(3, n, generator=generator, device=generator.device)
    area = height * width * (scale[0] + uniform[0] * (scale[1] - scale[0]))
    tall, wide = (math.log(aspect) for aspect in ASPECTS)
    aspect = (tall + uniform[1] * (wide - tall)).exp()
    fits, h, w = _first_that_fits(
        (area / aspect).sqrt().round(), (area * aspect).sqrt().round(), height=height, width=width
    )
    top = torch.where(fits, (where[0] * (height - h + 1)).long(), (height - h) // 2)
    left = torch.where(fits, (where[1] * (width - w + 1)).long(), (width - w) // 2)
    return View(top, left, h, w, mirrored=where[2] < 0.5, upended=torch.zeros_like(fits))


def take(images: Tensor, view: View, *, size: int) -> Tensor:
    """Return the boxes as they are, without resizing: (B, C, S, S)."""
    place = torch.arange(size, device=images.device)
    rows = torch.where(view.upended[:, None], size - 1 - place, place) + view.top[:, None]
    columns = torch.where(view.mirrored[:, None], size - 1 - place, place) + view.left[:, None]
    sample = torch.arange(len(images), device=images.device)[:, None, None, None]
    band = torch.arange(images.shape[1], device=images.device)[None, :, None, None]
    return images[sample, band, rows[:, None, :, None], columns[:, None, None, :]]


def take_resized(images: Tensor, view: View, *, size: int) -> Tensor:
    """Return the boxes resized by bicubic interpolation without antialiasing: (B, C, S, S)."""
    height, width = images.shape[-2:]
    rows = _cubic(view.top, view.height, total=height, size=size)
    columns = _cubic(view.left, view.width, total=width, size=size)
    columns = torch.where(view.mirrored[:, None, None], columns.flip(1), columns)
    with torch.autocast(images.device.type, enabled=False):  # pixels keep their precision
        return rows[:, None] @ images @ columns[:, None].transpose(2, 3)


def middle(images: Tensor, *, size: int) -> Tensor:
    """Return the middle of each image.

    Raises:
        BadDataError: If the images are smaller than that.
    """
    height, width = _at_least(images, size)
    top, left = round((height - size) / 2), round((width - size) / 2)
    return images[:, :, top : top + size, left : left + size]


def resize(images: Tensor, *, shorter: int) -> Tensor:
    """Return images whose shorter side is given: bicubic, without antialiasing."""
    least = min(images.shape[-2:])
    height, width = (int(shorter * side / least) for side in images.shape[-2:])
    return F.interpolate(images, (height, width), mode="bicubic", antialias=False)


def squeezed(images: Tensor, *, size: int) -> Tensor:
    """Return whole images brought to a square, whatever their sides: bicubic, no antialiasing."""
    return F.interpolate(images, (size, size), mode="bicubic", antialias=False)


def blur(images: Tensor, *, sigma_B: Tensor) -> Tensor:
    """Return images under a Gaussian kernel of 3 x 3 pixels; edges are mirrored."""
    side = torch.exp(-0.5 / sigma_B.square())
    outer = (side / (1 + 2 * side))[:, None, None, None]
    padded = F.pad(images, (1, 1, 1, 1), mode="reflect")
    across = (1 - 2 * outer) * padded[..., 1:-1] + outer * (padded[..., :-2] + padded[..., 2:])
    return (1 - 2 * outer) * across[:, :, 1:-1] + outer * (across[:, :, :-2] + across[:, :, 2:])


def _at_least(images: Tensor, size: int) -> tuple[int, int]:
    height, width = images.shape[-2:]
    if min(height, width) < size:
        raise BadDataError(
            f"images of at least {size} x {size} pixels",
            got=f"{height} x {width}",
            fix="choose a pool with larger images, or a smaller crop in the model's fields",
        )
    return height, width


def _first_that_fits(
    heights_BT: Tensor, widths_BT: Tensor, *, height: int, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return (fits, height, width), each (B,): the first try that fits, or the largest allowed."""
    fit_BT = (widths_BT >= 1) & (widths_BT <= width) & (heights_BT >= 1) & (heights_BT <= height)
    first = fit_BT.byte().argmax(dim=1, keepdim=True)
    fits = fit_BT.any(dim=1)
    tallest, widest = min(height, round(width / ASPECTS[0])), min(width, round(height * ASPECTS[1]))
    h = torch.where(fits, heights_BT.gather(1, first)[:, 0], tallest).long()
    w = torch.where(fits, widths_BT.gather(1, first)[:, 0], widest).long()
    return fits, h, w


def _cubic(start_B: Tensor, length_B: Tensor, *, total: int, size: int) -> Tensor:
    """Return what each source pixel gives to each made one, (B, S, total).

    Pixels beyond the box are not looked at: the box's edge stands for them.
    """
    length = length_B[:, None]
    source = (torch.arange(size, device=length.device) + 0.5) * (length / size) - 0.5
    base = source.floor()
    weights = torch.zeros(len(length), size, total, device=length.device)
    for tap in (-1, 0, 1, 2):
        distance = (source - base - tap).abs()
        place = torch.minimum((base.long() + tap).clamp(min=0), length - 1) + start_B[:, None]
        weights.scatter_add_(2, place[:, :, None], _kernel(distance)[:, :, None])
    return weights


def _kernel(distance: Tensor) -> Tensor:
    near = ((CUBIC + 2) * distance - (CUBIC + 3)) * distance.square() + 1
    far = CUBIC * (((distance - 5) * distance + 8) * distance - 4)
    return torch.where(distance <= 1, near, far)
