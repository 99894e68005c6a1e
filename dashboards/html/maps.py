"""World maps of equal areas: cells on the outlines of the countries, written as SVG by hand.

Outlines and cells are handed in as an `Atlas`, for this room knows no Earth. Coordinates are whole
half pixels, so a map of the whole Earth takes some 40 kB.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from terrasweep.dashboards.html.drawing import Drawing, drawn, opening
from terrasweep.dashboards.html.palette import NUM_DENSITIES

A1, A2, A3, A4 = 1.340264, -0.081106, 0.000893, 0.003796
"""Coefficients of the Equal Earth projection (Savric, Patterson and Jenny 2018)."""
ROOT3 = 3**0.5
WIDTH = 2 * 2.7066299836  # of the equator, on a sphere of radius 1
HEIGHT = 2 * 1.3173627592  # from pole to pole

Ring: TypeAlias = np.ndarray
"""Rows of longitude and latitude in degrees; it never crosses 180 degrees."""

WIDE: Final = 1280
"""Units from west to east; maps are shown at half of it and may be drawn larger."""
MARGIN: Final = 6
SCALE: Final = WIDE / WIDTH
HIGH: Final = round(HEIGHT * SCALE)
LARGE, SMALL = 19, 36
"""The size of a legend's letters, in units: for maps as wide as the page, and for half of that."""
HEAD: Final = "samples in a cell"
LETTER: Final = 0.54
"""How wide a letter is, on average, for its size."""
MOST: Final = 0.99
"""The darkest colour begins below this quantile: one crowded city must not pale all others."""


@dataclass(frozen=True)
class Tile:
    """A cell of a map, and how many samples it holds."""

    rings: tuple[Ring, ...]
    count: int


@dataclass(frozen=True)
class Atlas:
    """What maps are drawn with."""

    outlines: tuple[Ring, ...]
    """The countries."""
    tiles: Callable[[Mapping[int, int]], Sequence[Tile]]
    """Turns counts by H3 cell into the cells of a map."""


def steps(tiles: Iterable[Tile]) -> tuple[int, ...]:
    """Return the count at which each colour begins; maps that are compared share them."""
    counts = np.array([tile.count for tile in tiles])
    top = float(np.quantile(counts, MOST)) if counts.size else 1.0
    begins = (top ** (at / NUM_DENSITIES) for at in range(NUM_DENSITIES))
    return tuple(sorted({_round(begin) for begin in begins}))


def world(
    tiles: Sequence[Tile],
    *,
    atlas: Atlas,
    steps: Sequence[int],
    letters: int,
    name: str,
    title: str,
    alt: str,
) -> Drawing:
    """Draw how many samples each cell of a map holds, on the outlines of the countries.

    Args:
        tiles: The cells.
        atlas: What they are drawn on.
        steps: The count at which each colour begins.
        letters: The size of the legend's letters, `LARGE` or `SMALL` as the map is shown.
        name: The file's name.
        title: What it is.
        alt: What it shows, for screen readers.
    """
    height = HIGH + 2 * MARGIN + 2.3 * letters
    parts = [
        opening(WIDE + 2 * MARGIN, height, shown=0.5, title=title, alt=alt),
        f'<defs><path id="land" d="{_path(atlas.outlines)}"/></defs>',
        f'<g transform="translate({MARGIN} {MARGIN})" stroke-linejoin="round">{_globe()}',
        '<use href="#land" xlink:href="#land" fill="var(--land)"/>',
        *_tiles(tiles, steps),
        '<use href="#land" xlink:href="#land" fill="none" stroke="var(--ink)" '
        'stroke-opacity="0.3" stroke-width="0.9"/></g>',
        *_legend(steps, letters),
        "</svg>",
    ]
    return drawn("".join(parts), name=name, title=title, alt=alt)


def _tiles(tiles: Sequence[Tile], steps: Sequence[int]) -> Iterable[str]:
    level = np.searchsorted(steps, [tile.count for tile in tiles], side="right") - 1
    for at, colour in enumerate(_colours(steps)):
        own = [tile for tile, reached in zip(tiles, level, strict=True) if reached == at]
        rings = [ring for tile in own for ring in tile.rings]
        if rings:
            paint = f'fill="var(--{colour})" stroke="var(--card)" stroke-width="0.6"'
            yield f'<path d="{_path(rings)}" {paint}/>'


def _colours(steps: Sequence[int]) -> list[str]:
    """Return as many colours as there are steps, the darkest always among them."""
    return [f"m{NUM_DENSITIES - len(steps) + at}" for at in range(len(steps))]


def _legend(steps: Sequence[int], letters: int) -> Iterable[str]:
    x, y = MARGIN + 4.0, HIGH + 2 * MARGIN + 0.7 * letters
    base, box = y + 0.9 * letters, f'width="{1.8 * letters:.0f}" height="{1.05 * letters:.0f}"'
    style = f'font-size="{letters}" fill="var(--muted)" style="font-family:var(--sans)"'
    yield f'<text x="{x}" y="{base:.0f}" {style}>{HEAD}</text>'
    x += LETTER * letters * (len(HEAD) + 1)
    ends = [*(begin - 1 for begin in steps[1:]), None]
    for begin, end, colour in zip(steps, ends, _colours(steps), strict=True):
        span = _span(begin, end)
        yield f'<rect x="{x:.0f}" y="{y:.0f}" {box} fill="var(--{colour})"/>'
        yield f'<text x="{x + 2.2 * letters:.0f}" y="{base:.0f}" {style}>{span}</text>'
        x += letters * (3.4 + LETTER * len(span))


def _span(begin: int, end: int | None) -> str:
    if end is None:
        return f"{begin:,} or more"
    return f"{begin:,}" if begin == end else f"{begin:,} to {end:,}"


def _globe() -> str:
    edge = np.linspace(-90, 90, 61)
    lat = np.concatenate([edge, edge[::-1]])
    lon = np.concatenate([np.full(61, -180.0), np.full(61, 180.0)])
    outline = _path([np.column_stack([lon, lat])])
    lines = [np.column_stack([np.full(61, float(at)), edge]) for at in range(-120, 180, 60)]
    lines += [np.array([[-180.0, at], [180.0, at]]) for at in range(-60, 90, 30)]
    rule = 'fill="none" stroke="var(--rule)"'
    return (
        f'<path d="{outline}" fill="var(--paper)" stroke="var(--rule)" stroke-width="2"/>'
        f'<path d="{_path(lines, close="")}" {rule} stroke-width="1"/>'
    )


def _path(rings: Iterable[Ring], *, close: str = "z") -> str:
    """Return rings as one path of relative steps; what is smaller than half a pixel is left out."""
    parts = []
    for ring in rings:
        x, y = equal_earth(lat=ring[:, 1], lon=ring[:, 0])
        at = np.column_stack([(x + WIDTH / 2) * SCALE, (HEIGHT / 2 - y) * SCALE])
        whole = np.rint(at).astype(np.int64)
        by = np.diff(whole, axis=0)
        by = by[by.any(axis=1)]
        if len(by) > 2 or (len(by) and not close):
            walk = "".join(f"{dx} {dy} " for dx, dy in by.tolist()).replace(" -", "-").strip()
            parts.append(f"M{whole[0, 0]} {whole[0, 1]}l{walk}{close}")
    return "".join(parts)


def _round(count: float) -> int:
    """Round to one digit that counts."""
    return int(float(f"{count:.0e}"))


def equal_earth(*, lat: np.ndarray, lon: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project degrees to x and y on a sphere of radius 1."""
    angle = np.arcsin(ROOT3 / 2 * np.sin(np.radians(lat)))
    sixth = angle**6
    slope = 9 * A4 * angle**2 * sixth + 7 * A3 * sixth + 3 * A2 * angle**2 + A1
    x = 2 * ROOT3 * np.radians(lon) * np.cos(angle) / (3 * slope)
    y = angle * (A4 * angle**2 * sixth + A3 * sixth + A2 * angle**2 + A1)
    return x, y
