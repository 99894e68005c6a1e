"""SatMAE's order of losses on cases done by hand, its 8-bit pixels, and where its norms end."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from terrasweep.infra.errors import BadDataError
from terrasweep.models.zoo.satmae.model import SatMae, build, prepare
from terrasweep.models.zoo.satmae.normalise import MEAN, STD, normalise
from terrasweep.models.zoo.satmae.objective import in_channel_order, masked_error, target_of
from terrasweep.models.zoo.satmae.spec import SatMaeSpec

GROUPS = ((0, 1, 2, 6), (3, 4, 5, 7), (8, 9))
BANDS = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12")


def loss(outputs: list[Tensor], target: Tensor, *, hidden: Tensor, order: str) -> float:
    lined_up = in_channel_order(outputs, groups=GROUPS, order=order)
    summed = masked_error(lined_up, target_BLCP=target, hidden_BGL=hidden, groups=GROUPS)
    return float(summed / hidden.sum())


def each_its_own(target: Tensor) -> list[Tensor]:
    """Return outputs of heads that predict their own channels perfectly."""
    return [target[:, :, list(group)].flatten(2) for group in GROUPS]


def plain_order(target: Tensor) -> list[Tensor]:
    """Return outputs that are channels 0 to 9 in order, when put one after another."""
    return [part.flatten(2) for part in target.split((4, 4, 2), dim=2)]


@pytest.fixture
def noise() -> Tensor:
    return torch.randn(4, 144, 10, 64, generator=torch.Generator().manual_seed(0))


EVERYTHING = torch.ones(4, 3, 144)


def test_the_official_loss_is_zero_for_channels_in_order_and_two_thirds_for_perfect_heads(noise):
    assert loss(plain_order(noise), noise, hidden=EVERYTHING, order="official") == 0
    made = loss(each_its_own(noise), noise, hidden=EVERYTHING, order="official")
    assert made == pytest.approx(2 / 3, rel=0.02)


def test_the_corrected_loss_is_zero_for_perfect_heads(noise):
    assert loss(each_its_own(noise), noise, hidden=EVERYTHING, order="corrected") == 0
    assert loss(plain_order(noise), noise, hidden=EVERYTHING, order="corrected") > 0.5


# What each output learns, and whose mask weighs it: (group of the head, its output, band, group).
LEARNT = [
    (0, 0, "B2", 0), (0, 1, "B3", 0), (0, 2, "B4", 0), (0, 3, "B5", 1),
    (1, 0, "B6", 1), (1, 1, "B7", 1), (1, 2, "B8", 0), (1, 3, "B8A", 1),
    (2, 0, "B11", 2), (2, 1, "B12", 2),
]  # fmt: skip


@pytest.mark.parametrize(("head", "output", "band", "group"), LEARNT)
def test_each_output_learns_the_band_that_published_heads_learnt(head, output, band, group):
    target = torch.zeros(1, 1, 10, 4)
    target[:, :, BANDS.index(band)] = 3.0
    outputs = [torch.zeros(1, 1, 4 * len(own)) for own in GROUPS]
    hidden = torch.zeros(1, 3, 1)
    hidden[:, group] = 1
    missed = loss(outputs, target, hidden=hidden, order="official")
    assert missed == pytest.approx(9 / len(GROUPS[group]))
    outputs[head][:, :, 4 * output : 4 * output + 4] = 3.0
    assert loss(outputs, target, hidden=hidden, order="official") == 0
    others = 1 - hidden
    assert loss(outputs, target, hidden=others, order="official") == 0


def test_a_small_case_done_by_hand():
    # Two patches of one pixel; the first group is hidden in both, the last in the second alone.
    target = torch.arange(20.0).reshape(1, 2, 10, 1)
    outputs = [torch.zeros(1, 2, len(group)) for group in GROUPS]
    hidden = torch.tensor([[[1.0, 1.0], [0.0, 0.0], [0.0, 1.0]]])
    first = ((0 + 1 + 4 + 36) / 4, (100 + 121 + 144 + 256) / 4)
    last = (18**2 + 19**2) / 2
    wanted = (sum(first) + last) / 3
    assert loss(outputs, target, hidden=hidden, order="official") == pytest.approx(wanted)


def test_pixels_of_a_patch_are_told_channel_by_channel_in_rows():
    image = torch.arange(2 * 4 * 4.0).reshape(1, 2, 4, 4)
    made = target_of(image, patch=2, norm_pix_loss=False)
    assert made.shape == (1, 4, 2, 4)
    assert made[0, 1].tolist() == [[2, 3, 6, 7], [18, 19, 22, 23]]
    assert made[0, 2, 0].tolist() == [8, 9, 12, 13]


def test_normed_pixels_have_mean_0_and_variance_1_in_every_patch(noise):
    images = 5 + 3 * torch.randn(2, 10, 16, 16, generator=torch.Generator().manual_seed(1))
    made = target_of(images, patch=8, norm_pix_loss=True).flatten(2)
    torch.testing.assert_close(made.mean(dim=2), torch.zeros(2, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(made.var(dim=2), torch.ones(2, 4), atol=1e-4, rtol=0)


def uniform(values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float64)[None, :, None, None] * np.ones((1, 1, 2, 2))


PUBLISHED = [
    (1370.19151926, 633.15169573),
    (1184.3824625, 650.2842772),
    (1120.77120066, 712.12507725),
    (1136.26026392, 965.23119807),
    (1263.73947144, 948.9819932),
    (1645.40315151, 1108.06650639),
    (1846.87040806, 1258.36394548),
    (1762.59530783, 1233.1492281),
    (1972.62420416, 1364.38688993),
    (582.72633433, 472.37967789),
    (14.77112979, 14.3114637),
    (1732.16362238, 1310.36996126),
    (1247.91870117, 1087.6020813),
]
"""Mean and standard deviation of B1 to B8, B8A, B9 to B12."""


def test_constants_of_normalisation_are_the_published_ones():
    assert list(zip(MEAN, STD, strict=True)) == PUBLISHED


@pytest.mark.parametrize(
    ("deviations", "byte"), [(-2.5, 0), (-1.999, 0), (0.0, 127), (1.0, 191), (0.996, 190), (9, 255)]
)
def test_a_byte_spans_four_deviations_around_the_mean_of_its_band(deviations, byte):
    raw = uniform([mean + deviations * std for mean, std in PUBLISHED])
    assert (normalise(raw) == byte).all()


def test_truncation_is_not_rounding():
    raw = uniform([m + 0.9999 / 255 * 4 * s for m, s in zip(MEAN, STD, strict=True)])
    assert (normalise(raw) == 128).all()  # 128.4999
    raw = uniform([m + 0.4 / 255 * 4 * s for m, s in zip(MEAN, STD, strict=True)])
    assert (normalise(raw) == 127).all()  # 127.9


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32])
def test_ten_bands_are_the_thirteen_less_b1_b9_and_b10(dtype):
    raw = np.random.Generator(np.random.PCG64(0)).integers(0, 6000, (3, 13, 8, 8)).astype(dtype)
    made = prepare({"image": raw})["image"]
    kept = [1, 2, 3, 4, 5, 6, 7, 8, 11, 12]
    assert made.dtype == np.uint8
    np.testing.assert_array_equal(prepare({"image": raw[:, kept]})["image"], made[:, kept])


@pytest.mark.parametrize("shape", [None, (2, 12, 8, 8), (2, 3, 8, 8), (2, 13, 8)])
def test_what_is_no_image_of_ten_or_thirteen_bands_is_refused(shape):
    arrays = {} if shape is None else {"image": np.zeros(shape, dtype=np.uint16)}
    with pytest.raises(BadDataError, match="13 or 10 bands"):
        prepare(arrays)


def test_every_norm_has_an_epsilon_of_a_millionth():
    with torch.device("meta"):
        network = build(SatMaeSpec(name="satmae"))
    norms = [module for module in network.modules() if isinstance(module, nn.LayerNorm)]
    assert len(norms) == 2 * 12 + 2 * 8 + 2
    assert {norm.eps for norm in norms} == {1e-6}


def test_weights_start_xavier_uniform_and_tokens_small():
    spec = SatMaeSpec(name="satmae", depth=1, decoder_depth=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build(spec)
    assert isinstance(network, SatMae)
    bounds = {"blocks.0.mlp.fc1.weight": (6 / (768 + 3072)) ** 0.5}
    bounds |= {"patch_embed.2.proj.weight": (6 / (768 + 2 * 64)) ** 0.5}
    for name, bound in bounds.items():
        values = network.get_parameter(name)
        assert 0.95 * bound < values.abs().max() <= bound
    assert not network.get_parameter("blocks.0.attn.qkv.bias").any()
    assert float(network.cls_token.detach().std()) == pytest.approx(0.02, rel=0.1)
    assert float(network.mask_token.detach().std()) == pytest.approx(0.02, rel=0.15)


def test_the_loss_is_a_mean_over_hidden_tokens_however_many_samples_there_are():
    sizes = {"image_px": 16, "patch_px": 4, "width": 32, "depth": 1, "heads": 2}
    sizes |= {"decoder_width": 32, "decoder_depth": 1, "decoder_heads": 2}
    spec = SatMaeSpec(name="satmae", **sizes, channel_width=16, decoder_channel_width=16)
    network = build(spec)
    assert isinstance(network, SatMae)
    network.decoder_pred.requires_grad_(False).apply(lambda head: head.apply(_silence))
    for samples in (1, 5):
        white = torch.full((samples, 10, 20, 24), 255, dtype=torch.uint8)
        drawn = torch.Generator().manual_seed(0)
        loss = network.loss({"image": white}, generator=drawn)
        assert float(loss.detach()) == pytest.approx(1.0)


def _silence(module: nn.Module) -> None:
    for values in module.parameters(recurse=False):
        values.zero_()
