"""A pool in a file of its own, to be looked at before there is a sweep."""

from samplers.members import AnyPool
from sweeps.spec import Part


class PoolFile(Part):
    """A file that holds a pool and nothing else."""

    pool: AnyPool
    """Where samples come from."""
