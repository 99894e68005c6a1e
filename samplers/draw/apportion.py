"""Hand out seats in proportion to weights, by Webster's method; pure, and exact in whole numbers.

Seats are handed out one after another, never by largest remainder: there a larger size can leave
a stratum with fewer samples (the Alabama paradox), and a small draw would no longer lie inside a
larger one.
"""

import heapq
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import lcm


def apportion(
    size: int, *, weights: Mapping[str, int], caps: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Hand out seats one by one, each to the name that is furthest behind its weight.

    The next seat goes to the largest weight / (2 seats + 1) among the names below their cap, ties
    to the first name; a larger size therefore never takes a seat away. Names whose weight is zero
    get a seat only when all others are full.
    """
    limits = {name: size if caps is None else caps[name] for name in weights}
    seats = _early_seats(size, weights=weights, limits=limits)
    # The heap gives the smallest, so quotients are negative; fractions, because rounding would
    # break ties differently from one size to the next.
    queue = [
        (-Fraction(weights[name], 2 * taken + 1), name)
        for name, taken in seats.items()
        if taken < limits[name]
    ]
    heapq.heapify(queue)
    for _ in range(min(size, sum(limits.values())) - sum(seats.values())):
        _, name = heapq.heappop(queue)
        seats[name] += 1
        if seats[name] < limits[name]:
            heapq.heappush(queue, (-Fraction(weights[name], 2 * seats[name] + 1), name))
    return seats


def whole_numbers(weights: Sequence[Fraction]) -> list[int]:
    """Return whole numbers in the proportion of the weights."""
    common = lcm(*(weight.denominator for weight in weights))
    return [int(weight * common) for weight in weights]


def _early_seats(
    size: int, *, weights: Mapping[str, int], limits: Mapping[str, int]
) -> dict[str, int]:
    """Return all seats but the last few at once, so that the queue hands out only those.

    Whoever has a quotient above a threshold gets the seat before anybody below it. So the seats
    above the highest threshold that does not exceed the size are certain, in whatever order.
    """
    total = max(sum(weights.values()), 1)

    def seats_above(inverse: int) -> dict[str, int]:
        """Return the seats whose weight / (2 seats + 1) exceeds total / inverse."""
        # 2 seats + 1 < weight * inverse / total: the number of odd numbers below that bound.
        odd = {name: (weight * inverse - 1) // total + 1 for name, weight in weights.items()}
        return {name: min(limits[name], odd[name] // 2) for name in weights}

    # Bisection by hand: the numbers are larger than those that `bisect` can index.
    low, high = 0, 2 * total * max(limits.values(), default=0) + 2
    while low < high - 1:
        middle = (low + high) // 2
        if sum(seats_above(middle).values()) <= size:
            low = middle
        else:
            high = middle
    return seats_above(low)
