"""What the parts of a sweep owe each other: values that are well formed alone, but must fit."""

from collections import Counter
from collections.abc import Sequence

from pydantic_core import PydanticCustomError

from terrasweep.infra.errors import nearest

MAX_CELLS = 2_000_000  # a plan is held in memory; a larger grid is a slip of the pen


def misfit(at: str, expected: str, *, got: str, fix: str) -> PydanticCustomError:
    """Return the error of a field, named by its dotted path, that does not fit the others."""
    parts = {"at": at, "expected": expected, "got": got, "fix": fix}
    return PydanticCustomError("misfit", "expected {expected}, got {got}. Fix: {fix}", parts)


def check_once(axis: str, values: Sequence[str]) -> None:
    """Refuse an axis that names a value twice."""
    twice = [value for value, times in Counter(values).items() if times > 1]
    if twice:
        last = len(values) - 1 - values[::-1].index(twice[0])
        raise misfit(
            f"{axis}.{last}",
            f"every value of {axis} once",
            got=f"{twice[0]!r} named twice",
            fix="drop one, or give it another name",
        )


def check_known(at: str, value: str, *, known: Sequence[str], what: str) -> None:
    """Refuse a name that the sweep does not have."""
    if value not in known:
        raise misfit(at, f"{what} of this sweep", got=repr(value), fix=nearest(value, known))


def check_room(at: str, *, size: int, room: int | None, names: tuple[str, str]) -> None:
    """Refuse a composition that asks for more samples than its pool holds."""
    if room is not None and size > room:
        composition, model = names
        raise misfit(
            at,
            f"composition {composition!r} to fit in the {room:,} samples of the pool of {model!r}",
            got=f"a size of {size:,}",
            fix="lower size or enlarge the pool",
        )


def check_cells(num_cells: int) -> None:
    """Refuse a grid that nobody can have meant."""
    if num_cells > MAX_CELLS:
        raise misfit(
            "",
            f"a grid of at most {MAX_CELLS:,} cells",
            got=f"{num_cells:,} cells",
            fix="shorten an axis, or make several sweeps of it",
        )
