"""From a rule to how it cuts the pool: into which strata, with which shares and weights.

A new rule is one class in `samplers/spec/rules.py` or `places.py`, and one arm here. A cut has one
part, or one for each component of a mixture; a part has one stratum, or one for each value that
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
from terrasweep.samplers.draw.kernels import Near
from terrasweep.samplers.draw.pool_facts import Facts, bounds_of
from terrasweep.samplers.draw.view import Frame
from terrasweep.samplers.draw.weights import (
    Among,
    Any,
    Both,
    ByCell,
    EntropyFrom,
    EntropyTilt,
    Everything,
    FarFromCities,
    InBox,
    InPolygons,
    Weigher,
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
class ByWord:
    """Strata that are words of a column."""

    over: Stratum
    home: Mapping[str, int]

    def place(self, frame: Frame) -> np.ndarray:
        """Return the place of each row's stratum, or -1."""
        return frame.placed(self.over, self.home)


@dataclass(frozen=True)
class ByEntropy:
    """Strata that are bins of the spectral entropy; the last holds its upper edge."""

    edges: tuple[float, ...]

    def place(self, frame: Frame) -> np.ndarray:
        """Return the place of each row's bin, or -1."""
        entropy, last = frame.column("entropy").astype(np.float64), len(self.edges) - 2
        place = np.searchsorted(self.edges, entropy, side="right") - 1
        place = np.where(entropy == self.edges[-1], last, place)
        return np.where(np.isnan(entropy) | (place > last), -1, place)


@dataclass(frozen=True)
class AsOne:
    """One stratum of everything."""

    def place(self, _: Frame) -> np.ndarray:
        """Return one zero: it stands for all rows."""
        return np.zeros(1, dtype=np.int16)


@dataclass(frozen=True, eq=False)
class Part:
    """What one rule draws from; in a mixture one of several."""

    over: str
    """What its strata are values of."""
    strata: tuple[str, ...]
    shares: tuple[Fraction, ...] | None = (Fraction(1),)
    """The weight of each stratum; none: as many as may be drawn."""
    grouping: ByWord | ByEntropy | AsOne = field(default_factory=AsOne)
    weigher: Weigher = field(default_factory=Everything)
    short: Short = "error"
    notes: tuple[str, ...] = ()
    """What the rule found in the pool or in a file, for the card."""
    component: Component | None = None

    def cut(self, frame: Frame) -> np.ndarray:
        """Return the place of each row's stratum, -1 where it is not drawn."""
        return frame.once(id(self), lambda: self._cut(frame))

    def possible(self, census: Frame) -> np.ndarray:
        """Say of each row of a census whether samples that it counts may be drawn."""
        may = possible(self.weigher, census)
        by_word = isinstance(self.grouping, ByWord)
        return may & (self.grouping.place(census) >= 0) if by_word else may

    def _cut(self, frame: Frame) -> np.ndarray:
        return only_where(self.weigher.holds(frame), self.grouping.place(frame))


def only_where(held: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return the places of rows that are held, and -1 for all others."""
    # Minus one has every bit set; np.where takes three times as long.
    return np.asarray(place | (held.astype(np.int16) - np.int16(1)))


@dataclass(frozen=True, eq=False)
class Cut:
    """How a rule cuts a pool."""

    rule: str
    parts: tuple[Part, ...]
    short: Short = "error"
    """What happens when a part holds too few."""


def cut(rule: Rule, *, facts: Facts) -> Cut:
    """Return how a rule cuts a pool.

    Raises:
        PoolError: If the pool does not know what the rule asks of it, or a file is amiss.
    """
    name = digest(canonical(rule))
    if name not in facts.memo:  # replicates and the compositions of a sweep share it
        facts.memo[name] = _cut(rule, facts)
    return cast("Cut", facts.memo[name])


def _cut(rule: Rule, facts: Facts) -> Cut:
    match rule:
        case Zero():
            return Cut(rule.kind, ())
        case Mixture(components=components, short=short):
            parts = (replace(_part(one.rule, facts), component=one) for one in components)
            return Cut(rule.kind, tuple(parts), short)
        case _:
            return Cut(rule.kind, (_part(rule, facts),))


def _part(
    rule: Place | Difference | Uniform | EntropyWeighted | Stratified | EntropyHistogram,
    facts: Facts,
) -> Part:
    match rule:
        case Stratified():
            return _stratified(rule, facts)
        case EntropyHistogram(edges=edges, shares=shares, short=short):
            facts.check_entropies()
            bins = tuple(f"{low:g}-{high:g}" for low, high in pairwise(edges))
            given = (1.0,) * len(bins) if shares == "equal" else shares
            weights = tuple(Fraction(str(one)) for one in given)
            return Part("entropy", bins, weights, ByEntropy(edges), short=short)
        case Only(values=values):
            weigher, notes = _weigher(rule, facts)
            return Part(rule.over, ("+".join(values),), weigher=weigher, notes=notes)
        case _:
            weigher, notes = _weigher(rule, facts)
            return Part("rule", ("all",), weigher=weigher, notes=notes)


def _stratified(rule: Stratified, facts: Facts) -> Part:
    if isinstance(rule.shares, str):
        values = facts.values(rule.over)
        equal = (Fraction(1),) * len(values)
        shares = equal if rule.shares == "equal" else None
    else:
        values = tuple(rule.shares)
        if rule.short == "error":
            facts.check(rule.over, values)
        shares = tuple(Fraction(str(weight)) for weight in rule.shares.values())
    home = {value: place for place, value in enumerate(values)}
    return Part(rule.over, values, shares, ByWord(rule.over, home), short=rule.short)


def _weigher(
    rule: Place | Difference | Uniform | EntropyWeighted, facts: Facts
) -> tuple[Weigher, tuple[str, ...]]:
    """Return how a rule weighs samples, and what it found."""
    match rule:
        case Difference(of=of, less=less):
            first, notes = _weigher(of, facts)
            second, more = _several(less, facts)
            return Without(first, Any(second)), notes + more
        case Union(of=of):
            weighers, notes = _several(of, facts)
            return Any(weighers), notes
        case Overlap(of=of):
            weighers, notes = _several(of, facts)
            return Both(weighers), notes
        case Uniform(resolution=resolution):
            land = ByCell(resolution, *facts.land_per_sample(resolution))
            return Both((_on_continents(), land)), ()
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
    rule: PerSample | Only | Cities | Points | NaturalForest | Polygons | Box, facts: Facts
) -> tuple[Weigher, tuple[str, ...]]:
    match rule:
        case PerSample():
            return Everything(), ()
        case Only(over=over, values=values, also=also):
            named = {over: values, **also}
            for stratum, words in named.items():
                facts.check(stratum, words)
            return Among({stratum: frozenset(words) for stratum, words in named.items()}), ()
        case Cities(top=top, radius_km=radius):
            found = cities.top(top)
            return Near(found.lat, found.lon, radius), ()
        case NaturalForest(biomes=biomes, city_km=km):
            facts.values("biome")
            return Both((Among({"biome": frozenset(biomes)}), FarFromCities(km))), ()
        case Points() | Polygons():
            return _layer(rule)
        case Box(south=south, north=north, west=west, east=east):
            return InBox(south=south, north=north, west=west, east=east), ()


def _layer(rule: Points | Polygons) -> tuple[Weigher, tuple[str, ...]]:
    if isinstance(rule, Points):
        points = layers.points(rule)
        note = f"{rule.path}: content {points.content}, {len(points.lat):,} points"
        return Near(points.lat, points.lon, rule.radius_km), (note,)
    shapes = layers.polygons(rule)
    note = f"{rule.path}: content {shapes.content}, {len(shapes.wkb):,} polygons"
    return InPolygons(shapes.wkb), (note,)


def _several(
    rules: tuple[Place, ...] | tuple[Overlap, ...], facts: Facts
) -> tuple[tuple[Weigher, ...], tuple[str, ...]]:
    found = [_weigher(rule, facts) for rule in rules]
    weighers = tuple(weigher for weigher, _ in found)
    return weighers, tuple(note for _, notes in found for note in notes)


def _on_continents() -> Among:
    return Among({"continent": frozenset(continent.value for continent in Continent)})
