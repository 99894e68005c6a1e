"""The four worlds: what is true in each is set by four numbers about places, never by a name.

A sample *looks like* a place. As a rule that is where it lies, but with some probability (the
reach) it looks like a place drawn anywhere on Earth. Reach and gap together plant the answer:

* ``null``: everything looks like anywhere, so every continent's samples are exchangeable and no
  composition by place can win.
* ``coverage``: the pool looks like where it lies, but labelled samples are met under conditions
  from anywhere, so a pretraining set has to have seen many places.
* ``local``: pool and labels look like where they lie and regions differ a lot, so the continent
  itself is the best teacher.
* ``entropy``: exchangeable as in ``null``, but uniform places of the pool all look like one bare
  plain while labelled samples do not, so samples of high spectral entropy teach more.
"""

from dataclasses import dataclass

from samplers.pools.planet.spec import World


@dataclass(frozen=True)
class Knobs:
    """What a world is made of."""

    pool_reach: float
    """Probability that a sample of the pool looks like some other place."""
    task_reach: float
    """Probability that a labelled sample looks like some other place."""
    gap: float
    """How much regions differ in calendar, spectrum and what is called a crop."""
    redundancy: float
    """How much of what could be seen of it a sample of the pool loses where the land is uniform."""


KNOBS: dict[World, Knobs] = {
    "null": Knobs(pool_reach=1.0, task_reach=1.0, gap=1.0, redundancy=0.0),
    "coverage": Knobs(pool_reach=0.0, task_reach=0.6, gap=1.0, redundancy=0.0),
    "entropy": Knobs(pool_reach=1.0, task_reach=1.0, gap=1.0, redundancy=0.95),
    "local": Knobs(pool_reach=0.0, task_reach=0.0, gap=1.4, redundancy=0.0),
}
