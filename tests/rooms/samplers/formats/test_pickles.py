"""Pickles of arrays: read whichever protocol and version of NumPy wrote them."""

import pickle

import numpy as np
import pytest

from terrasweep.samplers.formats import pickles


@pytest.mark.parametrize("protocol", range(3, pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_and_scalars_come_back_from_every_protocol(protocol: int):
    held = {"grid": np.arange(6.0).reshape(2, 3), "number": np.float32(1.5), "text": "a"}
    read = pickles.loads(pickle.dumps(held, protocol), known=())
    np.testing.assert_array_equal(read["grid"], held["grid"])
    assert (read["number"], read["text"]) == (1.5, "a")


def test_numpy_rebuilds_arrays_under_the_names_that_pickles_use():
    names = {name: part.__name__ for name, part in pickles.NUMPY_PARTS.items()}
    assert names == {name: name for name in names}


def test_a_pickle_of_the_first_numpy_is_read():
    data = pickle.dumps(np.arange(3), 3).replace(b"numpy._core.", b"numpy.core.")
    assert b"numpy.core" in data
    assert pickles.loads(data, known=()).tolist() == [0, 1, 2]


def test_other_parts_of_numpy_are_refused():
    with pytest.raises(pickles.RefusedError, match="asks for numpy's load"):
        pickles.loads(b"cnumpy\nload\n.", known=())
