"""The fields of the constant probe: it has none."""

from typing import ClassVar, Literal

from terrasweep.models.spec import ProbeSpec, Target


class ConstantSpec(ProbeSpec):
    """The commonest class of the draw, or the mean of its numbers, whatever the features say."""

    judges: ClassVar[tuple[Target, ...]] = ("binary", "classes", "labels", "number", "map")
    guesses: ClassVar[bool] = True

    name: Literal["constant"]
