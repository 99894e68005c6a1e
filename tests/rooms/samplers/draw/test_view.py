"""A piece of the index, looked at once for all compositions."""

import numpy as np
import pyarrow as pa
import pytest

from terrasweep.samplers.draw.view import IndexView, RankSeed


@pytest.fixture
def view() -> IndexView:
    hashes = np.random.Generator(np.random.PCG64(5)).integers(0, 2**64, 1000, dtype=np.uint64)
    words = pa.array(["a", "b", None, "c"] * 250).fill_null("none")
    return IndexView(pa.table({"rank_hash": hashes, "continent": words}))


def test_low_rows_are_the_same_whatever_was_asked_before(view: IndexView):
    for share in (0.1, 0.5, 0.2, 0.5, 0.0, 1.0, 0.3):
        bound = np.uint64(min(int(share * 2.0**64), 2**64 - 1))
        expected = np.flatnonzero(view.ranks(RankSeed(7)) <= bound)
        assert view.low_rows(RankSeed(7), bound).tolist() == expected.tolist()
    assert view.low_rows(RankSeed(8), bound).tolist() != expected.tolist(), (
        "another replicate, other ranks"
    )


def test_rows_come_in_order_of_rank(view: IndexView):
    rows = np.arange(0, 1000, 3)
    ordered = view.by_rank(RankSeed(7), rows)
    assert sorted(ordered) == rows.tolist()
    assert (np.diff(view.ranks(RankSeed(7))[ordered].astype(object)) > 0).all()


def test_words_are_found_and_placed(view: IndexView):
    assert (
        view.has_value("continent", {"b", "c", "elsewhere"}).tolist()
        == [False, True, False, True] * 250
    )
    assert view.numbered("continent", {"c": 0, "a": 1}).tolist() == [1, -1, -1, 0] * 250
