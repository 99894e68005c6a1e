"""The cards of a sweep's draws and of the pools behind them: all that pages and tables tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from terrasweep.infra.spec import Json, Spec
from terrasweep.infra.step import Key, Step
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.reading import contents
from terrasweep.pipelines.spec import ShardSpec
from terrasweep.samplers.audit.audit import SampleSet, audit, overlap
from terrasweep.sweeps.plan.draws import PlannedDraw

KEPT = ("composition", "replicate", "quota", "short", "repeated", "guard", "notes", "leakage")
"""What the sample step's own card says beside what an audit finds."""


@dataclass(frozen=True)
class Cards:
    """What the page shows of a sweep's draws, or of pools alone."""

    title: str
    synthetic: bool
    pools: Mapping[str, Json]
    compositions: Mapping[str, Json]
    overlap: Sequence[Json]
    not_drawn: tuple[str, ...] = ()
    """Draws that are not in the store."""


def of_draws(
    title: str, draws: Sequence[PlannedDraw], *, shown: Sequence[PlannedDraw], store: Store
) -> Cards:
    """Return the cards of the draws that are shown, beside all draws of their replicate.

    Args:
        title: What people call the sweep.
        draws: All draws that are compared.
        shown: Those among them that get a card.
        store: Where they were made.
    """
    there = store.done(draw.step.key for draw in draws)
    drawn = [draw for draw in draws if draw.step.key in there]
    held = {draw.name: contents.drawn(store, draw.step.key) for draw in drawn}
    own = [draw for draw in drawn if draw in shown]
    names = {draw.name for draw in own}
    shards = {draw.pool: draw.step.need("shard").key for draw in own}
    return Cards(
        title=title,
        synthetic=any(_is_synthetic(draw.step.need("shard")) for draw in draws),
        pools={name: _pool(key, store=store) for name, key in shards.items()},
        compositions={draw.name: _card(draw, held[draw.name], store=store) for draw in own},
        overlap=_overlaps(held, names),
        not_drawn=tuple(draw.name for draw in draws if draw.step.key not in there),
    )


def of_pools(title: str, steps: Mapping[str, Step[Spec]], *, store: Store) -> Cards:
    """Return the audits of the pools behind shard steps."""
    there = store.done(step.key for step in steps.values())
    built = {name: step for name, step in steps.items() if step.key in there}
    return Cards(
        title=title,
        synthetic=any(_is_synthetic(step) for step in built.values()),
        pools={name: _pool(step.key, store=store) for name, step in built.items()},
        compositions={},
        overlap=(),
        not_drawn=tuple(name for name in steps if name not in built),
    )


def _pool(key: Key, *, store: Store) -> Json:
    """Return the audit of the pool behind a shard step."""
    pool_audit = audit(contents.pooled(store, key))
    return {**pool_audit, "rejected": contents.rejected(store, key), "key": str(key)}


def _card(draw: PlannedDraw, held: SampleSet, *, store: Store) -> Json:
    card = contents.card(store, draw.step.key)
    kept = {name: card[name] for name in KEPT if name in card}
    return {**audit(held), **kept, "pool": draw.pool, "key": str(draw.step.key)}


def _overlaps(held: Mapping[str, SampleSet], names: set[str]) -> list[Json]:
    return [
        {"one": one, "other": other, **overlap(held[one], held[other])}
        for one, other in combinations(held, 2)
        if {one, other} & names
    ]


def _is_synthetic(shard: Step[Spec]) -> bool:
    return isinstance(shard.spec, ShardSpec) and shard.spec.pool.synthetic
