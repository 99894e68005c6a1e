"""Labelled points of the real Earth: as many on every continent, and none of the pool's points."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from terrasweep.infra.errors import TaskError
from terrasweep.infra.seeds import generator
from terrasweep.samplers.geography.cells import cells_of
from terrasweep.samplers.geography.strata import Continent
from terrasweep.samplers.pools.earth.pool import JANUARY, seen
from terrasweep.samplers.pools.earth.spec import EarthSpec
from terrasweep.samplers.pools.earth.task_spec import EarthTaskSpec
from terrasweep.samplers.pools.planet import points

CELL_RESOLUTION = 5
CANDIDATES = 2
"""Points looked at for every one that is labelled: the rasters know nothing of some coasts."""
NO_CLASS = -1

Label: TypeAlias = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""What is true of points: a class, `NO_CLASS` where none is known, or a number."""


def labelled(spec: EarthTaskSpec, label: Label) -> dict[str, np.ndarray]:
    """Return the columns of a task, continent after continent."""
    each = [_continent(spec, label, continent.value) for continent in Continent]
    return {name: np.concatenate([one[name] for one in each]) for name in each[0]}


def _continent(spec: EarthTaskSpec, label: Label, continent: str) -> dict[str, np.ndarray]:
    rng = generator("earth task", spec.name, spec.seed, continent)
    land = points.continent(continent, russia=spec.russia)
    lat, lon = points.draw(rng, CANDIDATES * spec.per_continent, land=land)
    labels = label(lat, lon)
    known = np.flatnonzero(labels != NO_CLASS)[: spec.per_continent]
    if len(known) < spec.per_continent:
        raise TaskError(
            f"{spec.per_continent} labelled points of {spec.name} in {continent}",
            got=f"{len(known)}",
            fix="lower `per_continent`",
        )
    lat, lon = lat[known], lon[known]
    sights = EarthSpec(name="earth", arrays=spec.arrays) if spec.arrays else None
    return {
        "id": np.array([f"{spec.name}-{spec.seed}-{continent}-{row}" for row in range(len(lat))]),
        "lat": lat,
        "lon": lon,
        "cell": cells_of(lat, lon, resolution=CELL_RESOLUTION),
        "continent": np.full(len(lat), continent),
        "label": labels[known],
        "month": np.full(len(lat), JANUARY, np.uint8),
        **({} if sights is None else seen(sights, lat, lon)),
    }
