"""Pools: all samples one may draw from, as every pool adapter describes them."""

from typing import ClassVar

from pydantic import Field

from terrasweep.infra.spec import Spec
from terrasweep.samplers.geography.spec import Russia


class PoolSpec(Spec):
    """All samples one may draw from; each adapter adds its own fields."""

    synthetic: ClassVar[bool] = False
    """Whether its samples are invented; whatever shows a result from them says so."""

    name: str
    """Which pool adapter reads it."""
    max_rejects: float = Field(default=0.01, ge=0, le=1)
    """The largest share of the pool's rows that may be rejected (unreadable, off the Earth, named
    twice and so on) before the shard step fails with the table of reasons."""
    russia: Russia = "europe"
    """Where Russia counts, unless `geography` says; it is three quarters of Europe's area."""

    @property
    def capacity(self) -> int | None:
        """How many samples the pool holds, if that is known before reading it."""
        return None

    @property
    def num_months(self) -> int | None:
        """How long its series are, if that is known before reading them."""
        return None

    @property
    def in_reflectance(self) -> bool:
        """Whether its images hold reflectances times 10,000.

        Spectral entropy takes it for granted where its range is left at the default.
        """
        return True


class FilesSpec(PoolSpec):
    """A pool that lies in files; each adapter says which."""

    path: str = Field(min_length=1)
    """The file or folder; it names the pool, so let it be the same on every machine.

    A relative path starts at the folder that TERRASWEEP_POOLS names, or else where one stands.
    """
    content: str | None = None
    """What `terrasweep plan` prints as the content of the files; where it is given, files with
    another content are refused. Files that may change under the same path want it."""
