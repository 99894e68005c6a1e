"""Real spherical harmonics of a place, as published weights expect them.

Input is (longitude, latitude) in degrees; the angles are longitude + 180 and latitude + 90, so the
cosine of the polar angle is minus the sine of the latitude. Features are ordered by degree l and
then by order m from -l to l: sin(|m| phi) for negative m, cos(m phi) for positive m, without the
Condon-Shortley phase. All are orthonormal but those of order 0, which are pi times as large.

The published code evaluates expanded polynomials, this a stable recurrence. Up to degree 9 the two
agree to 1e-12. At degree 39 the polynomials lose all digits towards the poles (1e-10 at 20
degrees of latitude, 1e-2 at 60, 0.4 at 80): published weights for 40 degrees were trained on that
noise, and beyond about 55 degrees of latitude their features are not ours.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn

ZONAL: Final = math.pi
"""How much larger the harmonics of order 0 are than orthonormal ones."""


class SphericalHarmonics(nn.Module):
    """All harmonics below a degree, in float64; there is nothing to learn in it."""

    def __init__(self, degrees: int) -> None:
        super().__init__()
        self.degrees = degrees

    def forward(self, lonlat: Tensor) -> Tensor:
        """Return float64 features, (samples, degrees * degrees)."""
        lon, lat = lonlat.double().unbind(dim=-1)
        phi, theta = torch.deg2rad(lon + 180), torch.deg2rad(lat + 90)
        order = torch.arange(1, self.degrees, dtype=torch.float64, device=lonlat.device)
        turns = order * phi[:, None]
        sines, cosines = turns.sin(), turns.cos()
        features = []
        for degree, legendre in enumerate(_legendre(theta, degrees=self.degrees)):
            # Each complex function of order m > 0 gives two real ones, sin and cos, of half the
            # squared norm: hence the root of 2. Negative orders come first, from -l up.
            tesseral = math.sqrt(2) * legendre[:, 1:]
            west, east = tesseral * sines[:, :degree], tesseral * cosines[:, :degree]
            features += [west.flip(1), ZONAL * legendre[:, :1], east]
        return torch.cat(features, dim=1)


def _legendre(theta: Tensor, *, degrees: int) -> list[Tensor]:
    """Return, for each degree l, the normalised functions of order 0 to l: (samples, l + 1).

    They are those whose harmonics are orthonormal on the sphere, and are found degree by degree.
    """
    x, s = theta.cos()[:, None], theta.sin()[:, None]
    rows = [torch.full_like(x, math.sqrt(1 / (4 * math.pi)))]
    for l in range(1, degrees):  # noqa: E741
        # Orders l and l - 1 follow from order l - 1 of the degree below (the sectoral recurrence);
        # all lower orders follow from the two degrees below. Both are stable for all degrees.
        last = rows[-1][:, -1:]
        parts = [math.sqrt(2 * l + 1) * x * last, math.sqrt((2 * l + 1) / (2 * l)) * s * last]
        if l > 1:
            parts.insert(0, _next(rows[-1][:, :-1], rows[-2], x=x, degree=l))
        rows.append(torch.cat(parts, dim=1))
    return rows


def _next(below: Tensor, two_below: Tensor, *, x: Tensor, degree: int) -> Tensor:
    """Return orders 0 to degree - 2 from those of the two degrees below."""
    m = torch.arange(degree - 1, dtype=torch.float64, device=x.device)
    a = ((4 * degree**2 - 1) / (degree**2 - m**2)).sqrt()
    b = (((degree - 1) ** 2 - m**2) / (4 * (degree - 1) ** 2 - 1)).sqrt()
    return a * (x * below - b * two_below)
