"""SatCLIP's location network agrees with its description, and with no near miss of it."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from scipy.special import lpmv
from torch import Tensor

from terrasweep.models.zoo.satclip.harmonics import SphericalHarmonics
from terrasweep.models.zoo.satclip.layers import Location, Siren, draw_dropout
from terrasweep.models.zoo.satclip.model import SatClip, build, prepare
from terrasweep.models.zoo.satclip.spec import SatClipSpec

FEATURES = SatClipSpec(name="satclip", tower="features", feature_width=7)
PLACES = torch.tensor(
    [[10.0, 20.0], [-179.9, 66.5], [180.0, -33.0], [0.0, 0.0], [77.7, 89.9], [-65.0, -90.0]],
    dtype=torch.float64,
)
"""Longitude and latitude."""


def built(**fields: object) -> SatClip:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = build(SatClipSpec(**{**FEATURES.model_dump(), **fields}))
    assert isinstance(network, SatClip)
    return network


def location_of(network: SatClip) -> Location:
    return network.model.location


@dataclass(frozen=True)
class Choices:
    longitude_first: bool = True
    shifted_longitude: bool = True
    latitude_plus_90: bool = True
    zonal: float = math.pi
    condon_shortley: bool = False
    order_from_below: bool = True
    first_omega: float = 30.0
    hidden_omega: float = 1.0
    last_sine: bool = False
    kind: type = np.float64


def harmonics_by_hand(place: Tensor, *, degrees: int, choices: Choices) -> np.ndarray:
    lon, lat = place.tolist() if choices.longitude_first else place.tolist()[::-1]
    phi = np.deg2rad(lon + 180 * choices.shifted_longitude)
    theta = np.deg2rad(lat + 90 if choices.latitude_plus_90 else 90 - lat)
    made = []
    for l in range(degrees):  # noqa: E741
        orders = range(-l, l + 1) if choices.order_from_below else range(l, -l - 1, -1)
        for m in orders:
            size = abs(m)
            ratio = math.factorial(l - size) / math.factorial(l + size)
            norm = math.sqrt((2 * l + 1) / (4 * math.pi) * ratio)
            phase = 1 if choices.condon_shortley else (-1) ** size  # scipy's has it
            legendre = phase * norm * lpmv(size, l, np.cos(theta))
            turn = np.sin(size * phi) if m < 0 else np.cos(m * phi)
            made.append(legendre * (choices.zonal if m == 0 else math.sqrt(2) * turn))
    return np.array(made)


def features_by_hand(network: SatClip, place: Tensor, *, choices: Choices) -> np.ndarray:
    state = {name: values.numpy() for name, values in network.state_dict().items()}
    x = harmonics_by_hand(place, degrees=network.spec.degrees, choices=choices)
    x = x.astype(choices.kind)
    for layer, omega in enumerate((choices.first_omega, choices.hidden_omega)):
        own = f"model.nnet.layers.{layer}"
        x = np.sin(omega * (state[f"{own}.weight"].astype(choices.kind) @ x + state[f"{own}.bias"]))
        x = x.astype(choices.kind)
    made = state["model.nnet.last_layer.weight"] @ x + state["model.nnet.last_layer.bias"]
    return np.sin(made) if choices.last_sine else made


def test_the_golden_vector():
    made = SphericalHarmonics(10)(torch.tensor([[10.0, 20.0]]))[0]
    golden = [0.886227, -0.079728, -0.524998, -0.452161, 0.164981]
    golden += [0.060975, -0.643116, 0.345804, 0.453282, -0.2448]
    np.testing.assert_allclose(made[:10].numpy(), golden, atol=1e-6)
    assert float(made.sum()) == pytest.approx(-0.312917, abs=1e-6)
    assert float(made.norm()) == pytest.approx(3.543039, abs=1e-6)


@pytest.mark.parametrize("degrees", [1, 2, 3, 10, 25])
def test_harmonics_agree_with_those_written_by_hand(degrees):
    made = SphericalHarmonics(degrees)(PLACES)
    assert (made.shape, made.dtype) == ((len(PLACES), degrees**2), torch.float64)
    wanted = [harmonics_by_hand(place, degrees=degrees, choices=Choices()) for place in PLACES]
    np.testing.assert_allclose(made.numpy(), wanted, atol=1e-11)


def test_forty_degrees_are_exact_up_to_the_poles():
    # The squares of a degree's harmonics sum to (2 l + 1) / 4 pi wherever one stands.
    places = torch.stack([torch.linspace(-180, 180, 181), torch.linspace(-90, 90, 181)], dim=1)
    made = SphericalHarmonics(40)(places)
    for degree in (0, 1, 9, 30, 39):
        own = made[:, degree**2 : (degree + 1) ** 2].clone()
        own[:, degree] /= math.pi
        wanted = torch.full((181,), (2 * degree + 1) / (4 * math.pi), dtype=torch.float64)
        torch.testing.assert_close(own.square().sum(dim=1), wanted, rtol=1e-11, atol=0)


# A test that could not tell SatCLIP from its near misses would be worth nothing: each of these is
# the network with one thing wrong.
WRONG = [
    {"longitude_first": False},
    {"shifted_longitude": False},
    {"latitude_plus_90": False},
    {"zonal": 1.0},
    {"condon_shortley": True},
    {"order_from_below": False},
    {"first_omega": 1.0},
    {"hidden_omega": 30.0},
    {"last_sine": True},
    {"kind": np.float32},
]


def test_features_agree_with_the_network_written_by_hand():
    network = built()
    with torch.no_grad():
        made = location_of(network)(PLACES)
    wanted = [features_by_hand(network, place, choices=Choices()) for place in PLACES]
    np.testing.assert_allclose(made.numpy(), wanted, atol=1e-12)


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_features_disagree_with_every_near_miss(wrong):
    network = built()
    with torch.no_grad():
        made = location_of(network)(PLACES[:2]).numpy()
    choices = replace(Choices(), **wrong)
    other = [features_by_hand(network, place, choices=choices) for place in PLACES[:2]]
    assert np.abs(made - other).max() > 1e-9


@pytest.mark.parametrize(("degrees", "size"), [(10, 445_696), (40, 1_213_696)])
def test_sizes_of_the_location_network_are_the_published_ones(degrees, size):
    network = built(degrees=degrees)
    assert sum(values.numel() for values in location_of(network).parameters()) == size


def test_names_shapes_and_precision_in_the_state_dict_are_the_published_ones():
    state = built().state_dict()
    nnet = {"layers.0": (512, 100), "layers.1": (512, 512), "last_layer": (256, 512)}
    wanted = {"model.logit_scale": ((), torch.float32)}
    for twin in ("model.nnet", "model.location.nnet"):
        for name, shape in nnet.items():
            wanted[f"{twin}.{name}.weight"] = (shape, torch.float64)
            wanted[f"{twin}.{name}.bias"] = (shape[:1], torch.float64)
    found = {name: (tuple(values.shape), values.dtype) for name, values in state.items()}
    assert {name: own for name, own in found.items() if "visual" not in name} == wanted


def test_the_location_network_is_one_also_after_weights_are_loaded():
    network, other = built(), built()
    network.load_state_dict(other.state_dict())
    network.model.nnet.last_layer.bias.data.fill_(7.0)
    assert (network.model.location.nnet.last_layer.bias == 7.0).all()
    assert len([name for name, _ in network.named_parameters() if "nnet" in name]) == 6


def test_weights_and_biases_start_uniform_within_their_bounds():
    nnet = built().model.nnet
    assert isinstance(nnet, Siren)
    bounds = [1 / 100, math.sqrt(6 / 512), math.sqrt(6 / 512)]
    for layer, bound in zip([*nnet.layers, nnet.last_layer], bounds, strict=True):
        for values in (layer.weight.detach(), layer.bias.detach()):
            assert 0.97 * bound < values.abs().max() <= bound
            assert float(values.std()) == pytest.approx(bound / math.sqrt(3), rel=0.1)


def test_a_higher_frequency_narrows_the_start_of_later_layers():
    nnet = built(hidden_omega=4.0).model.nnet
    assert nnet.layers[1].weight.abs().max() <= math.sqrt(6 / 512) / 4
    assert nnet.layers[0].weight.abs().max() > 0.97 / 100


def test_dropout_comes_before_the_sine_of_hidden_layers_and_not_on_the_last():
    location = location_of(built())
    drawn = draw_dropout(FEATURES, samples=2, generator=torch.Generator().manual_seed(0))
    assert len(drawn) == 2
    with torch.no_grad():
        x = location.posenc(PLACES[:2])
        for layer, factor, omega in zip(location.nnet.layers, drawn, (30.0, 1.0), strict=True):
            linear = x @ layer.weight.T + layer.bias
            x = torch.sin(omega * linear * factor)
        last = location.nnet.last_layer
        wanted = x @ last.weight.T + last.bias
        torch.testing.assert_close(location(PLACES[:2], dropout=drawn), wanted)


def test_dropout_takes_half_and_doubles_the_rest():
    drawn = torch.stack(draw_dropout(FEATURES, samples=200, generator=torch.Generator()))
    assert drawn.unique().tolist() == [0.0, 2.0]
    assert float(drawn.mean()) == pytest.approx(1.0, abs=0.01)
    assert not torch.equal(drawn[0], drawn[1])


def test_features_are_float32_from_a_float64_network_and_drop_nothing():
    network = built()
    with torch.no_grad():
        assert location_of(network)(PLACES).dtype == torch.float64
        made = network.train().encode({"lonlat": PLACES})
        assert (made.dtype, made.shape) == (torch.float32, (len(PLACES), 256))
        assert torch.equal(made, network.eval().encode({"lonlat": PLACES}))


def test_prepare_puts_longitude_first_in_float64_and_asks_for_no_image():
    made = prepare({"lat": np.array([60.0]), "lon": np.array([25.123456789])})
    assert list(made) == ["lonlat"]
    assert made["lonlat"].dtype == np.float64
    assert made["lonlat"].tolist() == [[25.123456789, 60.0]]


def test_coordinates_may_come_as_longitude_and_latitude():
    made = prepare({"lonlat": np.array([[25.0, 60.0]], dtype=np.float32)})
    assert made["lonlat"].tolist() == [[25.0, 60.0]]
    assert made["lonlat"].dtype == np.float64
