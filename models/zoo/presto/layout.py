"""Which bands make a token, and in which order the tokens of a sample stand.

T steps make 9T + 2 tokens: location, then T for each group in order, except that the groups
that never change (relief) have one token for all steps; dynamic world comes last.
"""

from itertools import accumulate
from typing import Final

GROUPS: Final[dict[str, tuple[int, ...]]] = {
    "S1": (0, 1),
    "S2_RGB": (2, 3, 4),
    "S2_Red_Edge": (5, 6, 7),
    "S2_NIR_10m": (8,),
    "S2_NIR_20m": (9,),
    "S2_SWIR": (10, 11),
    "ERA5": (12, 13),
    "SRTM": (14, 15),
    "NDVI": (16,),
}
"""Groups of bands, by index into the 17 normalised bands; their order is that of the tokens."""

RELIEF: Final = "SRTM"
"""The group whose first step stands for all steps."""

NUM_BANDS: Final = 17
NUM_CLASSES: Final = 9
"""Land-cover classes of dynamic world."""
MISSING: Final = 9
"""The dynamic-world value that says there is none."""
NUM_CHANNELS: Final = len(GROUPS) + 1
"""Rows of the channel code: the groups of bands, then dynamic world."""
NUM_SERIES: Final = len(GROUPS)
"""Groups with a token per step: all but relief, and dynamic world."""
MAX_STEPS: Final = 24

BEFORE_RELIEF: Final = list(GROUPS).index(RELIEF)
"""Groups that stand before relief, each with a token per step."""
EVERY_GROUP: Final = (*GROUPS, "dynamic_world")


def num_tokens(steps: int) -> int:
    """Return how many tokens there are, the location's apart."""
    return NUM_SERIES * steps + 1


def group_sizes(steps: int) -> list[int]:
    """Return how many tokens each group has, in order."""
    return [1 if name == RELIEF else steps for name in EVERY_GROUP]


def spans(steps: int) -> dict[str, slice]:
    """Return where the tokens of each group stand, counted from the first after the location's."""
    ends = list(accumulate(group_sizes(steps)))
    return {
        name: slice(start, end)
        for name, start, end in zip(EVERY_GROUP, [0, *ends], ends, strict=False)
    }
