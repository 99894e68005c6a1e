"""How a network that is finetuned sees its samples: views, noise in boxes, mixed images, paths.

All of it is drawn on the CPU from the draw's own generator. Series are seen as they are.

Shapes: b samples, C bands, S the side of a view, k outputs.
"""

import math
from typing import Final

import torch
from torch import Tensor

from terrasweep.infra import seeds
from terrasweep.models.contract import Batch, Network
from terrasweep.models.spec import FinetuningSpec

ERASED_AREA: Final = (0.02, 1 / 3)
"""Smallest and largest share of a view that is filled with noise, as random erasing has it."""
TALL: Final = (0.3, 3.3)
"""Aspects of a box of noise."""


def looked_at(
    network: Network, batch: Batch, y: Tensor, *, recipe: FinetuningSpec, generator: torch.Generator
) -> tuple[Batch, Tensor]:
    """Return the batch that is learnt from, and its labels: mixed, where images are."""
    seen = network.seen(batch, min_area=recipe.min_area, generator=generator)
    if "view" not in seen:
        return seen, y
    view = _erased(seen["view"], share=recipe.erased, generator=generator)
    view, y = _mixed(view, y, recipe=recipe, generator=generator)
    return {**seen, "view": view}, y


def paths(
    network: Network, samples: int, *, recipe: FinetuningSpec, generator: torch.Generator
) -> Batch:
    """Return the weights of each sample's branches, (b, blocks, 2), if any may be skipped."""
    blocks = getattr(network, "blocks", None)
    if not recipe.drop_path or not isinstance(blocks, torch.nn.ModuleList):
        return {}
    skipped = torch.linspace(0, recipe.drop_path, len(blocks))[:, None]
    drawn = torch.rand(samples, len(blocks), 2, generator=generator)
    return {"paths": (drawn >= skipped).float() / (1 - skipped)}


def _erased(view: Tensor, *, share: float, generator: torch.Generator) -> Tensor:
    """Fill a box of some images with normal noise."""
    if not share:
        return view
    view, side = view.clone(), view.shape[-1]
    for image in view:
        asked, area, aspect, top, left = torch.rand(5, generator=generator).tolist()
        if asked >= share:
            continue
        area = side**2 * (ERASED_AREA[0] + area * (ERASED_AREA[1] - ERASED_AREA[0]))
        aspect = math.exp(math.log(TALL[0]) + aspect * math.log(TALL[1] / TALL[0]))
        height, width = (min(side, round((area * of) ** 0.5)) for of in (aspect, 1 / aspect))
        top, left = int(top * (side - height + 1)), int(left * (side - width + 1))
        box = image[:, top : top + height, left : left + width]
        box.copy_(torch.randn(box.shape, generator=generator))
    return view


def _mixed(
    view: Tensor, y: Tensor, *, recipe: FinetuningSpec, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Mix each image with its opposite number in the batch: all of it, or a box."""
    alphas = {"whole": recipe.mixup, "box": recipe.cutmix}
    kinds = [kind for kind, alpha in alphas.items() if alpha]
    if not kinds:
        return view, y
    kind = kinds[int(torch.rand((), generator=generator) * len(kinds))]
    share = _beta(alphas[kind], generator=generator)
    other = view.flip(0)
    if kind == "whole":
        view = share * view + (1 - share) * other
    else:
        side = view.shape[-1]
        cut = round(side * (1 - share) ** 0.5)
        top, left = (torch.rand(2, generator=generator) * (side - cut + 1)).long().tolist()
        view = view.clone()
        view[..., top : top + cut, left : left + cut] = other[
            ..., top : top + cut, left : left + cut
        ]
        share = 1 - (cut / side) ** 2
    return view, share * y + (1 - share) * y.flip(0)


def _beta(alpha: float, *, generator: torch.Generator) -> float:
    """Draw a share from a Beta distribution with equal parameters."""
    lot = int(torch.randint(2**62, (), generator=generator))
    return float(seeds.generator("mixed", lot).beta(alpha, alpha))
