"""The axes of a grid, defined once: columns of tables and places in a grid derive from them."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Axis:
    """One axis: a column of the plan's table, and a field of every cell."""

    name: str
    is_number: bool = False
    """Its values are whole numbers; those of all other axes are words."""
    is_repeat: bool = False
    """Its values repeat the same measurement: summaries are taken over them."""


AXES: Final = (
    Axis("composition"),
    Axis("model"),
    Axis("task"),
    Axis("continent"),
    Axis("tested"),
    Axis("n", is_number=True),
    Axis("protocol"),
    Axis("seed", is_number=True, is_repeat=True),
    Axis("replicate", is_number=True, is_repeat=True),
)

AXIS_NAMES: Final = tuple(axis.name for axis in AXES)

PLACE: Final = (*(axis.name for axis in AXES if not axis.is_repeat), "metric")
"""What a summary is of; seeds and replicates lie within."""
