"""From a rule and a census to a number of samples per stratum; pure.

A rule says three things: which values of which stratum it draws from, which of them count as one,
and what weight each has. A new rule is one class in `samplers.spec` and one arm in `split`.

Seats are handed out one after another (Webster's method), never by largest remainder: there a
larger size can leave a stratum with fewer samples (the Alabama paradox), and a small draw would
no longer lie inside a larger one.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from infra.errors import PoolError
from samplers.census import UNKNOWN, Totals
from samplers.names import Stratum
from samplers.places import Only
from samplers.rules import Rule, Stratified, Uniform, Zero
from samplers.spec import CompositionSpec


@dataclass(frozen=True)
class Split:
    """How a rule cuts the pool."""

    over: Stratum
    """The column that is cut."""
    home: Mapping[str, str]
    """The stratum each value belongs to; samples with any other value are never drawn."""
    weights: Mapping[str, int]
    """The weight of each stratum."""
    short: Literal["error", "redistribute"] = "error"
    """What happens when a stratum holds too few."""


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


def split(rule: Rule, *, held: Totals, free: Totals) -> Split:
    """Return how a rule cuts a pool of which only the `free` samples may be drawn.

    Raises:
        PoolError: If the rule names a value that the pool does not have.
    """
    match rule:
        case Zero():
            return Split("continent", home={}, weights={})
        case Uniform():
            return Split("continent", dict.fromkeys(held["continent"], "all"), {"all": 1})
        case Only(over=over, values=values):
            _check_known(over, values, held=held)
            name = "+".join(sorted(values))
            return Split(over, dict.fromkeys(values, name), {name: 1})
        case Stratified(over=over, shares=shares, short=short):
            values = tuple(value for value in held[over] if value != UNKNOWN[over])
            equal = shares == "equal"
            weights = {value: 1 if equal else free[over].get(value, 0) for value in values}
            return Split(over, {value: value for value in values}, weights, short)


def share_out(composition: CompositionSpec, *, held: Totals, free: Totals) -> tuple[Share, ...]:
    """Return what every stratum gives, in order of name; the sum is the size asked for.

    The strata are those the pool holds, so one that the guard emptied counts as short; what each
    can give, and the weights of proportional shares, follow from the free samples.

    Raises:
        PoolError: If the pool, or a stratum whose rule says so, holds too few.
    """
    cut = split(composition.rule, held=held, free=free)
    available = _available(cut, free)
    if composition.size > sum(available.values()):
        raise _too_small(composition, sum(available.values()))
    asked = apportion(composition.size, weights=cut.weights)
    lacking = [name for name in sorted(asked) if asked[name] > available[name]]
    if lacking and cut.short == "error":
        raise _too_short(composition, lacking, asked=asked, available=available)
    taken = apportion(composition.size, weights=cut.weights, caps=available)
    return tuple(
        Share(name, asked=asked[name], available=available[name], taken=taken[name])
        for name in sorted(asked)
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
    left = min(size, sum(room.values())) - sum(seats.values())
    for _ in range(left):
        open_names = [name for name in seats if seats[name] < room[name]]
        behind = {name: Fraction(weights[name], 2 * seats[name] + 1) for name in open_names}
        seats[min(open_names, key=lambda name: (-behind[name], name))] += 1
    return seats


def _early_seats(
    size: int, *, weights: Mapping[str, int], room: Mapping[str, int]
) -> dict[str, int]:
    """Return all seats but the last few at once: those whose quotient exceeds a threshold."""
    total = max(sum(weights.values()), 1)

    def seats(
        inverse: int,
    ) -> dict[str, int]:  # seats with weight / (2 seats + 1) > total / inverse
        odd = {name: (weight * inverse - 1) // total + 1 for name, weight in weights.items()}
        return {name: min(room[name], odd[name] // 2) for name in weights}

    most = 2 * total * max(room.values(), default=0) + 2
    found = bisect_right(range(most), size, key=lambda inverse: sum(seats(inverse).values())) - 1
    return seats(found)


def _available(cut: Split, free: Totals) -> dict[str, int]:
    available = dict.fromkeys(cut.weights, 0)
    for value, stratum in cut.home.items():
        available[stratum] += free[cut.over].get(value, 0)
    return available


def _check_known(over: Stratum, values: tuple[str, ...], *, held: Totals) -> None:
    for value in values:
        if value not in held[over]:
            raise PoolError(
                f"wanted samples whose {over} is {value!r}",
                found="none in the pool",
                do=f"it has {', '.join(held[over]) or 'no samples at all'}",
            )


def _too_small(composition: CompositionSpec, available: int) -> PoolError:
    return PoolError(
        f"wanted {composition.size:,} samples by rule {composition.rule.kind!r}",
        found=f"{available:,} that may be drawn",
        do=f"lower size to {available:,}, enlarge the pool or lower guard_rings",
    )


def _too_short(
    composition: CompositionSpec,
    lacking: list[str],
    *,
    asked: Mapping[str, int],
    available: Mapping[str, int],
) -> PoolError:
    over = getattr(composition.rule, "over", "stratum")
    wanted = ", ".join(f"{asked[name]:,} samples of {over} {name}" for name in lacking)
    return PoolError(
        f"wanted {wanted}",
        found=", ".join(f"{available[name]:,}" for name in lacking),
        do="lower size, enlarge the pool, or set `short: redistribute`",
    )
