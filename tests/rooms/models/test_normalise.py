"""Raw bands become the input that Presto's published weights were made with."""

import numpy as np
import pytest

from terrasweep.models.zoo.presto.model import prepare
from terrasweep.models.zoo.presto.normalise import normalise
from tests.support.paths import REAL_DATA

RAW = {"VV": 0, "VH": 1, "B2": 2, "B4": 4, "B8": 8, "B8A": 9, "B9": 10, "B11": 11, "B12": 12}
RAW |= {"temperature": 13, "precipitation": 14, "elevation": 15, "slope": 16, "NDVI": 17}


def raw(**bands: float) -> np.ndarray:
    made = np.zeros((1, 12, 18), dtype=np.float32)
    for name, value in bands.items():
        made[..., RAW[name]] = value
    return made


@pytest.mark.parametrize(
    ("band", "value", "index", "wanted"),
    [
        ("VV", -20.0, 0, 0.2),
        ("VH", -25.0, 1, 0.0),
        ("B2", 10_000.0, 2, 1.0),
        ("B8A", 5_000.0, 9, 0.5),
        ("B11", 2_500.0, 10, 0.25),
        ("B12", 7_500.0, 11, 0.75),
        ("temperature", 272.15, 12, 0.0),
        ("temperature", 307.15, 12, 1.0),
        ("precipitation", 0.06, 13, 2.0),
        ("elevation", 1_000.0, 14, 0.5),
        ("slope", 25.0, 15, 0.5),
    ],
)
def test_each_band_is_shifted_then_divided(band, value, index, wanted):
    made = normalise(raw(**{band: value}))
    assert made.shape == (1, 12, 17)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made[..., index], wanted, atol=2e-6)


def test_b9_is_left_out_and_the_stored_ndvi_is_made_anew():
    np.testing.assert_array_equal(normalise(raw(B9=5000.0)), normalise(raw()))
    made = normalise(raw(B4=1000.0, B8=3000.0, NDVI=-0.9))
    np.testing.assert_allclose(made[..., 16], 0.5, rtol=1e-6)


def test_ndvi_is_zero_where_nothing_is_reflected():
    assert (normalise(raw(NDVI=0.7))[..., 16] == 0).all()


def test_prepare_names_what_the_network_reads():
    made = prepare(
        {
            "x": raw(B2=100.0),
            "dynamic_world": np.full((1, 12), 9, dtype=np.uint8),
            "month": np.array([3], dtype=np.uint8),
            "lat": np.array([60.0]),
            "lon": np.array([25.0]),
        }
    )
    kinds = {name: (values.shape, values.dtype.name) for name, values in made.items()}
    assert kinds == {
        "x": ((1, 12, 17), "float32"),
        "dynamic_world": ((1, 12), "int64"),
        "latlon": ((1, 2), "float32"),
        "month": ((1,), "int64"),
    }
    np.testing.assert_array_equal(made["latlon"], [[60.0, 25.0]])


REAL = REAL_DATA / "presto/algae_blooms"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real series are not at hand")
def test_real_series_come_out_of_normalisation_in_range():
    made = normalise(np.load(REAL / "s1_s2_era5_srtm.npy"))
    assert made.shape == (1122, 12, 17)
    assert np.isfinite(made).all()
    assert np.abs(made).max() < 2
    assert np.abs(made[..., 16]).max() <= 1
