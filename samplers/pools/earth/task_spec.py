"""The fields that all tasks on the real Earth share."""

from pydantic import Field

from terrasweep.samplers.geography.spec import Russia
from terrasweep.samplers.pools.earth.spec import GIVEN, Sight
from terrasweep.samplers.spec.tasks import TaskSpec


class EarthTaskSpec(TaskSpec):
    """A task on the real Earth; each says what its labels are."""

    per_continent: int = Field(default=800, ge=20)
    """How many labelled points each continent has, train and test together."""
    seed: int = Field(default=0, ge=0)
    """Another seed is another set of points."""
    russia: Russia = "europe"
    """Where Russia counts; as the pool says."""
    arrays: tuple[Sight, ...] = ("series",)
    """What is seen of each point, as the network reads; a network of places needs nothing."""

    @property
    def gives(self) -> tuple[str, ...]:
        """The arrays of a sample, beside its coordinates."""
        return (*(GIVEN[sight] for sight in self.arrays), "month")
