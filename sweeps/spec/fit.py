"""What the parts of a sweep owe each other: values that are well formed alone, but must fit."""

from collections import Counter
from collections.abc import Sequence

from pydantic_core import PydanticCustomError

from terrasweep.infra.errors import nearest

MAX_CELLS = 2_000_000  # a plan is held in memory; a larger grid is a slip of the pen


def misfit(at: str, wanted: str, *, found: str, do: str) -> PydanticCustomError:
    """Return the error of a field, named by its dotted path, that does not fit the others."""
    parts = {"at": at, "wanted": wanted, "found": found, "do": do}
    return PydanticCustomError("misfit", "{wanted}; found {found}; {do}", parts)


def check_once(axis: str, values: Sequence[str]) -> None:
    """Refuse an axis that names a value twice."""
    twice = [value for value, times in Counter(values).items() if times > 1]
    if twice:
        last = len(values) - 1 - values[::-1].index(twice[0])
        raise misfit(
            f"{axis}.{last}",
            f"every value of {axis} once",
            found=f"{twice[0]!r} named twice",
            do="drop one, or give it another name",
        )


def check_known(at: str, value: str, *, known: Sequence[str], what: str) -> None:
    """Refuse a name that the sweep does not have."""
    if value not in known:
        raise misfit(at, f"{what} of this sweep", found=repr(value), do=nearest(value, known))


def check_room(at: str, *, size: int, room: int | None, names: tuple[str, str]) -> None:
    """Refuse a composition that asks for more samples than its pool holds."""
    if room is not None and size > room:
        composition, model = names
        raise misfit(
            at,
            f"composition {composition!r} to fit in the {room:,} samples of the pool of {model!r}",
            found=f"a size of {size:,}",
            do="lower size or enlarge the pool",
        )


def check_cells(num_cells: int) -> None:
    """Refuse a grid that nobody can have meant."""
    if num_cells > MAX_CELLS:
        raise misfit(
            "",
            f"a grid of at most {MAX_CELLS:,} cells",
            found=f"{num_cells:,} cells",
            do="shorten an axis, or make several sweeps of it",
        )
