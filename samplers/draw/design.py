"""From a rule to a sampling design: the strata of the pool, their shares, each sample's weight.

A new rule is one class in `samplers/spec/rules.py` or `places.py`, and one arm here. A design has
one part, or one for each component of a mixture; a part has one stratum, or one for each value that
its rule gives a share.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import cast

import numpy as np

from terrasweep.infra.spec import canonical, digest
from terrasweep.samplers.draw import layers
from terrasweep.samplers.draw.kernels import GaussianKernel
from terrasweep.samplers.draw.pool_facts import PoolFacts, bounds_of
from terrasweep.samplers.draw.view import IndexView, RankSeed
from terrasweep.samplers.draw.weights import (
    AllOf,
    AnyOf,
    ByCell,
    EntropyFrom,
    EntropyTilt,
    Everything,
    FarFromCities,
    InBox,
    InPolygons,
    InStrata,
    Weighting,
    Without,
    possible,
)
from terrasweep.samplers.geography import cities
from terrasweep.samplers.geography.strata import Continent, Stratum
from terrasweep.samplers.spec.places import (
    Box,
    Cities,
    EntropyTop,
    NaturalForest,
    Only,
    Overlap,
    PerSample,
    Place,
    Points,
    Polygons,
    Union,
)
from terrasweep.samplers.spec.rules import (
    Component,
    Difference,
    EntropyHistogram,
    EntropyWeighted,
    Mixture,
    Rule,
    Short,
    Stratified,
    Uniform,
    Zero,
)


@dataclass(frozen=True)
class ValueStrata:
    """Strata that are values of a column."""

    over: Stratum
    numbers: Mapping[str, int]
    """Of each value, the number of its stratum."""

    def assign(self, view: IndexView) -> np.ndarray:
        """Return the number of each row's stratum, or -1."""
        return view.numbered(self.over, self.numbers)


@dataclass(frozen=True)
class EntropyStrata:
    """Strata that are bins of the spectral entropy; the last bin holds its upper edge."""

    edges: tuple[float, ...]

    def assign(self, view: IndexView) -> np.ndarray:
        """Return the number of each row's bin, or -1."""
        entropy, last = view.column("entropy").astype(np.float64), len(self.edges) - 2
        number = np.searchsorted(self.edges, entropy, side="right") - 1
        number = np.where(entropy == self.edges[-1], last, number)
        return np.where(np.isnan(entropy) | (number > last), -1, number)


@dataclass(frozen=True)
class SingleStratum:
    """One stratum of everything."""

    def assign(self, _: IndexView) -> np.ndarray:
        """Return a single zero, which numpy spreads over all rows."""
        return np.zeros(1, dtype=np.int16)


@dataclass(frozen=True, eq=False)
class DesignPart:
    """What one rule draws from; in a mixture one of several. Views keep its strata under it."""

    over: str
    """What its strata are values of."""
    strata: tuple[str, ...]
    shares: tuple[Fraction, ...] | None = (Fraction(1),)
    """The weight of each stratum; none: as many as may be drawn."""
    grouping: ValueStrata | EntropyStrata | SingleStratum = field(default_factory=SingleStratum)
    weighting: Weighting = field(default_factory=Everything)
    short: Short = "error"
    notes: tuple[str, ...] = ()
    """What the rule found in the pool or in a file, for the card."""
    component: Component | None = None

    @property
    def repeats(self) -> int:
        """How often one sample may be drawn."""
        return self.component.repeats if self.component else 1

    @property
    def frozen(self) -> bool:
        """Whether it gives exactly its share, whatever the others lack."""
        return self.component.frozen if self.component else False

    def rank_seed(self, replicate: int) -> RankSeed:
        """Return what the ranks follow from by which its samples are drawn."""
        return RankSeed(replicate, self.component.name if self.component else "")

    def strata_of(self, view: IndexView) -> np.ndarray:
        """Return the number of each row's stratum, -1 where it is not drawn."""
        return view.once(
            ("strata", self),
            lambda: only_where(self.weighting.support(view), self.grouping.assign(view)),
        )

    def possible(self, census: IndexView) -> np.ndarray:
        """Return for each row of a census whether samples that it counts may be drawn."""
        may = possible(self.weighting, census)
        if isinstance(self.grouping, ValueStrata):
            may = may & (self.grouping.assign(census) >= 0)
        return may


def only_where(held: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Return the stratum numbers of rows that are held, and -1 for all others."""
    # Held rows or with 0, all others with -1, which has every bit set; np.where takes three times
    # as long.
    return np.asarray(strata | (held.astype(np.int16) - np.int16(1)))


@dataclass(frozen=True, eq=False)
class SamplingDesign:
    """How a rule draws from a pool: parts, strata, shares and weights."""

    rule: str
    parts: tuple[DesignPart, ...]
    short: Short = "error"
    """What happens when a part holds too few."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the rule found in the pool or in a file."""
        return tuple(note for part in self.parts for note in part.notes)


def sampling_design(rule: Rule, *, facts: PoolFacts) -> SamplingDesign:
    """Return how a rule draws from a pool.

    Raises:
        PoolError: If the pool does not know what the rule asks of it, or a file cannot be used.
    """
    name = digest(canonical(rule))
    if name not in facts.memo:  # replicates and the compositions of a sweep share it
        facts.memo[name] = _design(rule, facts)
    return cast("SamplingDesign", facts.memo[name])


def _design(rule: Rule, facts: PoolFacts) -> SamplingDesign:
    match rule:
        case Zero():
            return SamplingDesign(rule.kind, ())
        case Mixture(components=components, short=short):
            parts = (replace(_part(one.rule, facts), component=one) for one in components)
            return SamplingDesign(rule.kind, tuple(parts), short)
        case _:
            return SamplingDesign(rule.kind, (_part(rule, facts),))


def _part(
    rule: Place | Difference | Uniform | EntropyWeighted | Stratified | EntropyHistogram,
    facts: PoolFacts,
) -> DesignPart:
    match rule:
        case Stratified():
            return _stratified(rule, facts)
        case EntropyHistogram(edges=edges, shares=shares, short=short):
            facts.check_entropies()
            bins = tuple(f"{low:g}-{high:g}" for low, high in pairwise(edges))
            given = (1.0,) * len(bins) if shares == "equal" else shares
            weights = tuple(Fraction(str(one)) for one in given)
            return DesignPart("entropy", bins, weights, EntropyStrata(edges), short=short)
        case Only(values=values):
            weighting, notes = _weighting(rule, facts)
            return DesignPart(rule.over, ("+".join(values),), weighting=weighting, notes=notes)
        case _:
            weighting, notes = _weighting(rule, facts)
            return DesignPart("rule", ("all",), weighting=weighting, notes=notes)


def _stratified(rule: Stratified, facts: PoolFacts) -> DesignPart:
    if isinstance(rule.shares, str):
        values = facts.values(rule.over)
        equal = (Fraction(1),) * len(values)
        shares = equal if rule.shares == "equal" else None
    else:
        values = tuple(rule.shares)
        if rule.short == "error":
            facts.check(rule.over, values)
        shares = tuple(Fraction(str(weight)) for weight in rule.shares.values())
    numbers = {value: number for number, value in enumerate(values)}
    return DesignPart(rule.over, values, shares, ValueStrata(rule.over, numbers), short=rule.short)


def _weighting(
    rule: Place | Difference | Uniform | EntropyWeighted, facts: PoolFacts
) -> tuple[Weighting, tuple[str, ...]]:
    """Return how a rule weighs samples, and its notes for the card."""
    match rule:
        case Difference(of=of, less=less):
            first, notes = _weighting(of, facts)
            second, more = _several(less, facts)
            return Without(first, AnyOf(second)), notes + more
        case Union(of=of):
            weightings, notes = _several(of, facts)
            return AnyOf(weightings), notes
        case Overlap(of=of):
            weightings, notes = _several(of, facts)
            return AllOf(weightings), notes
        case Uniform(resolution=resolution):
            land = ByCell(resolution, *facts.land_per_sample(resolution))
            return AllOf((_on_continents(), land)), ()
        case EntropyWeighted(temperature=temperature):
            facts.check_entropies()
            return EntropyTilt(temperature), ()
        case EntropyTop(fraction=fraction):
            lowest, share = facts.entropy_bin(fraction)
            note = f"entropy_top: {share:.4f} of the pool has at least {bounds_of(lowest)}"
            return EntropyFrom(lowest), (note,)
        case _:
            return _place(rule, facts)


def _place(
    rule: PerSample | Only | Cities | Points | NaturalForest | Polygons | Box, facts: PoolFacts
) -> tuple[Weighting, tuple[str, ...]]:
    match rule:
        case PerSample():
            return Everything(), ()
        case Only(over=over, values=values, also=also):
            named = {over: values, **also}
            for stratum, wanted in named.items():
                facts.check(stratum, wanted)
            return InStrata({stratum: frozenset(wanted) for stratum, wanted in named.items()}), ()
        case Cities(top=top, radius_km=radius):
            largest = cities.top(top)
            return GaussianKernel(largest.lat, largest.lon, radius), ()
        case NaturalForest(biomes=biomes, city_km=km):
            facts.values("biome")
            return AllOf((InStrata({"biome": frozenset(biomes)}), FarFromCities(km))), ()
        case Points() | Polygons():
            return _layer(rule)
        case Box(south=south, north=north, west=west, east=east):
            return InBox(south=south, north=north, west=west, east=east), ()


def _layer(rule: Points | Polygons) -> tuple[Weighting, tuple[str, ...]]:
    if isinstance(rule, Points):
        points = layers.points(rule)
        note = f"{rule.path}: content {points.content}, {len(points.lat):,} points"
        return GaussianKernel(points.lat, points.lon, rule.radius_km), (note,)
    shapes = layers.polygons(rule)
    note = f"{rule.path}: content {shapes.content}, {len(shapes.wkb):,} polygons"
    return InPolygons(shapes.wkb), (note,)


def _several(
    rules: tuple[Place, ...] | tuple[Overlap, ...], facts: PoolFacts
) -> tuple[tuple[Weighting, ...], tuple[str, ...]]:
    pairs = [_weighting(rule, facts) for rule in rules]
    weightings = tuple(weighting for weighting, _ in pairs)
    return weightings, tuple(note for _, notes in pairs for note in notes)


def _on_continents() -> InStrata:
    return InStrata({"continent": frozenset(continent.value for continent in Continent)})
