"""From a cut and the samples that are free to a number of samples per stratum; pure.

Seats are handed out one after another (Webster's method), never by largest remainder: there a
larger size can leave a stratum with fewer samples (the Alabama paradox), and a small draw would
no longer lie inside a larger one.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.draw.design import Cut, Part


@dataclass(frozen=True)
class Share:
    """What one stratum was asked for, what it has, and what it gives."""

    stratum: str
    asked: int
    """Its share, were there enough everywhere."""
    available: int
    """How many may be drawn: what the pool holds, less what the guard leaves out."""
    taken: int
    """What it gives; differs from `asked` only where samples were redistributed."""


def share_out(
    cut: Cut, *, size: int, free: Sequence[np.ndarray], lost: Sequence[np.ndarray] | None = None
) -> tuple[tuple[Share, ...], ...]:
    """Return what every stratum of every part gives; the sum is the size asked for.

    Args:
        cut: The strata, and the shares that they should have.
        size: How many samples are asked for.
        free: For each part, how many samples of each stratum may be drawn.
        lost: For each part, how many of these an earlier part draws; none are lost if not said.

    Raises:
        PoolError: If the pool, or a stratum whose rule says so, holds too few.
    """
    lost = [np.zeros_like(own) for own in free] if lost is None else lost
    rooms = [
        [max(int(has - gone), 0) * _repeats(part) for has, gone in zip(own, less, strict=True)]
        for part, own, less in zip(cut.parts, free, lost, strict=True)
    ]
    sizes = _sizes(cut, size=size, rooms=[sum(room) for room in rooms])
    parts = zip(cut.parts, sizes, free, rooms, strict=True)
    return tuple(
        _strata(part, size=own, free=[int(one) for one in has], room=room)
        for part, own, has, room in parts
    )


def apportion(
    size: int, *, weights: Mapping[str, int], caps: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Hand out seats one by one, each to the stratum that is furthest behind its weight.

    The next seat goes to the largest weight / (2 seats + 1) among the strata below their cap, ties
    to the first name; a larger size therefore never takes a seat away. Weights that are zero get
    a seat only when all others are full.
    """
    room = {name: size if caps is None else caps[name] for name in weights}
    seats = _early_seats(size, weights=weights, room=room)
    behind = [
        (-Fraction(weights[name], 2 * taken + 1), name)
        for name, taken in seats.items()
        if taken < room[name]
    ]
    heapq.heapify(behind)
    for _ in range(min(size, sum(room.values())) - sum(seats.values())):
        _, name = heapq.heappop(behind)
        seats[name] += 1
        if seats[name] < room[name]:
            heapq.heappush(behind, (-Fraction(weights[name], 2 * seats[name] + 1), name))
    return seats


def whole_numbers(weights: Sequence[Fraction]) -> list[int]:
    """Return whole numbers in the proportion of the weights."""
    common = lcm(*(weight.denominator for weight in weights))
    return [int(weight * common) for weight in weights]


def _sizes(cut: Cut, *, size: int, rooms: list[int]) -> list[int]:
    """Return how many samples each part gives."""
    if sum(rooms) < size:
        raise _too_small(cut, size=size, room=sum(rooms))
    if len(cut.parts) < 2:
        return [size] * len(cut.parts)
    places = [f"{place:06d}" for place in range(len(cut.parts))]
    weights = whole_numbers([_weight(part) for part in cut.parts])
    asked = apportion(size, weights=dict(zip(places, weights, strict=True)))
    rigid = [_frozen(part) or cut.short == "error" for part in cut.parts]
    for part, place, room, is_rigid in zip(cut.parts, places, rooms, rigid, strict=True):
        if is_rigid and asked[place] > room:
            raise _too_short(part, ["all"], expected=[asked[place]], got=[room])
    loose = [at for at, is_rigid in enumerate(rigid) if not is_rigid]
    left = size - sum(asked[places[at]] for at in range(len(places)) if rigid[at])
    if sum(rooms[at] for at in loose) < left:
        raise _too_small(cut, size=left, room=sum(rooms[at] for at in loose))
    own = {places[at]: weights[at] for at in loose}
    taken = asked | apportion(left, weights=own, caps={places[at]: rooms[at] for at in loose})
    for part, place in zip(cut.parts, places, strict=True):
        _check_least(part, taken[place], size=size)
    return [taken[place] for place in places]


def _strata(part: Part, *, size: int, free: list[int], room: list[int]) -> tuple[Share, ...]:
    """Return what each stratum of a part gives."""
    shares = whole_numbers(part.shares) if part.shares else free
    weights = dict(zip(part.strata, shares, strict=True))
    caps = dict(zip(part.strata, room, strict=True))
    asked = apportion(size, weights=weights)
    lacking = [name for name in part.strata if asked[name] > caps[name]]
    if sum(room) < size or (lacking and part.short == "error"):
        got = [caps[name] for name in lacking]
        raise _too_short(part, lacking, expected=[asked[name] for name in lacking], got=got)
    taken = apportion(size, weights=weights, caps=caps) if lacking else asked
    prefix = f"{part.component.name}: " if part.component else ""
    return tuple(
        Share(f"{prefix}{name}", asked=asked[name], available=has, taken=taken[name])
        for name, has in zip(part.strata, free, strict=True)
    )


def _repeats(part: Part) -> int:
    return part.component.repeats if part.component else 1


def _frozen(part: Part) -> bool:
    return part.component.frozen if part.component else False


def _weight(part: Part) -> Fraction:
    return Fraction(str(part.component.weight)) if part.component else Fraction(1)


def _check_least(part: Part, taken: int, *, size: int) -> None:
    if part.component and taken < int(part.component.least * size):
        raise PoolError(
            f"at least {part.component.least:g} of {size:,} samples from component "
            f"{part.component.name!r}",
            got=f"{taken:,} after the others made up for it",
            fix="lower size or `least`, let it repeat samples, or enlarge the pool",
        )


def _too_small(cut: Cut, *, size: int, room: int) -> PoolError:
    return PoolError(
        f"{size:,} samples by rule {cut.rule!r}",
        got=f"{room:,} that may be drawn",
        fix=f"lower size to {room:,}, enlarge the pool or lower guard_rings",
    )


def _too_short(
    part: Part, names: Sequence[str], *, expected: Sequence[int], got: Sequence[int]
) -> PoolError:
    whose = f" for component {part.component.name!r}" if part.component else ""
    over = "" if part.over == "rule" or list(names) == ["all"] else f" of {part.over}"
    lines = (
        f"{number:,} samples{over}{f' {name}' if over else ''}"
        for name, number in zip(names, expected, strict=True)
    )
    return PoolError(
        f"{', '.join(lines)}{whose}",
        got=", ".join(f"{number:,}" for number in got),
        fix="lower size, enlarge the pool, or set `short: redistribute`",
    )


def _early_seats(
    size: int, *, weights: Mapping[str, int], room: Mapping[str, int]
) -> dict[str, int]:
    """Return all seats but the last few at once: those whose quotient exceeds a threshold."""
    total = max(sum(weights.values()), 1)

    def seats(inverse: int) -> dict[str, int]:
        """Return the seats whose weight / (2 seats + 1) exceeds total / inverse."""
        odd = {name: (weight * inverse - 1) // total + 1 for name, weight in weights.items()}
        return {name: min(room[name], odd[name] // 2) for name in weights}

    low, high = 0, 2 * total * max(room.values(), default=0) + 2
    while low < high - 1:  # whole numbers beyond what `bisect` takes
        middle = (low + high) // 2
        low, high = (middle, high) if sum(seats(middle).values()) <= size else (low, middle)
    return seats(low)
