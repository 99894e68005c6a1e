"""The draws of a sweep and the pools that they come from, each under the name that people use."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from terrasweep.infra.errors import SpecError, StoreError, nearest
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.sweeps.plan.grid import Plan, shard
from terrasweep.sweeps.spec.sweep import ModelEntry


@dataclass(frozen=True)
class PlannedDraw:
    """One composition, drawn from one pool."""

    name: str
    composition: str
    pool: str
    replicate: int
    step: Step[Spec]


def pools(entries: Iterable[ModelEntry]) -> dict[str, Step[Spec]]:
    """Return the shard steps of model entries: one for each pool, named for its first entry."""
    named: dict[str, Step[Spec]] = {}
    for entry in entries:
        step = shard(entry, label=entry.name)
        if step.key not in {other.key for other in named.values()}:
            named[entry.name] = step
    return named


def draws(planned: Plan) -> list[PlannedDraw]:
    """Return every draw of a plan once, in the order in which the sweep names compositions."""
    pool_of = {step.key: name for name, step in pools(planned.sweep.models).items()}
    planned_draws: dict[object, PlannedDraw] = {}
    for cell in planned.included:
        for step in (need for need in cell.checkpoint.needs if need.stage == "sample"):
            pool = pool_of[step.need("shard").key]
            own = PlannedDraw(cell.composition, cell.composition, pool, cell.replicate, step)
            planned_draws.setdefault((step.key, cell.composition), own)
    order = {entry.name: place for place, entry in enumerate(planned.sweep.compositions)}
    ordered = sorted(
        planned_draws.values(),
        key=lambda draw: (order[draw.composition], draw.replicate, draw.pool),
    )
    return _with_pool_names(ordered)


def chosen(
    planned: Sequence[PlannedDraw], *, composition: str | None, replicate: int, sweep: str
) -> list[PlannedDraw]:
    """Return the draws of one replicate, and of one composition if one is named.

    Raises:
        SpecError: If the sweep draws no such composition or replicate.
    """
    names = list(dict.fromkeys(name for draw in planned for name in (draw.composition, draw.name)))
    if composition is not None and composition not in names:
        expected = f"a composition that {sweep} draws"
        raise SpecError(expected, got=repr(composition), fix=nearest(composition, names))
    own = [draw for draw in planned if draw.replicate == replicate]
    if not own:
        numbers = sorted({draw.replicate for draw in planned})
        fix = f"choose one of {', '.join(map(str, numbers))}" if numbers else "add a composition"
        raise SpecError(f"a draw of {sweep}", got=f"no replicate {replicate}", fix=fix)
    return [draw for draw in own if composition in (None, draw.composition, draw.name)]


def not_drawn(sweep: str) -> StoreError:
    """Return the error of draws that are not in the store."""
    fix = f"`terrasweep composition draw {sweep}` makes them, and nothing else"
    return StoreError(f"the draws of {sweep}", got="none in the store", fix=fix)


def _with_pool_names(planned: Sequence[PlannedDraw]) -> list[PlannedDraw]:
    """Name the pool of a composition that is drawn from several."""
    pools_of: dict[str, set[str]] = defaultdict(set)
    for draw in planned:
        pools_of[draw.composition].add(draw.pool)
    return [
        replace(draw, name=f"{draw.composition} from {draw.pool}")
        if len(pools_of[draw.composition]) > 1
        else draw
        for draw in planned
    ]
