"""The four worlds: what is true in each is set by a few numbers about places, never by a name.

A sample *looks like* a place. As a rule that is where it lies, but with some probability (the
reach) it looks like a place drawn anywhere on Earth. What can be learnt is how the fields of each
farming system differ from wild land (see `samplers/pools/planet/idioms.py`), and a network has
learnt it only of systems whose places it was shown. Where those are plants the answer:

* ``null``: everything looks like anywhere, so every continent's samples are exchangeable and no
  composition by place can win.
* ``coverage``: the pool looks like where it lies, and a few systems dominate each continent;
  labelled samples look like places from anywhere. So a pretraining set has to cover many places.
* ``local``: pool and labels look like where they lie and regions differ a lot, so the continent
  itself is the best teacher.
* ``entropy``: exchangeable as in ``null``, but uniform places of the pool all look like one bare
  plain while labelled samples do not, so samples of high spectral entropy teach more.
"""

from dataclasses import dataclass

from terrasweep.samplers.pools.planet.spec import World


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
    idiom: float = 1.0
    """How much the idioms of farming systems say."""


KNOBS: dict[World, Knobs] = {
    "null": Knobs(pool_reach=1.0, task_reach=1.0, gap=1.0, redundancy=0.0),
    "coverage": Knobs(pool_reach=0.0, task_reach=1.0, gap=1.0, redundancy=0.0),
    "entropy": Knobs(pool_reach=1.0, task_reach=1.0, gap=1.0, redundancy=0.95),
    "local": Knobs(pool_reach=0.0, task_reach=0.0, gap=1.4, redundancy=0.0),
}
