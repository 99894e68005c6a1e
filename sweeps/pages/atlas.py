"""The Earth as maps are drawn on it: what samplers know of it, as plain data for dashboards."""

from collections import Counter
from collections.abc import Mapping
from functools import cache

import numpy as np

from terrasweep.dashboards.html.maps import Atlas, Tile
from terrasweep.samplers.audit.audit import MAP_RESOLUTION
from terrasweep.samplers.geography.cell_polygons import polygons, rings
from terrasweep.samplers.geography.cells import parents
from terrasweep.samplers.geography.outlines import rings as outlines


@cache
def atlas() -> Atlas:
    """Return the outlines of the countries, and cells as polygons."""
    return Atlas(tuple(ring for _, ring in outlines()), _tiles)


def _tiles(counts: Mapping[int, int]) -> list[Tile]:
    """Return the cells of the map that hold samples, in order of cell."""
    fine = np.array(sorted(counts), dtype=np.uint64)
    held: Counter[int] = Counter()
    coarse = parents(fine, resolution=MAP_RESOLUTION)
    for cell, own in zip(coarse.tolist(), fine.tolist(), strict=True):
        held[cell] += counts[own]
    cells = np.array(sorted(held), dtype=np.uint64)
    shapes = polygons(cells)
    return [
        Tile(tuple(rings(shape)), held[cell])
        for shape, cell in zip(shapes, cells.tolist(), strict=True)
    ]
