"""The location network: sines of linear maps (SIREN) over spherical harmonics, all in float64."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from terrasweep.models.zoo.satclip.harmonics import SphericalHarmonics
from terrasweep.models.zoo.satclip.spec import SatClipSpec


class Affine(nn.Module):
    """A linear map in float64 whose bias is drawn as widely as its weight."""

    def __init__(self, inputs: int, outputs: int, *, bound: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(_uniform(outputs, inputs, bound=bound))
        self.bias = nn.Parameter(_uniform(outputs, bound=bound))

    def forward(self, x: Tensor) -> Tensor:
        """Return (samples, outputs)."""
        return F.linear(x, self.weight, self.bias)


class Siren(nn.Module):
    """Hidden layers of sines, and a last layer without."""

    def __init__(self, spec: SatClipSpec) -> None:
        super().__init__()
        self.omegas = [spec.first_omega, *[spec.hidden_omega] * (spec.hidden_layers - 1)]
        inputs, hidden = spec.degrees**2, spec.capacity
        first = Affine(inputs, hidden, bound=1 / inputs)
        bound = math.sqrt(6 / hidden) / spec.hidden_omega
        others = [Affine(hidden, hidden, bound=bound) for _ in self.omegas[1:]]
        self.layers = nn.ModuleList([first, *others])
        self.last_layer = Affine(hidden, spec.width, bound=bound)

    def forward(self, x: Tensor, *, dropout: Sequence[Tensor]) -> Tensor:
        """Return (samples, width); a layer's dropout multiplies what goes into its sine."""
        for layer, omega, factor in zip(self.layers, self.omegas, dropout, strict=True):
            x = torch.sin(omega * (layer(x) * factor))
        features: Tensor = self.last_layer(x)
        return features


class Location(nn.Module):
    """From (longitude, latitude) in degrees to float64 features."""

    def __init__(self, spec: SatClipSpec, *, nnet: Siren) -> None:
        super().__init__()
        self.posenc = SphericalHarmonics(spec.degrees)
        self.nnet = nnet

    def forward(self, lonlat: Tensor, *, dropout: Sequence[Tensor] | None = None) -> Tensor:
        """Return (samples, width); nothing is dropped unless it is said what."""
        everything = [torch.ones((), dtype=torch.float64, device=lonlat.device)]
        dropout = everything * len(self.nnet.layers) if dropout is None else dropout
        features: Tensor = self.nnet(self.posenc(lonlat), dropout=dropout)
        return features


def draw_dropout(spec: SatClipSpec, *, samples: int, generator: torch.Generator) -> list[Tensor]:
    """Return a factor per hidden layer, sample and unit: zero, or what makes up for the zeros."""
    shape = (spec.hidden_layers, samples, spec.capacity)
    stays = torch.rand(shape, generator=generator, device=generator.device) >= spec.dropout
    return list((stays / (1 - spec.dropout)).double())


def _uniform(*shape: int, bound: float) -> Tensor:
    return (2 * torch.rand(*shape, dtype=torch.float64) - 1) * bound
