"""The ground truth of some places in one world: what satellites look at."""

from dataclasses import dataclass, replace

import numpy as np

from terrasweep.samplers.pools.planet.covers import CROP, Cover, covers
from terrasweep.samplers.pools.planet.places import Places, take
from terrasweep.samplers.pools.planet.worlds import Knobs


@dataclass(frozen=True)
class Ground:
    """Places, what grows on them, and the laws of the world that they lie in."""

    at: Places
    cover: Cover
    gap: float
    """How much regions differ."""
    redundancy: float
    """How much of what could be seen is lost where the land is uniform."""
    idiom: float
    """How much the idioms of farming systems say."""
    seed: int

    @property
    def crop(self) -> np.ndarray:
        """Say of each place whether it is cropland, as 0 and 1."""
        return np.asarray(self.cover.main == CROP, np.int64)

    def rows(self, rows: np.ndarray) -> "Ground":
        """Return some of the places, in the order asked."""
        cover = Cover(main=self.cover.main[rows], share=self.cover.share[rows])
        return replace(self, at=take(self.at, rows), cover=cover)


def ground(
    at: Places, *, knobs: Knobs, redundancy: float, seed: int, rng: np.random.Generator
) -> Ground:
    """Draw what grows on places."""
    cover = covers(at, gap=knobs.gap, rng=rng)
    return Ground(at, cover, gap=knobs.gap, redundancy=redundancy, idiom=knobs.idiom, seed=seed)
