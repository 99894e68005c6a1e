"""The plain masked autoencoder: sizes by its fields, nothing seen of what is hidden."""

import numpy as np
import pytest
import torch

from terrasweep.infra.errors import BadDataError
from terrasweep.models.zoo.vit_mae.model import VitMae, build, prepare
from terrasweep.models.zoo.vit_mae.spec import VitMaeSpec

SMALL = VitMaeSpec(
    name="vit_mae", image_px=16, patch_px=4, width=32, depth=2, heads=2, decoder_width=16
)


@pytest.fixture(scope="module")
def network() -> VitMae:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = build(SMALL)
    assert isinstance(made, VitMae)
    return made


def test_sizes_follow_from_the_fields():
    with torch.device("meta"):
        made = build(VitMaeSpec(name="vit_mae", image_px=96, patch_px=12, width=48, depth=5))
    shapes = {name: tuple(values.shape) for name, values in made.named_parameters()}
    assert shapes["patch_embed.proj.weight"] == (48, 13, 12, 12)
    assert shapes["pos_embed"] == (1, 65, 48)
    assert shapes["decoder_pred.weight"] == (13 * 144, 128)
    assert sum(name.startswith("blocks.") for name in shapes) == 5 * 12


def test_places_are_fixed_and_everything_else_learns(network):
    frozen = {name for name, values in network.named_parameters() if not values.requires_grad}
    assert frozen == {"pos_embed", "decoder_pos_embed"}


def test_the_encoder_sees_nothing_of_hidden_patches(network):
    images = torch.rand(1, 13, 16, 16, generator=torch.Generator().manual_seed(1))
    changed = images.clone()
    changed[:, :, 4:] += 1  # all but the first row of patches
    index = torch.arange(4)[None]
    with torch.no_grad():
        seen, unseen = (network.predict(one, index=index) for one in (images, changed))
    assert seen.shape == (1, 16, 13 * 16)
    assert torch.equal(seen, unseen)


def test_features_know_a_place_in_the_image(network):
    images = torch.rand(1, 13, 16, 16, generator=torch.Generator().manual_seed(1)) * 1e4
    moved = images.roll(8, dims=3)  # by two whole patches: the same ones, elsewhere
    with torch.no_grad():
        made, other = (network.encode({"image": one}) for one in (images, moved))
    assert made.shape == (1, 32)
    assert not torch.allclose(made, other, atol=1e-3)


def test_the_loss_is_a_mean_over_hidden_pixels_of_reflectances():
    made = build(SMALL)
    assert isinstance(made, VitMae)
    torch.nn.init.zeros_(made.decoder_pred.weight)
    for samples in (1, 3):
        batch = {"image": torch.full((samples, 13, 20, 20), 5_000, dtype=torch.int16)}
        loss = made.loss(batch, generator=torch.Generator().manual_seed(0))
        assert float(loss.detach()) == pytest.approx(0.25)


def test_twelve_bands_are_thirteen_with_nothing_in_b10(network):
    raw = np.random.Generator(np.random.PCG64(0)).integers(0, 9000, (2, 13, 20, 20))
    raw = raw.astype(np.uint16)
    raw[:, 10] = 0
    with torch.no_grad():
        made = [
            network.encode({"image": torch.from_numpy(prepare({"image": image})["image"])})
            for image in (raw, np.delete(raw, 10, axis=1))
        ]
    assert torch.equal(*made)


def test_images_of_other_bands_are_refused():
    with pytest.raises(BadDataError, match="12 or 13 bands"):
        prepare({"image": np.zeros((1, 10, 20, 20), dtype=np.uint16)})


@pytest.mark.parametrize("wrong", [{"patch_px": 7}, {"width": 30}, {"decoder_heads": 5}], ids=str)
def test_sizes_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ValueError, match="write a"):
        VitMaeSpec(name="vit_mae", **wrong)
