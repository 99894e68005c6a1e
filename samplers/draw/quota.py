"""From a sampling design and the samples that are free to a number of samples per stratum; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.draw.apportion import apportion, whole_numbers
from terrasweep.samplers.draw.design import DesignPart, SamplingDesign


@dataclass(frozen=True)
class StratumShare:
    """What one stratum was asked for, what it has, and what it gives."""

    stratum: str
    asked: int
    """Its share, were there enough everywhere."""
    available: int
    """How many may be drawn: what the pool holds, less what the guard leaves out."""
    taken: int
    """What it gives; differs from `asked` only where samples were redistributed."""


def allocate(
    design: SamplingDesign,
    *,
    size: int,
    free: Sequence[np.ndarray],
    lost: Sequence[np.ndarray] | None = None,
) -> tuple[tuple[StratumShare, ...], ...]:
    """Return what every stratum of every part gives; the sum is the size asked for.

    Args:
        design: The strata, and the shares that they should have.
        size: How many samples are asked for.
        free: For each part, how many samples of each stratum may be drawn.
        lost: For each part, how many of these an earlier part draws; none are lost if not said.

    Raises:
        PoolError: If the pool, or a stratum whose rule says so, holds too few.
    """
    lost = [np.zeros_like(counts) for counts in free] if lost is None else lost
    limits = [
        _limits(part, free=counts, lost=gone)
        for part, counts, gone in zip(design.parts, free, lost, strict=True)
    ]
    sizes = _part_sizes(design, size=size, limits=[sum(own) for own in limits])
    return tuple(
        _strata(part, size=part_size, free=[int(count) for count in counts], limits=own)
        for part, part_size, counts, own in zip(design.parts, sizes, free, limits, strict=True)
    )


def _limits(part: DesignPart, *, free: np.ndarray, lost: np.ndarray) -> list[int]:
    """Return how many samples each stratum of a part can give, repeated ones counted."""
    return [
        max(int(count - gone), 0) * part.repeats for count, gone in zip(free, lost, strict=True)
    ]


def _part_sizes(design: SamplingDesign, *, size: int, limits: list[int]) -> list[int]:
    """Return how many samples each part gives."""
    if sum(limits) < size:
        raise _pool_too_small(design, size=size, limit=sum(limits))
    if len(design.parts) < 2:
        return [size] * len(design.parts)
    # Ties go to the first name, so names in the order of the parts make the first part win.
    names = [f"{number:06d}" for number in range(len(design.parts))]
    numbers = whole_numbers([_weight(part) for part in design.parts])
    weights = dict(zip(names, numbers, strict=True))
    caps = dict(zip(names, limits, strict=True))
    parts = dict(zip(names, design.parts, strict=True))
    asked = apportion(size, weights=weights)
    # A rigid part gives what it was asked for, or the draw fails; the others share the rest.
    rigid = {name for name in names if parts[name].frozen or design.short == "error"}
    for name in names:
        if name in rigid and asked[name] > caps[name]:
            raise _part_too_small(parts[name], ["all"], asked=[asked[name]], got=[caps[name]])
    loose = [name for name in names if name not in rigid]
    left = size - sum(asked[name] for name in rigid)
    if sum(caps[name] for name in loose) < left:
        raise _pool_too_small(design, size=left, limit=sum(caps[name] for name in loose))
    taken = asked | apportion(
        left,
        weights={name: weights[name] for name in loose},
        caps={name: caps[name] for name in loose},
    )
    for name in names:
        _check_least(parts[name], taken[name], size=size)
    return [taken[name] for name in names]


def _strata(
    part: DesignPart, *, size: int, free: list[int], limits: list[int]
) -> tuple[StratumShare, ...]:
    """Return what each stratum of a part gives."""
    numbers = whole_numbers(part.shares) if part.shares else free
    weights = dict(zip(part.strata, numbers, strict=True))
    caps = dict(zip(part.strata, limits, strict=True))
    asked = apportion(size, weights=weights)
    lacking = [name for name in part.strata if asked[name] > caps[name]]
    if sum(limits) < size or (lacking and part.short == "error"):
        wanted, got = ([counts[name] for name in lacking] for counts in (asked, caps))
        raise _part_too_small(part, lacking, asked=wanted, got=got)
    taken = apportion(size, weights=weights, caps=caps) if lacking else asked
    prefix = f"{part.component.name}: " if part.component else ""
    return tuple(
        StratumShare(f"{prefix}{name}", asked=asked[name], available=count, taken=taken[name])
        for name, count in zip(part.strata, free, strict=True)
    )


def _weight(part: DesignPart) -> Fraction:
    """Return a component's weight as it was written: 0.1 is one tenth, not the float next to it."""
    return Fraction(str(part.component.weight)) if part.component else Fraction(1)


def _check_least(part: DesignPart, taken: int, *, size: int) -> None:
    if part.component and taken < int(part.component.least * size):
        raise PoolError(
            f"at least {part.component.least:g} of {size:,} samples from component "
            f"{part.component.name!r}",
            got=f"{taken:,} after the others made up for it",
            fix="lower size or `least`, let it repeat samples, or enlarge the pool",
        )


def _pool_too_small(design: SamplingDesign, *, size: int, limit: int) -> PoolError:
    return PoolError(
        f"{size:,} samples by rule {design.rule!r}",
        got=f"{limit:,} that may be drawn",
        fix=f"lower size to {limit:,}, enlarge the pool or lower guard_rings",
    )


def _part_too_small(
    part: DesignPart, names: Sequence[str], *, asked: Sequence[int], got: Sequence[int]
) -> PoolError:
    component = f" for component {part.component.name!r}" if part.component else ""
    is_whole = part.over == "rule" or list(names) == ["all"]
    lines = [
        f"{number:,} samples" if is_whole else f"{number:,} samples of {part.over} {name}"
        for name, number in zip(names, asked, strict=True)
    ]
    return PoolError(
        f"{', '.join(lines)}{component}",
        got=", ".join(f"{number:,}" for number in got),
        fix="lower size, enlarge the pool, or set `short: redistribute`",
    )
