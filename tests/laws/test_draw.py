"""Laws of draws: what must hold for every pool, rule, size and replicate."""

from collections import Counter

import h3
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.draw.design import sampling_design
from terrasweep.samplers.draw.index import INDEX
from terrasweep.samplers.draw.quota import allocate
from terrasweep.samplers.draw.ranks import exponential_keys, hashes, ranks
from terrasweep.samplers.draw.scan import DrawRequest, Guards, guarded_cells, prefilter, prepare
from terrasweep.samplers.draw.view import IndexView, RankSeed
from terrasweep.samplers.geography.cells import cells_of
from terrasweep.samplers.geography.strata import Continent
from terrasweep.samplers.spec.composition import CompositionSpec
from terrasweep.samplers.spec.places import Only, PerSample
from terrasweep.samplers.spec.rules import Mixture, Rule, Stratified, Zero
from tests.support.drawing import CONTINENTS, OPEN, drawn, facts_of, pool_of, possible, selected
from tests.support.rules import rules

pools = st.builds(pool_of, size=st.integers(1, 1500), seed=st.integers(0, 10**6))
compositions = st.builds(CompositionSpec, rule=rules, size=st.integers(1, 200))
replicates = st.integers(0, 3)

# Many rules fail where the pool holds too little.
many_fail = settings(suppress_health_check=[HealthCheck.filter_too_much])


# Law 5. A draw does not depend on the number, order or size of shards: however the pool is cut,
# the same samples win; nor on how much of the pool the pilot shows.
@many_fail
@given(pools, compositions, replicates, st.integers(1, 7), st.integers(0, 10**6))
def test_a_draw_does_not_see_shards(
    pool: pa.Table, composition: CompositionSpec, replicate: int, num_pieces: int, lot: int
):
    assume(possible(pool, composition))
    request = DrawRequest(composition, replicate=replicate, guard="none")
    order = np.random.Generator(np.random.PCG64(lot)).permutation(pool.num_rows)
    pieces = [pool.take(part) for part in np.array_split(order, num_pieces)]
    some = facts_of(pool, pilot=pool.take(order[: lot % pool.num_rows]))
    manifest, shares = selected(pieces, request, facts=some)
    whole, same = selected([pool], request, facts=facts_of(pool))
    assert manifest.drop_columns("entropy").equals(whole.drop_columns("entropy"))  # may be NaN
    assert shares == same


# The winners are those of the lowest key -log(u) / weight, where u follows from the rank alone;
# without weights, those of the lowest rank; ties go to the first id.
@given(pools, st.integers(1, 200), replicates)
def test_the_lowest_ranks_win(pool: pa.Table, size: int, replicate: int):
    assume(size <= pool.num_rows)
    ids = pool.column("id").to_pylist()
    ranked = ranks(np.asarray(pool.column("rank_hash")), replicate=replicate).tolist()
    lowest = [name for _, name in sorted(zip(ranked, ids, strict=True))[:size]]
    composition = CompositionSpec(rule=PerSample(), size=size)
    assert drawn(pool, composition, replicate=replicate) == sorted(lowest)


@many_fail
@given(pools, compositions, replicates)
def test_the_lowest_keys_of_every_stratum_win(
    pool: pa.Table, composition: CompositionSpec, replicate: int
):
    assume(not isinstance(composition.rule, Mixture) and possible(pool, composition))
    request = DrawRequest(composition, replicate=replicate, guard="none")
    manifest, shares = selected([pool], request, facts=facts_of(pool))
    (part,) = sampling_design(composition.rule, facts=facts_of(pool)).parts
    view = IndexView(pool)
    places, weights = part.strata_of(view), part.weighting.weights(view, np.arange(len(view)))
    unit = view.ranks(RankSeed(replicate)).astype(np.float64) / 2.0**64
    with np.errstate(divide="ignore"):
        keys = -np.log1p(-np.minimum(unit, 1 - 2.0**-53)) / weights
    won = np.isin(np.asarray(pool.column("id")), np.asarray(manifest.column("id")))
    for place, share in enumerate(shares):
        own = keys[(places == place) & won]
        others = keys[(places == place) & ~won]
        assert len(own) == share.taken
        assert not len(own) or not len(others) or own.max() <= others.min() * (1 + 1e-9)
    assert not won[places < 0].any()


# Law 6. Quotas sum to the size asked. Where a stratum holds too few the spec says what happens:
# an error, or the others make up for it; and the shares that the card keeps tell by how much.
@many_fail
@given(pools, compositions)
def test_quotas_sum_to_the_size(pool: pa.Table, composition: CompositionSpec):
    assume(possible(pool, composition))
    request = DrawRequest(composition, replicate=0, guard="none")
    manifest, shares = selected([pool], request, facts=facts_of(pool))
    assert manifest.num_rows == sum(share.taken for share in shares) == composition.size
    assert sum(share.asked for share in shares) == composition.size or isinstance(
        composition.rule, Mixture
    )
    repeats = max([1, *(one.repeats for one in getattr(composition.rule, "components", ()))])
    assert max(Counter(manifest.column("id").to_pylist()).values()) <= repeats
    assert all(share.taken <= share.available * repeats for share in shares)
    shorts = {getattr(part, "short", "error") for part in _below(composition.rule)}
    lacking = any(share.asked > share.taken for share in shares)
    assert "redistribute" in shorts or not lacking


def _below(rule: Rule) -> list[object]:
    return [rule, *(one.rule for one in getattr(rule, "components", ()))]


@st.composite
def short_pools(draw: st.DrawFn) -> tuple[pa.Table, int]:
    """A pool, and a size of which an equal share is more than its least continent holds."""
    names = draw(st.lists(st.sampled_from(CONTINENTS[:-1]), min_size=2, unique=True))
    least = draw(st.integers(1, 50))
    others = [least + draw(st.integers(2, 200)) for _ in names[1:]]
    where = np.repeat(names, [least, *others])
    size = draw(st.integers(len(names) * (least + 1), len(where)))
    pool = pool_of(len(where))
    column = pa.array(where.tolist(), pa.string())
    place = INDEX.get_field_index("continent")
    return pool.set_column(place, INDEX.field(place), column), size


@given(short_pools())
def test_a_short_stratum_is_an_error_unless_the_rule_redistributes(case: tuple[pa.Table, int]):
    pool, size = case
    with pytest.raises(PoolError, match="redistribute"):
        drawn(pool, CompositionSpec(rule=Stratified(), size=size))
    lenient = CompositionSpec(rule=Stratified(short="redistribute"), size=size)
    _, shares = selected([pool], DrawRequest(lenient, 0, "none"), facts=facts_of(pool))
    most = max(share.taken for share in shares)
    assert sum(share.taken for share in shares) == size
    assert all(share.taken in (share.available, most, most - 1) for share in shares)


# Law 7. Draws are nested: with one replicate the smaller draw of a rule lies inside the larger,
# each sample at least as often.
@many_fail
@given(pools, rules, st.integers(1, 200), st.integers(1, 200), replicates)
def test_a_small_draw_lies_inside_a_large_one(
    pool: pa.Table, rule: Rule, one: int, other: int, replicate: int
):
    small, large = (CompositionSpec(rule=rule, size=size) for size in sorted([one, other]))
    assume(possible(pool, small) and possible(pool, large))
    inner, outer = (drawn(pool, each, replicate=replicate) for each in (small, large))
    assert set(inner) <= set(outer)


# Law 7. Draws are coupled: a composition never enters a rank, so what two compositions of one
# replicate draw from one continent are the same samples, as far as the smaller number goes.
shares_of_continents = st.one_of(
    st.just(PerSample()),
    st.lists(st.sampled_from(list(Continent)), min_size=1, unique=True).map(
        lambda values: Only(values=tuple(values))
    ),
    st.builds(Stratified, shares=st.sampled_from(["equal", "proportional"])),
)


@given(
    pools, st.tuples(shares_of_continents, shares_of_continents), st.integers(1, 200), replicates
)
def test_two_compositions_draw_the_same_samples_of_a_continent(
    pool: pa.Table, pair: tuple[Rule, Rule], size: int, replicate: int
):
    both = [CompositionSpec(rule=rule, size=size) for rule in pair]
    assume(all(possible(pool, composition) for composition in both))
    home = dict(zip(*(pool.column(name).to_pylist() for name in ("id", "continent")), strict=True))
    draws = [set(drawn(pool, composition, replicate=replicate)) for composition in both]
    for continent in CONTINENTS:
        a, b = ({name for name in draw if home[name] == continent} for draw in draws)
        assert a <= b or b <= a


# Law 8. With the guard on, no manifest holds a sample within k rings of a test sample; and the
# guard takes no other sample away.
@many_fail
@given(
    pools,
    compositions,
    replicates,
    st.integers(0, 3),
    st.lists(st.tuples(st.floats(0, 12), st.floats(0, 12)), max_size=4),
)
def test_no_draw_comes_near_a_test_sample(
    pool: pa.Table,
    composition: CompositionSpec,
    replicate: int,
    rings: int,
    places: list[tuple[float, float]],
):
    lat, lon = np.array(places, dtype=np.float64).reshape(-1, 2).T
    guards: Guards = {**OPEN, "on": guarded_cells(cells_of(lat, lon, resolution=5), rings=rings)}
    near = {
        h3.str_to_int(cell)
        for place in places
        for cell in h3.grid_disk(h3.latlng_to_cell(*place, 5), rings)
    }
    cells = dict(zip(*(pool.column(name).to_pylist() for name in ("id", "cell")), strict=True))
    try:
        request = DrawRequest(composition, replicate=replicate, guard="on")
        manifest, _ = selected([pool], request, facts=facts_of(pool), guards=guards)
    except PoolError:
        assume(False)
    assert manifest.num_rows == composition.size
    assert all(cells[name] not in near for name in manifest.column("id").to_pylist())


@given(pools, st.integers(0, 2), st.tuples(st.floats(0, 12), st.floats(0, 12)))
def test_a_guard_takes_no_other_sample_away(pool: pa.Table, rings: int, place: tuple[float, float]):
    lat, lon = np.array([place]).T
    guards: Guards = {"on": guarded_cells(cells_of(lat, lon, resolution=5), rings=rings)}
    near = {h3.str_to_int(c) for c in h3.grid_disk(h3.latlng_to_cell(*place, 5), rings)}
    request = DrawRequest(CompositionSpec(rule=PerSample(), size=1), 0, "on")
    prefilters = prepare([request], facts=facts_of(pool))
    (counts,) = prefilter([pool], prefilters=prefilters, guards=guards).counts
    assert counts.held == pool.num_rows
    assert counts.free == sum(cell not in near for cell in pool.column("cell").to_pylist())


# A weight is what it says: the first of a draw without replacement falls on each sample in
# proportion to its weight.
def test_weights_are_probabilities():
    names = [f"s{number}" for number in range(40_000)]
    hashed = hashes(names).reshape(-1, 4)
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    keys = exponential_keys(ranks(hashed.ravel(), replicate=0)).reshape(-1, 4) / weights
    first = np.bincount(keys.argmin(axis=1), minlength=4) / len(hashed)
    expected = weights / weights.sum()
    assert (np.abs(first - expected) < 4 * np.sqrt(expected * (1 - expected) / len(hashed))).all()


def test_share_out_of_nothing_is_nothing():
    facts = facts_of(pool_of(5))
    assert allocate(sampling_design(Zero(), facts=facts), size=0, free=()) == ()
