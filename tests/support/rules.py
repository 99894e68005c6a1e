"""Any rule of composing, each kind by its own strategy; a new rule adds itself here."""

from typing import Annotated, get_args, get_origin

from hypothesis import strategies as st

from terrasweep.infra.spec import Spec
from terrasweep.samplers.geography.strata import Continent, Stratum
from terrasweep.samplers.spec.places import (
    Box,
    Cities,
    EntropyTop,
    NaturalForest,
    Only,
    Overlap,
    PerSample,
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
    Stratified,
    Uniform,
    Zero,
)

CONTINENTS = [continent.value for continent in Continent]
COVERS = ["trees", "crops", "built"]
VALUES: dict[Stratum, list[str]] = {
    "continent": CONTINENTS,
    "biome": ["1", "2", "3", "4"],
    "climate": ["1", "2"],
    "land_cover": COVERS,
}
"""Strata and values that the pools of the laws hold."""

_shorts = st.sampled_from(["error", "redistribute"])
_shares = st.floats(0.01, 100)
_entropies = st.floats(0, 3.5).map(lambda value: round(value, 2))


def _some_of(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), min_size=1, unique=True).map(tuple)


@st.composite
def _only(draw: st.DrawFn) -> Only:
    over, *others = draw(st.permutations(list(VALUES)))
    also = {name: draw(_some_of(VALUES[name])) for name in others[: draw(st.integers(0, 1))]}
    return Only(over=over, values=draw(_some_of(VALUES[over])), also=also)


@st.composite
def _stratified(draw: st.DrawFn) -> Stratified:
    over = draw(st.sampled_from(list(VALUES)))
    given = st.dictionaries(st.sampled_from(VALUES[over]), _shares, min_size=1)
    shares = draw(st.sampled_from(["equal", "proportional"]) | given)
    return Stratified(over=over, shares=shares, short=draw(_shorts))


@st.composite
def _histograms(draw: st.DrawFn) -> EntropyHistogram:
    edges = sorted(draw(st.lists(_entropies, min_size=2, max_size=5, unique=True)))
    bins = len(edges) - 1
    shares = draw(st.just("equal") | st.lists(_shares, min_size=bins, max_size=bins).map(tuple))
    return EntropyHistogram(edges=tuple(edges), shares=shares, short=draw(_shorts))


@st.composite
def _boxes(draw: st.DrawFn) -> Box:
    south, north = sorted(draw(st.lists(st.floats(-90, 90), min_size=2, max_size=2, unique=True)))
    west, east = draw(st.lists(st.floats(-180, 180), min_size=2, max_size=2, unique=True))
    return Box(south=south, north=north, west=west, east=east)


def _many(items: st.SearchStrategy[Spec], *, least: int) -> st.SearchStrategy[tuple[Spec, ...]]:
    return st.lists(items, min_size=least, max_size=3).map(tuple)


_paths = st.text("abc/.", min_size=1, max_size=8)
SIMPLE: dict[type[Spec], st.SearchStrategy[Spec]] = {
    PerSample: st.just(PerSample()),
    Only: _only(),
    Cities: st.builds(Cities, top=st.integers(1, 6000), radius_km=st.floats(1, 1000)),
    NaturalForest: st.builds(
        NaturalForest, biomes=_some_of(VALUES["biome"]), city_km=st.floats(0, 200)
    ),
    Box: _boxes(),
    EntropyTop: st.builds(EntropyTop, fraction=st.floats(0.01, 1)),
}
_simple = st.one_of(*SIMPLE.values())
_overlaps = st.builds(Overlap, of=_many(_simple, least=2))
_unions = st.builds(Union, of=_many(_simple | _overlaps, least=2))
_weighted = st.builds(EntropyWeighted, temperature=st.floats(0.05, 10))
_differences = st.builds(
    Difference,
    of=_simple | _overlaps | _unions | st.just(Uniform()) | _weighted,
    less=_many(_simple | _overlaps, least=1),
)
PARTS: dict[type[Spec], st.SearchStrategy[Spec]] = {
    **SIMPLE,
    Overlap: _overlaps,
    Union: _unions,
    Difference: _differences,
    Uniform: st.builds(Uniform, resolution=st.integers(0, 2)),
    EntropyWeighted: _weighted,
    Stratified: _stratified(),
    EntropyHistogram: _histograms(),
}


@st.composite
def _mixtures(draw: st.DrawFn) -> Mixture:
    parts = draw(st.lists(st.one_of(*PARTS.values()), min_size=1, max_size=3))
    weights = [draw(_shares) for _ in parts]
    components = tuple(
        Component(
            name=f"part{place}",
            rule=part,
            weight=weight,
            least=draw(st.sampled_from([0.0, 0.5 * weight / sum(weights)])),
            repeats=draw(st.integers(1, 3)),
            frozen=draw(st.booleans()),
        )
        for place, (part, weight) in enumerate(zip(parts, weights, strict=True))
    )
    return Mixture(components=components, short=draw(_shorts))


DRAWN: dict[type[Spec], st.SearchStrategy[Spec]] = {**PARTS, Mixture: _mixtures()}
"""Every rule that draws from what the pool itself knows."""

RULES: dict[type[Spec], st.SearchStrategy[Spec]] = {
    **DRAWN,
    Zero: st.just(Zero()),
    Points: st.builds(Points, path=_paths, radius_km=st.floats(1, 1000)),
    Polygons: st.builds(Polygons, path=_paths),
}
"""Every rule there is; those that read files are drawn from in the contract tests."""

FIELDS: dict[type[Spec], st.SearchStrategy[Spec]] = {
    **RULES,
    Component: _mixtures().map(lambda mixture: mixture.components[0]),
}


def kinds() -> set[type[Spec]]:
    """Return the classes of the closed union of rules."""
    (union, _) = get_args(Rule) if get_origin(Rule) is Annotated else (Rule, None)
    return set(get_args(union))


rules: st.SearchStrategy[Spec] = st.one_of(*DRAWN.values())
