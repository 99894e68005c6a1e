"""Which tokens a sample hides while it is pretrained: each for itself, or whole patches.

Tokens stand group by group, and within a group in the order of patches.
"""

import torch
from torch import Tensor

from terrasweep.models.layers.vit import visible
from terrasweep.models.zoo.satmae.spec import SatMaeSpec


def draw(samples: int, *, spec: SatMaeSpec, patches: int, generator: torch.Generator) -> Tensor:
    """Return which tokens stay, (samples, tokens kept), as indices."""
    groups, spatial = len(spec.groups), spec.masking == "spatial"
    shuffled = patches if spatial else groups * patches
    noise = torch.rand(samples, shuffled, generator=generator, device=generator.device)
    index = visible(noise, keep=int(shuffled * (1 - spec.mask_ratio)))
    if not spatial:
        return index
    first = patches * torch.arange(groups, device=index.device)
    return (index[:, None] + first[:, None]).flatten(1)
