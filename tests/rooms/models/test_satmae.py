"""SatMAE agrees with its description, number by number, and with no near miss of it."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from terrasweep.infra.errors import BadDataError
from terrasweep.models.layers import vit
from terrasweep.models.zoo.satmae.model import SatMae, build, draw_visible
from terrasweep.models.zoo.satmae.objective import in_channel_order, masked_error, target_of
from terrasweep.models.zoo.satmae.spec import SatMaeSpec
from tests.rooms.models.satmae_by_hand import Choices, Reference

SMALL = SatMaeSpec(
    name="satmae",
    image_px=16,
    patch_px=4,
    width=48,
    depth=2,
    heads=3,
    channel_width=16,
    decoder_width=32,
    decoder_depth=2,
    decoder_heads=4,
    decoder_channel_width=8,
)


@pytest.fixture(scope="module")
def satmae() -> SatMae:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = build(SMALL)
        for values in network.parameters():
            if values.requires_grad and values.ndim == 1:  # biases and norms that say something
                values.data += 0.1 * torch.randn_like(values)
            if values.ndim == 3:  # tokens
                values.data *= 3 if values.requires_grad else 1
    assert isinstance(network, SatMae)
    return network.double().eval()


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(2, 10, 16, 16, generator=torch.Generator().manual_seed(2)).double()


def by_hand(satmae: SatMae, choices: Choices) -> Reference:
    state = satmae.state_dict()
    return Reference(state, side=4, patch=4, heads=3, decoder_heads=4, choices=choices)


def features(satmae: SatMae, images: Tensor) -> Tensor:
    """Return what `encode` makes of images that need no resizing."""
    with torch.no_grad():
        mean = satmae.tokens(images)[:, 1:].mean(dim=1)
        return torch.nn.functional.layer_norm(mean, mean.shape[1:], eps=1e-6)


SIZES = {
    "base": ({}, 111_624_448, 111_493_248, 85_625_600),
    "large": ({"width": 1024, "depth": 24, "heads": 16}, 329_212_928, None, 303_083_008),
}


@pytest.mark.parametrize("size", SIZES)
def test_sizes_are_the_published_ones(size):
    fields, whole, learnt, encoder = SIZES[size]
    with torch.device("meta"):
        network = build(SatMaeSpec(name="satmae", **fields))
    counts = {name: values.numel() for name, values in network.named_parameters()}
    fixed = {name for name, values in network.named_parameters() if not values.requires_grad}
    assert sum(counts.values()) == whole
    assert fixed == {
        "pos_embed", "channel_embed", "decoder_pos_embed", "decoder_channel_embed"
    }  # fmt: skip
    if learnt is not None:
        assert sum(counts.values()) - sum(counts[name] for name in fixed) == learnt
    theirs = ("decoder", "mask_token")
    assert sum(n for name, n in counts.items() if not name.startswith(theirs)) == encoder


def test_names_and_shapes_in_the_state_dict_are_the_published_ones():
    with torch.device("meta"):
        state = build(SatMaeSpec(name="satmae")).state_dict()
    assert {name: tuple(values.shape) for name, values in state.items()} == published_shapes()


def published_shapes() -> dict[str, tuple[int, ...]]:
    linear = {"decoder_embed": (512, 768)}
    linear |= {f"patch_embed.{i}.proj": (768, bands, 8, 8) for i, bands in enumerate((4, 4, 2))}
    linear |= {f"decoder_pred.{i}": (64 * bands, 512) for i, bands in enumerate((4, 4, 2))}
    norms = {"norm": 768, "decoder_norm": 512}
    stacks = [(f"blocks.{i}", 768) for i in range(12)]
    for block, width in [*stacks, *[(f"decoder_blocks.{i}", 512) for i in range(8)]]:
        norms |= {f"{block}.norm1": width, f"{block}.norm2": width}
        linear |= {f"{block}.attn.qkv": (3 * width, width), f"{block}.attn.proj": (width, width)}
        linear |= {f"{block}.mlp.fc1": (4 * width, width), f"{block}.mlp.fc2": (width, 4 * width)}
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, 768),
        "pos_embed": (1, 145, 512),
        "channel_embed": (1, 3, 256),
        "mask_token": (1, 1, 512),
        "decoder_pos_embed": (1, 145, 384),
        "decoder_channel_embed": (1, 4, 128),
    }
    for name, shape in linear.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name, width in norms.items():
        shapes |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    return shapes


def test_the_official_recipe_has_the_published_values():
    official = SatMaeSpec.official
    assert (official.epochs, official.warmup_epochs, official.batch_size) == (200, 20, 4096)
    assert official.lr == pytest.approx(1e-4 * 4096 / 256)
    assert (official.betas, official.weight_decay) == ((0.9, 0.95), 0.05)
    assert official.clip_norm is None


def test_a_place_is_told_column_first_and_the_class_token_has_none():
    table = vit.grid_table(12, width=512)
    assert not table[0].any()
    right, below = table[2], table[13]  # the patch beside the first, and the one under it
    start = table[1]
    assert not torch.equal(right[:256], start[:256])
    assert torch.equal(right[256:], start[256:])
    assert torch.equal(below[:256], start[:256])
    golden = torch.tensor([0.841471, 0.801962, 0.540302, 0.597375], dtype=torch.float64)
    torch.testing.assert_close(right[[0, 1, 128, 129]], golden, atol=1e-6, rtol=0)


def test_a_group_is_told_by_sines_then_cosines_of_its_number():
    table = vit.line_table(torch.arange(4), width=128)
    assert table[0].tolist() == [0.0] * 64 + [1.0] * 64
    golden = torch.tensor([2.0, 2 / 10_000 ** (63 / 64)], dtype=torch.float64)
    torch.testing.assert_close(table[2, [0, 63]], golden.sin())
    torch.testing.assert_close(table[2, [64, 127]], golden.cos())


def test_features_agree_with_the_encoder_written_by_hand(satmae, images):
    reference = by_hand(satmae, Choices())
    wanted = torch.stack([reference.features(image) for image in images])
    torch.testing.assert_close(features(satmae, images), wanted, atol=1e-6, rtol=0)


# A test that could not tell SatMAE from its near misses would be worth nothing: each of these is
# the network with one thing wrong, and each is further from ours than the right one.
WRONG_FEATURES = [
    {"eps": 1e-5},
    {"base": 1_000.0},
    {"interleaved": True},
    {"column_first": False},
    {"place_first": False},
    {"class_token_has_code": True},
    {"gelu": "tanh"},
    {"pooled": "all"},
    {"pooled": "class"},
    {"encoder_norm": True},
    {"fc_norm": False},
]


@pytest.mark.parametrize("wrong", WRONG_FEATURES, ids=str)
def test_features_disagree_with_every_near_miss(satmae, images, wrong):
    ours = features(satmae, images[:1])[0]
    right = (ours - by_hand(satmae, Choices()).features(images[0])).abs().max()
    other = by_hand(satmae, replace(Choices(), **wrong)).features(images[0])
    assert (ours - other).abs().max() > 20 * right


KEPT = [3, 40, 17, 22, 9, 31, 0, 45, 12, 36, 27, 18]
"""Twelve of the 48 tokens, in no order."""


def our_loss(satmae: SatMae, image: Tensor, *, order: str = "official") -> Tensor:
    index = torch.tensor([KEPT])
    groups = SMALL.groups
    with torch.no_grad():
        predicted = satmae.predict(image[None], index=index)
        return masked_error(
            in_channel_order(predicted, groups=groups, order=order),
            target_BLCP=target_of(image[None], patch=4, norm_pix_loss=False),
            hidden_BGL=vit.hidden_of(index, tokens=48).reshape(1, 3, 16),
            groups=groups,
        )


@pytest.mark.parametrize("order", ["official", "corrected"])
def test_the_loss_agrees_with_the_one_written_by_hand(satmae, images, order):
    wanted = by_hand(satmae, Choices(loss_order=order)).loss(images[0], KEPT)
    ours = our_loss(satmae, images[0], order=order)
    torch.testing.assert_close(ours.double(), wanted, rtol=1e-5, atol=0)


WRONG_LOSSES = [
    {"loss_order": "corrected"},
    {"decoder_class_row": 0},
    {"group_major": False},
    {"column_first": False},
    {"place_first": False},
    {"class_token_has_code": True},
]


@pytest.mark.parametrize("wrong", WRONG_LOSSES, ids=str)
def test_the_loss_disagrees_with_every_near_miss(satmae, images, wrong):
    ours = our_loss(satmae, images[0]).double()
    right = (ours - by_hand(satmae, Choices()).loss(images[0], KEPT)).abs()
    other = by_hand(satmae, replace(Choices(), **wrong)).loss(images[0], KEPT)
    assert (ours - other).abs() > 20 * right


def test_the_encoder_sees_nothing_of_hidden_tokens(satmae, images):
    index = torch.arange(16, 32)[None]  # the second group alone
    changed = images[:1].clone()
    changed[:, [0, 1, 2, 6, 8, 9]] += 5
    with torch.no_grad():
        seen, unseen = (satmae.tokens(one, index=index) for one in (images[:1], changed))
    assert seen.shape == (1, 17, 48)
    assert torch.equal(seen, unseen)


@pytest.mark.parametrize("masking_rule", ["independent", "spatial"])
def test_three_tokens_in_four_are_hidden(masking_rule):
    spec = SatMaeSpec(name="satmae", masking=masking_rule)
    drawn = torch.Generator().manual_seed(0)
    index = draw_visible(500, spec=spec, patches=144, generator=drawn)
    assert index.shape == (500, 108)
    assert len(index[0].unique()) == 108
    kept = 1 - vit.hidden_of(index, tokens=432).reshape(500, 3, 144)
    assert (kept.sum(dim=(1, 2)) == 108).all()
    together = (kept == kept[:, :1]).all()
    assert bool(together) is (masking_rule == "spatial")
    assert (kept.mean(dim=0) - 0.25).abs().max() < 0.1


def test_encode_resizes_to_109_and_takes_the_middle_96():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build(SatMaeSpec(**{**SMALL.model_dump(), "image_px": 96, "patch_px": 8}))
    assert isinstance(network, SatMae)
    image = torch.randint(0, 256, (1, 10, 120, 140), dtype=torch.uint8)
    resized = torch.nn.functional.interpolate(
        image.float() / 255, (109, 127), mode="bicubic", antialias=False
    )
    with torch.no_grad():
        wanted = features(network, resized[:, :, 6:102, 16:112])
        torch.testing.assert_close(network.encode({"image": image}), wanted)


def test_features_may_be_the_mean_itself():
    image = torch.randint(0, 256, (1, 10, 20, 20), dtype=torch.uint8)
    made = []
    for fc_norm in (True, False):
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(0)
            network = build(SatMaeSpec(**{**SMALL.model_dump(), "fc_norm": fc_norm}))
            made.append(network.encode({"image": image}))
    torch.testing.assert_close(torch.nn.functional.layer_norm(made[1], (48,), eps=1e-6), made[0])
    assert not torch.allclose(made[1], made[0], atol=0.01)


def test_an_image_of_13_bands_and_its_ten_that_count_have_the_same_features():
    image = torch.randint(0, 256, (2, 13, 20, 20), dtype=torch.uint8)
    ten = image[:, [1, 2, 3, 4, 5, 6, 7, 8, 11, 12]]
    network = build(SMALL)
    with torch.no_grad():
        torch.testing.assert_close(network.encode({"image": image}), network.encode({"image": ten}))


def test_other_dropped_bands_need_all_thirteen():
    spec = SatMaeSpec(**{**SMALL.model_dump(), "dropped": (0, 1, 2)})
    with pytest.raises(BadDataError, match="13 bands"):
        build(spec).encode({"image": torch.zeros(1, 10, 20, 20, dtype=torch.uint8)})


@pytest.mark.parametrize(
    ("wrong", "fix"),
    [
        ({"groups": ((0, 1), (2, 3))}, "remaining bands once"),
        ({"groups": ((0, 1, 2, 6), (3, 4, 5, 7), (8, 8))}, "remaining bands once"),
        ({"patch_px": 7}, "a multiple of patch_px"),
        ({"heads": 5}, "a multiple of the heads"),
        ({"channel_width": 768}, "an even channel code"),
        ({"decoder_channel_width": 129}, "an even channel code"),
    ],
    ids=str,
)
def test_sizes_that_do_not_fit_are_refused(wrong, fix):
    with pytest.raises(ValueError, match=fix):
        SatMaeSpec(name="satmae", **wrong)
