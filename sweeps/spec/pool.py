"""A pool in a file of its own, to be looked at before there is a sweep."""

from terrasweep.samplers.geography.spec import GeographySpec
from terrasweep.samplers.members import AnyPool
from terrasweep.samplers.spec.entropy import EntropySpec
from terrasweep.sweeps.spec.axes import Part


class PoolFile(Part):
    """A file that holds a pool, perhaps what goes with it, and nothing else."""

    pool: AnyPool
    """Where samples come from."""
    geography: GeographySpec = GeographySpec()
    """Maps of one's own that say in which biome and so on a sample lies; see docs/geography.md."""
    entropy: EntropySpec = EntropySpec()
    """How the spectral entropy of its samples is measured; see docs/pools.md."""
