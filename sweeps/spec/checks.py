"""What networks, tasks and protocols owe each other, checked before anything is made."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

from pydantic_core import PydanticCustomError

from terrasweep.infra.errors import nearest
from terrasweep.models.members import METRICS, PROBES, ZOO
from terrasweep.models.spec import ModelSpec, ProbeSpec
from terrasweep.samplers.spec.pools import PoolSpec
from terrasweep.samplers.spec.tasks import DrawSpec, TaskSpec

MEANT = {
    "binary": "one of two classes",
    "classes": "one of several classes",
    "labels": "any number of labels at once",
    "number": "a number",
    "map": "a class for every pixel",
}


def check_read(at: str, model: ModelSpec, task: TaskSpec) -> None:
    """Refuse a task that does not give the arrays that a network reads."""
    if not set(model.encodes) <= set(task.gives):
        raise misfit(
            at,
            f"{', '.join(model.encodes)} of each sample of {task.name}, which {model.name} reads",
            got=f"only {', '.join(task.gives) or 'coordinates'}",
            fix="judge it on a task that gives them, or set the task's `arrays` if it has some",
        )


def check_mapped(at: str, model: ModelSpec, task: TaskSpec) -> None:
    """Refuse a task of maps for a network that says one thing of a whole image."""
    if task.target == "map" and not model.makes_maps:
        names = (name for name in ZOO.names if cast("type[ModelSpec]", ZOO.spec(name)).makes_maps)
        raise misfit(
            at,
            f"features of every patch of an image for {task.name}, whose labels are maps",
            got=f"{model.name}, which makes one vector of each image",
            fix=f"judge {' or '.join(names)} on it, or let the task count a map as one class",
        )


def check_learned(at: str, model: ModelSpec, pool: PoolSpec) -> None:
    """Refuse a pool whose series are longer than a network reads."""
    if pool.num_months is not None and pool.num_months > model.most_months:
        raise misfit(
            f"{at}.pool",
            f"series of at most {model.most_months} months, which is what {model.name} reads",
            got=f"{pool.num_months} months in the pool",
            fix="shorten the pool's `months`, or train a network that reads more",
        )


def check_scored(at: str, task: TaskSpec) -> None:
    """Refuse a primary metric that cannot score what a task asks for, or where less is better."""
    metrics: Any = METRICS
    able = [name for name in METRICS.names if task.target in metrics[name].JUDGES]
    fit = [name for name in able if metrics[name].HIGHER_IS_BETTER]
    if task.metric not in fit:
        raise misfit(
            f"{at}.task.metric",
            f"a metric of {MEANT[task.target]}, which {task.name} asks for",
            got=repr(task.metric),
            fix=f"use one of {', '.join(fit)}",
        )


def check_trained(at: str, task: TaskSpec, *, protocols: Sequence[ProbeSpec]) -> None:
    """Refuse a protocol that cannot be trained for what a task asks."""
    specs: Any = PROBES.spec
    fit = [name for name in PROBES.names if task.target in specs(name).judges]
    for place, protocol in enumerate(protocols):
        if task.target not in protocol.judges:
            raise misfit(
                f"protocols.{place}",
                f"a protocol that can be trained for {MEANT[task.target]}, "
                f"which {task.name} in {at} asks for",
                got=protocol.name,
                fix=f"use one of {', '.join(fit)}",
            )


def check_drawn(task: TaskSpec, draw: DrawSpec) -> None:
    """Refuse a draw that a task has no classes or no official split for."""
    if draw.held_out == "official" and not task.has_official_split:
        raise misfit(
            "draw.held_out",
            f"the official split of {task.name}",
            got="a task whose authors give none",
            fix="hold out the `remainder` or `blocks`",
        )
    if draw.stratified and task.target not in ("binary", "classes"):
        raise misfit(
            "draw.stratified",
            f"classes of {task.name} to draw by",
            got=f"a task that asks for {MEANT[task.target]}",
            fix="leave `stratified` out",
        )


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
