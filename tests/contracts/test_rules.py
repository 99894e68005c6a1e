"""Every rule of composing keeps the contract of draws, whatever it is."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pytest

from terrasweep.infra.errors import PoolError
from terrasweep.infra.spec import Spec, meanings
from terrasweep.samplers.audit.draw_card import Guard, card
from terrasweep.samplers.draw import census
from terrasweep.samplers.draw.pool_facts import PoolFacts
from terrasweep.samplers.draw.quota import StratumShare
from terrasweep.samplers.draw.ranks import hashes
from terrasweep.samplers.draw.scan import DrawRequest, index_files, prepare
from terrasweep.samplers.spec.composition import CompositionSpec
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
from tests.support import oracle, rules
from tests.support.drawing import facts_of, pool_of, selected

POOL = pool_of(6_000, seed=7)
SQUARE = {"type": "Polygon", "coordinates": [[[2, 2], [8, 2], [8, 8], [2, 8], [2, 2]]]}
WEST = Box(west=0, east=6)

EXAMPLES: dict[type[Spec], Rule] = {
    Uniform: Uniform(),
    PerSample: PerSample(),
    Only: Only(values=("africa", "asia"), also={"land_cover": ("trees", "crops")}),
    Cities: Cities(top=6000, radius_km=100),
    Points: Points(path="points.csv", radius_km=150),
    NaturalForest: NaturalForest(biomes=("1", "2"), city_km=50),
    Polygons: Polygons(path="square.geojson"),
    Box: WEST,
    EntropyTop: EntropyTop(fraction=0.4),
    EntropyWeighted: EntropyWeighted(temperature=0.5),
    EntropyHistogram: EntropyHistogram(edges=(0.5, 1, 2), shares=(3, 1)),
    Overlap: Overlap(of=(WEST, Points(path="points.csv", radius_km=300))),
    Union: Union(of=(EntropyTop(fraction=0.1), Only(values=("europe",)))),
    Difference: Difference(of=Uniform(), less=(WEST,)),
    Stratified: Stratified(over="continent", short="redistribute"),
    Mixture: Mixture(
        components=(
            Component(name="few", rule=Only(values=("oceania",)), weight=1, repeats=5),
            Component(name="west", rule=WEST, weight=3, least=0.5),
            Component(name="all", rule=Stratified(over="biome"), weight=2, frozen=True),
        ),
        short="redistribute",
    ),
}
"""One of each kind, fit for the pool of this test; a new rule adds itself here."""

KINDS = pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)


@pytest.fixture(scope="module", autouse=True)
def layers(tmp_path_factory: pytest.TempPathFactory):
    """The files that rules of this test read."""
    home = tmp_path_factory.mktemp("layers")
    pc.write_csv(pa.table({"lat": [3.0, 9.0], "lon": [4.0, 9.0]}), home / "points.csv")
    (home / "square.geojson").write_text(json.dumps(SQUARE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERRASWEEP_POOLS", str(home))
        yield home


def draw(
    rule: Rule, size: int = 300, *, pieces: int = 1, replicate: int = 0, pool: pa.Table = POOL
):
    """Draw in so many pieces; the rows and the shares."""
    order = np.random.Generator(np.random.PCG64(pieces)).permutation(pool.num_rows)
    parts = [pool.take(part) for part in np.array_split(order, pieces)]
    request = DrawRequest(CompositionSpec(rule=rule, size=size), replicate=replicate, guard="none")
    return selected(parts, request, facts=facts_of(pool))


def ids(draw: tuple[pa.Table, tuple[StratumShare, ...]]) -> list[str]:
    return draw[0].column("id").to_pylist()


def test_every_rule_there_is_has_an_example_and_a_strategy():
    assert {*EXAMPLES, Zero} == rules.kinds() == set(rules.RULES)


@pytest.mark.parametrize("kind", [*EXAMPLES, Zero, Component], ids=lambda kind: kind.__name__)
def test_every_field_says_what_it_is(kind: type[Spec]):
    silent = [name for name in kind.model_fields if name not in meanings(kind)]
    assert silent in ([], ["kind"])
    assert kind.__doc__


@KINDS
def test_a_draw_is_deterministic_and_has_the_size_asked(kind: type[Spec]):
    once, again = draw(EXAMPLES[kind]), draw(EXAMPLES[kind])
    assert ids(once) == ids(again) == sorted(ids(once))
    assert len(ids(once)) == sum(share.taken for share in once[1]) == 300


@KINDS
def test_a_draw_does_not_see_shards(kind: type[Spec]):
    whole, cut_up = draw(EXAMPLES[kind]), draw(EXAMPLES[kind], pieces=64)
    assert ids(whole) == ids(cut_up)
    assert whole[1] == cut_up[1]


@KINDS
def test_draws_are_nested_in_size(kind: type[Spec]):
    small, middle, large = (set(ids(draw(EXAMPLES[kind], size))) for size in (30, 100, 300))
    assert small <= middle <= large


@KINDS
def test_another_replicate_is_another_draw(kind: type[Spec]):
    one, other = (set(ids(draw(EXAMPLES[kind], replicate=number))) for number in (0, 1))
    assert one != other


@KINDS
@pytest.mark.parametrize("replicate", [0, 3])
def test_draws_are_coupled(kind: type[Spec], replicate: int):
    """The only chance in a draw is one number for each sample, whatever the rule: its rank."""
    rows, shares = draw(EXAMPLES[kind], replicate=replicate)
    quota = {share.stratum: share.taken for share in shares}
    expected, had_a_choice = oracle.drawn(EXAMPLES[kind], POOL, quota=quota, replicate=replicate)
    assert had_a_choice, "with all samples drawn, their order would not matter"
    assert ids((rows, shares)) == expected


@KINDS
def test_no_sample_is_drawn_to_which_the_rule_gives_no_weight(kind: type[Spec]):
    may = oracle.weights(EXAMPLES[kind], POOL) > 0
    assert np.count_nonzero(may) >= 300
    assert not may.all() or kind in (PerSample, Mixture), "a rule that leaves nothing out"
    assert set(ids(draw(EXAMPLES[kind]))) <= set(np.asarray(POOL.column("id"))[may])


@KINDS
def test_every_sample_to_which_a_rule_gives_a_weight_can_be_drawn(kind: type[Spec]):
    if kind in (Stratified, EntropyHistogram, Mixture):
        pytest.skip("its shares leave some over")
    may = oracle.weights(EXAMPLES[kind], POOL) > 0
    number = np.count_nonzero(may)
    assert ids(draw(EXAMPLES[kind], number)) == sorted(np.asarray(POOL.column("id"))[may])
    with pytest.raises(PoolError, match=f"got {number:,}"):
        draw(EXAMPLES[kind], number + 1)


@KINDS
def test_a_file_that_is_skipped_holds_no_sample_that_could_be_drawn(kind: type[Spec]):
    facts = facts_of(POOL)
    cells = POOL.column("coarse").unique().to_pylist()
    where = pa.table({"coarse": pa.array(cells, pa.uint64()), "index": [f"{c:x}" for c in cells]})
    request = DrawRequest(CompositionSpec(rule=EXAMPLES[kind], size=5), 0, "none")
    files = index_files(where, prepare([request], facts=facts), facts=facts)
    may = oracle.weights(EXAMPLES[kind], POOL) > 0
    assert {f"{cell:x}" for cell in POOL.filter(may).column("coarse").to_pylist()} <= set(files)


@KINDS
def test_the_card_records_what_happened(kind: type[Spec]):
    rows, shares = draw(EXAMPLES[kind])
    composition = CompositionSpec(rule=EXAMPLES[kind], size=300)
    about = card(rows, composition=composition, replicate=0, shares=shares, guard=Guard(None, 0))
    assert about["composition"]["rule"]["kind"] == EXAMPLES[kind].kind
    assert sum(one["taken"] for one in about["quota"]) == about["size"] == 300
    again = json.loads(json.dumps(about, allow_nan=False))
    assert CompositionSpec.model_validate(again["composition"]) == composition


@KINDS
def test_too_much_asked_is_a_sentence(kind: type[Spec]):
    with pytest.raises(PoolError, match=r"Expected .*, got .*. Fix: lower size"):
        draw(EXAMPLES[kind], POOL.num_rows * 10)


@KINDS
def test_an_empty_pool_is_a_sentence(kind: type[Spec]):
    with pytest.raises(PoolError, match=r"^Expected .*, got "):
        draw(EXAMPLES[kind], 5, pool=POOL.slice(0, 0))


def test_a_file_of_which_nothing_can_be_drawn_is_skipped():
    """One coarse cell holds all of Oceania, and a rule for Oceania reads its file alone."""
    names = [f"s{number}" for number in range(40)]
    pool = pool_of(40).set_column(1, "rank_hash", pa.array(hashes(names)))
    coarse = np.repeat(np.array([11, 12, 13, 14], dtype=np.uint64), 10)
    continent = np.repeat(["asia", "oceania", "africa", "none"], 10)
    pool = pool.set_column(2, pool.schema.field("coarse"), pa.array(coarse))
    pool = pool.set_column(4, pool.schema.field("continent"), pa.array(continent))
    facts = PoolFacts(census.count(pool), {}, {}, pool)
    where = pa.table({"coarse": pa.array([11, 12, 13, 14], pa.uint64()), "index": list("aabc")})

    def files(rule: Rule) -> list[str]:
        (one,) = prepare([DrawRequest(CompositionSpec(rule=rule, size=5), 0, "none")], facts=facts)
        return index_files(where, [one], facts=facts)

    assert files(Only(values=("africa",))) == ["b"]
    assert files(Only(values=("oceania",))) == ["a"]
    assert files(Stratified()) == ["a", "b"]
    assert files(PerSample()) == ["a", "b", "c"]
