"""Laws of draws: what must hold for every pool, rule, size and replicate."""

import h3
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from infra.errors import PoolError
from samplers import census
from samplers.card import Guard, card
from samplers.cells import cells_of
from samplers.draw import hashes, ranks
from samplers.names import Continent
from samplers.places import Only
from samplers.quota import share_out
from samplers.rules import Rule, Stratified, Uniform
from samplers.scan import INDEX, Guards, Wish, closed, free_totals, settle, sieve, sift, widened
from samplers.spec import CompositionSpec

CONTINENTS = [*[continent.value for continent in Continent], "none"]
OPEN: Guards = {"none": np.empty(0, dtype=np.uint64)}


def pool_of(size: int, seed: int) -> pa.Table:
    """A pool's index with strata of very different sizes, in no particular order."""
    words = np.random.Generator(np.random.PCG64(seed))
    ids = words.permutation(np.array([f"s{number}" for number in range(size)]))
    lat, lon = words.uniform(0.0, 0.4, size), words.uniform(0.0, 0.4, size)
    cells = cells_of(lat, lon, resolution=5)
    columns = {
        "id": ids,
        "rank_hash": hashes(ids.tolist()),
        "coarse": cells_of(lat, lon, resolution=1),
        "cell": cells,
        "continent": words.choice(CONTINENTS, size, p=[0.5, 0.2, 0.15, 0.1, 0.02, 0.01, 0.02]),
        "biome": words.integers(0, 5, size),
        "climate": words.integers(0, 3, size),
        "lat": lat,
        "lon": lon,
        "entropy": words.uniform(0.0, 3.0, size),
    }
    arrays = [pa.array(columns[field.name], field.type) for field in INDEX]
    return pa.Table.from_arrays(arrays, schema=INDEX)


def drawn(pieces: list[pa.Table], wish: Wish, guards: Guards = OPEN) -> list[str]:
    """Draw as the sample step does: sift each piece, settle the rest; twice if need be."""
    held = census.totals(census.add(census.count(piece) for piece in pieces))
    fine = sieve(wish, held=held)
    for one in (fine, widened(fine)):
        sifted = [sift(piece, sieves=[one], guards=guards) for piece in pieces]
        free = free_totals([counted for _, counted in sifted], guard=wish.guard)
        found = pa.concat_tables([kept for kept, _ in sifted])
        closed_cells = guards[wish.guard]
        settled = settle(found, wish, sieve=one, held=held, free=free, closed_cells=closed_cells)
        if settled is not None:
            return settled[0].column("id").to_pylist()
    raise AssertionError("a sieve that keeps everything was too fine")


def possible(pool: pa.Table, composition: CompositionSpec) -> bool:
    """Say whether the pool holds enough for a composition."""
    held = census.totals(census.count(pool))
    try:
        share_out(composition, held=held, free=held)
    except PoolError:
        return False
    return True


pools = st.builds(pool_of, size=st.integers(1, 1500), seed=st.integers(0, 10**6))
rules: st.SearchStrategy[Rule] = st.one_of(
    st.just(Uniform()),
    st.lists(st.sampled_from(list(Continent)), min_size=1, unique=True).map(
        lambda values: Only(values=tuple(values))
    ),
    st.builds(
        Stratified,
        over=st.sampled_from(["continent", "biome", "climate"]),
        shares=st.sampled_from(["equal", "proportional"]),
        short=st.sampled_from(["error", "redistribute"]),
    ),
)
compositions = st.builds(CompositionSpec, rule=rules, size=st.integers(1, 200))
replicates = st.integers(0, 3)


# Law 5. A draw does not depend on the number, order or size of shards: however the pool is cut,
# the same samples win, and they are those of the lowest rank, ties by id.
@given(pools, compositions, replicates, st.integers(1, 7), st.integers(0, 10**6))
def test_a_draw_does_not_see_shards(
    pool: pa.Table, composition: CompositionSpec, replicate: int, num_pieces: int, cut: int
):
    assume(possible(pool, composition))
    wish = Wish(composition, replicate=replicate, guard="none")
    order = np.random.Generator(np.random.PCG64(cut)).permutation(pool.num_rows)
    pieces = [pool.take(part) for part in np.array_split(order, num_pieces)]
    assert drawn(pieces, wish) == drawn([pool], wish)


@given(pools, st.integers(1, 200), replicates)
def test_the_lowest_ranks_win(pool: pa.Table, size: int, replicate: int):
    assume(size <= pool.num_rows)
    ids = pool.column("id").to_pylist()
    ranked = ranks(np.asarray(pool.column("rank_hash")), replicate=replicate).tolist()
    lowest = [name for _, name in sorted(zip(ranked, ids, strict=True))[:size]]
    wish = Wish(CompositionSpec(rule=Uniform(), size=size), replicate=replicate, guard="none")
    assert drawn([pool], wish) == sorted(lowest)


# Law 6. Quotas sum to the size asked. Where a stratum holds too few the spec says what happens:
# an error, or the others make up for it and the card tells by how much.
@given(pools, compositions)
def test_quotas_sum_to_the_size(pool: pa.Table, composition: CompositionSpec):
    held = census.totals(census.count(pool))
    assume(possible(pool, composition))
    shares = share_out(composition, held=held, free=held)
    assert sum(share.taken for share in shares) == composition.size
    assert sum(share.asked for share in shares) == composition.size
    assert all(share.taken <= share.available for share in shares)
    redistributes = getattr(composition.rule, "short", "error") == "redistribute"
    lacking = {share.stratum: share.asked - share.taken for share in shares}
    assert redistributes or not any(lacking.values())
    about = card(
        pool, composition=composition, replicate=0, shares=shares, guard=Guard(None, excluded=0)
    )
    assert about["short"] == {name: lack for name, lack in lacking.items() if lack > 0}


@st.composite
def short_pools(draw: st.DrawFn) -> tuple[dict[str, int], int]:
    """Counts of continents, and a size of which an equal share is more than the least holds."""
    names = draw(st.lists(st.sampled_from(CONTINENTS[:-1]), min_size=2, unique=True))
    least = draw(st.integers(1, 50))
    others = [least + draw(st.integers(2, 500)) for _ in names[1:]]
    counts = dict(zip(names, [least, *others], strict=True))
    size = draw(st.integers(len(names) * (least + 1), sum(counts.values())))
    return dict(sorted(counts.items())), size


@given(short_pools())
def test_a_short_stratum_is_an_error_unless_the_rule_redistributes(
    case: tuple[dict[str, int], int],
):
    counts, size = case
    held: census.Totals = {"continent": counts, "biome": {}, "climate": {}}
    strict = CompositionSpec(rule=Stratified(), size=size)
    with pytest.raises(PoolError, match="redistribute"):
        share_out(strict, held=held, free=held)
    lenient = CompositionSpec(rule=Stratified(short="redistribute"), size=size)
    shares = share_out(lenient, held=held, free=held)
    most = max(share.taken for share in shares)
    assert sum(share.taken for share in shares) == size
    assert all(share.taken in (share.available, most, most - 1) for share in shares)


# Law 7. Draws are nested: with one replicate the smaller draw of a rule lies inside the larger.
@given(pools, rules, st.integers(1, 200), st.integers(1, 200), replicates)
def test_a_small_draw_lies_inside_a_large_one(
    pool: pa.Table, rule: Rule, one: int, other: int, replicate: int
):
    small, large = (CompositionSpec(rule=rule, size=size) for size in sorted([one, other]))
    assume(possible(pool, small) and possible(pool, large))
    inner = drawn([pool], Wish(small, replicate=replicate, guard="none"))
    outer = drawn([pool], Wish(large, replicate=replicate, guard="none"))
    assert set(inner) <= set(outer)


# Law 7. Draws are coupled: a composition never enters a rank, so what two compositions of one
# replicate draw from one continent are the same samples, as far as the smaller number goes.
@given(pools, compositions, compositions, replicates)
def test_two_compositions_draw_the_same_samples_of_a_continent(
    pool: pa.Table, one: CompositionSpec, other: CompositionSpec, replicate: int
):
    for composition in (one, other):
        assume(getattr(composition.rule, "over", "continent") == "continent")
        assume(possible(pool, composition))
    home = dict(zip(*(pool.column(name).to_pylist() for name in ("id", "continent")), strict=True))
    draws = [
        set(drawn([pool], Wish(composition, replicate=replicate, guard="none")))
        for composition in (one, other)
    ]
    for continent in CONTINENTS:
        a, b = ({name for name in draw if home[name] == continent} for draw in draws)
        assert a <= b or b <= a


# Law 8. With the guard on, no manifest holds a sample within k rings of a test sample; and the
# guard takes no other sample away.
@given(
    pools,
    compositions,
    replicates,
    st.integers(0, 3),
    st.lists(st.tuples(st.floats(0, 0.4), st.floats(0, 0.4)), max_size=4),
)
def test_no_draw_comes_near_a_test_sample(
    pool: pa.Table,
    composition: CompositionSpec,
    replicate: int,
    rings: int,
    places: list[tuple[float, float]],
):
    lat, lon = np.array(places, dtype=np.float64).reshape(-1, 2).T
    guards = {"on": closed(cells_of(lat, lon, resolution=5), rings=rings)}
    near = {
        h3.str_to_int(cell)
        for place in places
        for cell in h3.grid_disk(h3.latlng_to_cell(*place, 5), rings)
    }
    _, counted = sift(pool, sieves=[], guards=guards)
    cells = dict(zip(*(pool.column(name).to_pylist() for name in ("id", "cell")), strict=True))
    num_free = sum(cell not in near for cell in cells.values())
    assert sum(counted.column("count").to_pylist()) == num_free
    try:
        manifest = drawn([pool], Wish(composition, replicate=replicate, guard="on"), guards)
    except PoolError:
        assume(False)
    assert len(manifest) == composition.size
    assert all(cells[name] not in near for name in manifest)
