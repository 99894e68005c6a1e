"""Spectral entropies are what their definition says, of series and of images."""

import numpy as np
import pytest
from pydantic import ValidationError

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.intake.spectral_entropy import (
    USUAL,
    definition,
    of_images,
    of_series,
    source,
    spectral_entropy,
)
from terrasweep.samplers.pools.planet.spec import PlanetSpec
from terrasweep.samplers.pools.pretrain_where.spec import PretrainWhereSpec
from terrasweep.samplers.pools.ssl4eo_s12.spec import Ssl4eoS12Spec
from terrasweep.samplers.spec.entropy import EntropySpec, ImageEntropy, SeriesEntropy
from tests.support.paths import REAL_DATA
from tests.support.pools import spec_of, taken_in

REAL = REAL_DATA / "satclip/s2_example"
PLANET = PlanetSpec(name="planet")


def test_of_a_series():
    """One bin has no entropy; twelve values in as many bins have log 12, in nats."""
    x = np.zeros((4, 12, 18), np.float32)
    x[1] = 3000
    x[2] = np.linspace(10, 9990, 12)[:, None]
    x[3, :, :] = np.where(np.arange(12) % 2, 500, 9000)[:, None]
    x[3, 0, 2:13] = 0  # a month that was not observed: five of one kind, six of the other
    odds = np.array([5, 6]) / 11
    wanted = [0, 0, np.log(12), -(odds * np.log(odds)).sum()]
    assert of_series(x) == pytest.approx(wanted, abs=1e-5)
    assert of_series(x).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32, np.float64])
def test_of_an_image(dtype):
    """A margin of zeros does not count, and an image of nothing else has no entropy."""
    image = np.zeros((4, 3, 8, 8), dtype)
    image[1] = 700
    image[2, :, :4, :4] = np.arange(1, 17).reshape(4, 4) * 600  # sixteen bins, a margin around
    image[3, 0] = 700
    image[3, 1] = np.where(np.arange(8) % 2, 500, 9000)  # a third band saw nothing
    found = of_images(image)
    assert found.dtype == np.float32
    wanted = [np.nan, 0, np.log(16), np.log(2) / 2]
    assert found == pytest.approx(wanted, abs=1e-6, nan_ok=True)


def test_values_that_are_no_numbers_are_not_counted():
    image = np.full((1, 1, 2, 2), 500.0)
    image[0, 0, 0] = np.nan, 8000.0
    odds = np.array([1, 2]) / 3
    assert of_images(image) == pytest.approx([-(odds * np.log(odds)).sum()])


def test_every_setting_is_heeded():
    ramp = np.arange(1, 65).reshape(1, 1, 8, 8).repeat(2, axis=1).astype(np.float32)
    ramp[:, 1] = 5
    assert of_images(ramp, how=ImageEntropy(bands=(1,))) == 0
    first = {"bands": (0,), "low": 1, "high": 65}
    assert of_images(ramp, how=ImageEntropy(**first, bins=16)) == pytest.approx(np.log(16))
    assert of_images(ramp, how=ImageEntropy(**first, bins=4, log_base="2")) == pytest.approx(2)
    assert of_images(ramp, how=ImageEntropy(**first, bins=10**2, log_base="10")) == pytest.approx(
        np.log10(64)
    )
    narrow = ImageEntropy(bands=(0,), low=32, high=33, bins=2)  # all beyond in the outermost bins
    assert of_images(ramp, how=narrow) == pytest.approx(np.log(2), abs=1e-3)
    x = np.zeros((1, 12, 18), np.float32)
    x[:, :, 3] = np.linspace(10, 9990, 12)
    assert of_series(x, how=SeriesEntropy(bands=(3,), log_base="2")) == pytest.approx(np.log2(12))


def test_large_images_are_measured_a_few_at_a_time_with_the_same_result():
    image = np.random.Generator(np.random.PCG64(0)).integers(1, 9000, (40, 13, 96, 96))
    alone = [of_images(image[at : at + 1])[0] for at in range(40)]
    assert of_images(image).tolist() == alone


def test_what_is_measured_of_whom():
    both = {"x": np.ones((1, 12, 18)), "image": np.full((1, 2, 4, 4), 9.0), "id": np.array(["a"])}
    assert source(both, pool=PLANET, spec=USUAL) == "series"
    assert source(both, pool=PLANET, spec=EntropySpec(first="image")) == "image"
    assert source({"image"}, pool=PLANET, spec=USUAL) == "image"
    assert source({"id"}, pool=PLANET, spec=USUAL) is None
    assert np.isnan(spectral_entropy({"id": both["id"]}, pool=PLANET)).all()
    assert spectral_entropy(both, pool=PLANET) == 0


def test_images_that_hold_no_reflectances_have_none_until_their_range_is_said():
    radar = Ssl4eoS12Spec(name="ssl4eo_s12", path="x", split="s1")
    normalised = PretrainWhereSpec(name="pretrain_where", path="x")
    said = EntropySpec(image=ImageEntropy(low=-40, high=10))
    for pool in (radar, normalised):
        assert source({"image"}, pool=pool, spec=USUAL) is None
        assert source({"image"}, pool=pool, spec=said) == "image"
    assert source({"image"}, pool=radar.model_copy(update={"split": "s2c"}), spec=USUAL) == "image"


def test_the_definition_says_what_is_assumed_and_what_was_chosen():
    told = definition("image", spec=EntropySpec(image=ImageEntropy(bins=64, log_base="2")))
    assert (told["bins"], told["unit"], told["assumed"]) == (64, "bits", ["bands", "low", "high"])
    told = definition("series", spec=USUAL)
    assert told["assumed"] == ["bands", "bins", "low", "high", "log_base"]
    assert "B2 to B12" in str(told["bands"])


def test_mistakes_are_sentences():
    with pytest.raises(PoolError, match=r"Expected band 13 .* got samples of 13 bands, 0 to 12"):
        of_images(np.ones((1, 13, 4, 4)), how=ImageEntropy(bands=(0, 13)))
    for how in ({"low": 5, "high": 5}, {"bands": (-1,)}, {"bands": ()}, {"bins": 1}):
        with pytest.raises(ValidationError):
            ImageEntropy.model_validate(how)


def test_the_twenty_real_patches_span_what_is_told_of_them():
    """In bits, on average over bands: frozen land 0.57, mixed farmland 6.3, Japan 7.2."""
    if not REAL.is_dir():
        pytest.skip(f"no real patches at {REAL}")
    spec = spec_of("s2_100k", {"path": str(REAL)})
    columns, _ = taken_in(spec)
    in_bits = EntropySpec(image=ImageEntropy(log_base="2"))
    found = spectral_entropy(columns, pool=spec, spec=in_bits)
    bits = dict(zip(columns["id"].tolist(), found.tolist(), strict=True))
    assert bits["patch_74721.tif"] == pytest.approx(0.57, abs=0.005) == min(bits.values())
    assert bits["patch_511198.tif"] == pytest.approx(7.2, abs=0.05) == max(bits.values())
    assert bits["patch_286743.tif"] == pytest.approx(6.3, abs=0.05)
    assert 4 < np.median(found) < 5
    assert spectral_entropy(columns, pool=spec) == pytest.approx(found * np.log(2), rel=1e-6)
