"""Every network of the zoo keeps the contract, whatever it is."""

from collections.abc import Iterator
from typing import cast

import numpy as np
import pytest
import torch

from terrasweep.infra.spec import Spec, meanings
from terrasweep.models.contract import Network
from terrasweep.models.members import ZOO
from terrasweep.models.spec import ModelSpec, TrainingSpec

SAMPLES = 6
NAMES = pytest.mark.parametrize("name", ZOO.names)
IMAGE_PX = 24
SMALL_IMAGES = {"image_px": 16, "width": 64, "depth": 1, "heads": 2}
SMALL_IMAGES |= {"decoder_width": 32, "decoder_depth": 1, "decoder_heads": 2}
SMALL: dict[str, dict[str, int]] = {
    "series_mae": {"width": 32, "depth": 1, "heads": 2},
    "presto": {"width": 32, "depth": 1, "heads": 2},
    "satclip": {"degrees": 6, "capacity": 64, "width": 32, "crop_px": 16},
    "satmae": {**SMALL_IMAGES, "channel_width": 32, "decoder_channel_width": 16},
    "vit_mae": SMALL_IMAGES,
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """On tensors this small, and beside other work, two threads are slower than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def spec_of(name: str) -> ModelSpec:
    return cast("ModelSpec", ZOO.spec(name)(name=name, **SMALL.get(name, {})))


def built(name: str, *, seed: int = 0) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ZOO[name].build(spec_of(name))


def raw_arrays(name: str, samples: int = SAMPLES) -> dict[str, np.ndarray]:
    """Coordinates, and what the network says it learns from."""
    made = every_array(samples)
    return {key: made[key] for key in ("lat", "lon", *spec_of(name).learns_from)}


def every_array(samples: int) -> dict[str, np.ndarray]:
    draw = np.random.Generator(np.random.PCG64(1))
    scale = np.array([1, 1, *[3000] * 11, 10, 0.01, 500, 5, 1], dtype=np.float32)
    shift = np.array([-15, -20, *[3000] * 11, 285, 0.01, 500, 5, 0], dtype=np.float32)
    pixels = draw.uniform(-1, 1, (samples, 12, 18)).astype(np.float32) * scale + shift
    brightness = draw.uniform(500, 3000, (samples, 13, 1, 1))
    return {
        "x": pixels,
        "image": draw.normal(brightness, 100, (samples, 13, IMAGE_PX, IMAGE_PX)).astype(np.uint16),
        "dynamic_world": draw.integers(0, 10, (samples, 12)).astype(np.uint8),
        "month": draw.integers(0, 12, samples).astype(np.uint8),
        "series": draw.uniform((-20, 0, -20, -20), (35, 300, 45, 30), (samples, 12, 4)).astype(
            np.float32
        ),
        "lat": draw.uniform(-60, 75, samples),
        "lon": draw.uniform(-180, 180, samples),
    }


def a_batch(name: str, samples: int = SAMPLES) -> dict[str, torch.Tensor]:
    made = ZOO[name].prepare(raw_arrays(name, samples))
    return {key: torch.from_numpy(values) for key, values in made.items()}


def loss(network: Network, batch: dict[str, torch.Tensor], *, seed: int = 0, part=slice(None)):
    return network.loss(batch, generator=torch.Generator().manual_seed(seed), part=part)


@NAMES
def test_its_spec_is_closed_and_names_a_training_recipe(name):
    assert isinstance(spec_of(name).official, TrainingSpec)
    assert issubclass(ZOO.spec(name), Spec)
    with pytest.raises(ValueError, match="extra"):
        ZOO.spec(name)(name=name, no_such_field=1)


@NAMES
def test_every_field_of_its_spec_says_what_it_is(name):
    kind = ZOO.spec(name)
    assert set(kind.model_fields) <= set(meanings(kind))


@NAMES
def test_equal_seeds_build_equal_networks_and_others_do_not(name):
    first, again, other = (built(name, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@NAMES
def test_it_gives_one_finite_float32_vector_per_sample(name):
    with torch.no_grad():
        made = built(name).eval().encode(a_batch(name))
    assert made.shape[0] == SAMPLES
    assert made.ndim == 2
    assert made.dtype == torch.float32
    assert made.isfinite().all()


@NAMES
def test_its_features_need_no_array_but_those_it_names(name):
    arrays = raw_arrays(name)
    named = {key: arrays[key] for key in ("lat", "lon", *spec_of(name).encodes)}
    made = ZOO[name].prepare(named)
    network = built(name).eval()
    with torch.no_grad():
        features = network.encode({key: torch.from_numpy(values) for key, values in made.items()})
        assert torch.equal(features, network.encode(a_batch(name)))


@NAMES
def test_features_tell_samples_apart_and_do_not_depend_on_the_company(name):
    network, batch = built(name).eval(), a_batch(name)
    with torch.no_grad():
        together = network.encode(batch)
        alone = [
            network.encode({k: v[i : i + 1] for k, v in batch.items()}) for i in range(SAMPLES)
        ]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)
    assert torch.pdist(together).min() > 1e-3


@NAMES
def test_the_loss_follows_from_the_generator_and_from_no_global_one(name):
    network, batch = built(name), a_batch(name)
    torch.manual_seed(0)
    first = loss(network, batch, seed=1)
    torch.manual_seed(99)
    assert loss(network, batch, seed=1) == first
    assert loss(network, batch, seed=2) != first


@NAMES
def test_parts_of_a_batch_add_up_to_its_loss(name):
    network, batch = built(name), a_batch(name)
    parts = [loss(network, batch, part=part) for part in (slice(0, 1), slice(1, 4), slice(4, 6))]
    torch.testing.assert_close(torch.stack(parts).sum(), loss(network, batch), rtol=1e-5, atol=0)


@NAMES
def test_every_weight_that_can_learn_learns(name):
    network = built(name)
    loss(network, a_batch(name, samples=64)).backward()
    still = [
        key
        for key, values in network.named_parameters()
        if values.requires_grad and (values.grad is None or not values.grad.any())
    ]
    assert still == []


@NAMES
def test_the_loss_falls_when_it_is_followed(name):
    network, batch = built(name), a_batch(name, samples=32)
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=3e-3)
    before = float(loss(network, batch).detach())
    for _ in range(40):
        optimiser.zero_grad()
        loss(network, batch).backward()
        optimiser.step()
    assert float(loss(network, batch).detach()) < 0.8 * before


@NAMES
def test_prepare_leaves_what_it_is_given_as_it_is(name):
    arrays = raw_arrays(name)
    kept = {key: values.copy() for key, values in arrays.items()}
    ZOO[name].prepare(arrays)
    for key, values in kept.items():
        np.testing.assert_array_equal(arrays[key], values)
