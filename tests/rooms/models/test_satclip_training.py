"""How SatCLIP learns: its loss by hand, what moves and what is frozen, and the real patches."""

import csv
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from terrasweep.infra.errors import BadDataError
from terrasweep.models.zoo.satclip import augment
from terrasweep.models.zoo.satclip.model import SatClip, build, matching, prepare
from terrasweep.models.zoo.satclip.spec import SatClipSpec
from terrasweep.models.zoo.satclip.towers import tower
from tests.support.paths import REAL_DATA

SAMPLES = 6
SMALL = {"name": "satclip", "degrees": 4, "capacity": 16, "width": 8, "feature_width": 7}


def spec_of(**fields: object) -> SatClipSpec:
    return SatClipSpec(**{**SMALL, "tower": "features", **fields})


def built(**fields: object) -> SatClip:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = build(spec_of(**fields))
    assert isinstance(network, SatClip)
    return network


def drawing(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def batch() -> dict[str, Tensor]:
    lonlat = torch.tensor([[10.0, 20], [-70, -30], [140, 60], [0, 0], [30, -5], [100, 15]])
    return {
        "lonlat": lonlat.double(),
        "features": torch.randn(SAMPLES, 7, generator=drawing()),
        "image": torch.randint(0, 5000, (SAMPLES, 12, 24, 24), generator=drawing()).short(),
    }


def by_hand(images: Tensor, places: Tensor, scale: float) -> float:
    """Return the mean of both cross-entropies over all samples."""
    unit = [[row / row.norm() for row in side] for side in (images.double(), places.double())]
    alike = [[float(a @ b) * scale for b in unit[1]] for a in unit[0]]
    count = len(alike)
    losses = []
    for i in range(count):
        row, column = alike[i], [alike[j][i] for j in range(count)]
        for values in (row, column):
            losses.append(math.log(sum(map(math.exp, values))) - values[i])
    return sum(losses) / (2 * count)


def sides(network: SatClip, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        images = network.model.visual.project(batch["features"])
        return images, network.model.location(batch["lonlat"])


def test_the_loss_is_the_symmetric_cross_entropy_of_scaled_cosines(batch):
    network = built().eval()
    wanted = by_hand(*sides(network, batch), scale=1 / 0.07)
    made = network.loss(batch, generator=drawing()).detach()
    assert float(made) == pytest.approx(wanted, rel=1e-5)


def test_a_case_done_by_hand():
    images = torch.tensor([[2.0, 0.0], [0.0, 3.0]])
    places = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    half = 1 / math.sqrt(2)
    rows = [math.log(math.e + math.exp(half)) - 1, math.log(1 + math.exp(half)) - half]
    columns = [math.log(math.e + 1) - 1, math.log(math.exp(half) * 2) - half]
    made = matching(images, places, logit_scale=torch.tensor(0.0), rows=slice(None))
    assert float(made) == pytest.approx((sum(rows) + sum(columns)) / 2)


def test_the_temperature_starts_at_its_published_value_and_is_not_clamped(batch):
    network = built().eval()
    assert float(network.model.logit_scale.detach()) == pytest.approx(2.659260)
    network.model.logit_scale.data.fill_(math.log(300.0))
    wanted = by_hand(*sides(network, batch), scale=300.0)
    made = network.loss(batch, generator=drawing()).detach()
    assert float(made) == pytest.approx(wanted, rel=1e-4)


def test_negatives_are_those_of_a_samples_own_group(batch):
    network = built(negatives=4).eval()
    images, places = sides(network, batch)
    groups = [slice(0, 4), slice(4, 6)]
    wanted = [by_hand(images[one], places[one], scale=1 / 0.07) for one in groups]
    made = network.loss(batch, generator=drawing()).detach()
    assert float(made) == pytest.approx((4 * wanted[0] + 2 * wanted[1]) / 6, rel=1e-5)


def test_parts_that_cut_through_groups_add_up_in_loss_and_gradients(batch):
    network = built(negatives=4)
    whole = gradients(network, batch, parts=[slice(None)])
    cut = gradients(network, batch, parts=[slice(0, 1), slice(1, 5), slice(5, 6)])
    for ours, theirs in zip(cut, whole, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-7)


def gradients(network: SatClip, batch: dict[str, Tensor], *, parts: list[slice]) -> list[Tensor]:
    network.zero_grad()
    for part in parts:
        network.loss(batch, generator=drawing(), part=part).backward()
    return [p.grad.clone() for p in network.parameters() if p.grad is not None]


def test_coordinates_move_to_the_north_and_east_alone_and_pass_through_float32():
    places = torch.tensor([[100.123456789, -45.987654321]], dtype=torch.float64).expand(5000, -1)
    made = augment.moved(places, spec=spec_of(), generator=drawing())
    assert made.dtype == torch.float32
    shift = made.double() - places
    assert -1e-5 < shift.min() < 1e-4
    assert 0.0099 < shift.max() < 0.01 + 1e-5
    assert shift.mean(dim=0).tolist() == pytest.approx([0.005, 0.005], abs=2e-4)
    assert abs(float(torch.corrcoef(shift.T)[0, 1])) < 0.05


def test_training_moves_and_drops_and_evaluation_does_not(batch):
    network = built()
    losses = {
        mode: {
            float(network.train(mode).loss(batch, generator=drawing(s)).detach()) for s in (1, 2)
        }
        for mode in (True, False)
    }
    assert (len(losses[True]), len(losses[False])) == (2, 1)


def test_images_are_reflectances_cropped_flipped_and_blurred(batch):
    spec = spec_of(tower="resnet18", crop_px=16)
    views = augment.draw_views(batch["image"], spec=spec, size=16, generator=drawing())
    assert ((views.sigma >= 0.1) & (views.sigma <= 2.0)).all()
    made = augment.seen(batch["image"], views, part=slice(2, 4), size=16)
    assert made.shape == (2, 13, 16, 16)
    assert not made[:, 10].any()
    assert 0.1 < float(made[:, 0].mean()) < 0.4  # of 0 to 5000, divided by 10,000
    assert made[:, 0].std() < (batch["image"][2:4, 0] / 10_000).std()


def test_features_that_the_pool_brings_stand_for_images(batch):
    network = built(tower="resnet18", crop_px=16, width=8).eval()
    seen = {"lonlat": batch["lonlat"], "image": batch["image"]}
    kept = {"lonlat": batch["lonlat"], "features": network.image_features(batch["image"])}
    assert kept["features"].shape == (SAMPLES, 512)
    first, second = (network.loss(one, generator=drawing()).detach() for one in (seen, kept))
    torch.testing.assert_close(first, second)


def test_of_several_views_of_an_image_one_is_drawn(batch):
    network = built(dropout=0.0, jitter_deg=0.0)
    views = torch.stack([batch["features"], -batch["features"]], dim=1)
    losses = {
        float(network.loss({**batch, "features": views}, generator=drawing(s)).detach())
        for s in range(5)
    }
    assert len(losses) > 1
    first = network.eval().loss({**batch, "features": views}, generator=drawing()).detach()
    assert first == network.loss(batch, generator=drawing()).detach()


def test_without_images_and_features_there_is_nothing_to_learn_from(batch):
    with pytest.raises(BadDataError, match="image"):
        built().loss({"lonlat": batch["lonlat"]}, generator=drawing())
    with pytest.raises(BadDataError, match="12 or 13 bands"):
        prepare({"lonlat": np.zeros((1, 2)), "image": np.zeros((1, 10, 8, 8))})


def resnet_names(blocks: list[int], *, convs: int, widths: list[int]) -> set[str]:
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    names = {"conv1.weight", "fc.weight", "fc.bias", *[f"bn1.{part}" for part in norm]}
    for stage, count in enumerate(blocks, start=1):
        for block in range(count):
            own = f"layer{stage}.{block}"
            for conv in range(1, convs + 1):
                names |= {f"{own}.conv{conv}.weight", *[f"{own}.bn{conv}.{p}" for p in norm]}
            if block == 0 and widths[stage - 1] != widths[stage]:
                names |= {f"{own}.downsample.0.weight"}
                names |= {f"{own}.downsample.1.{part}" for part in norm}
    return names


def vit_names() -> set[str]:
    layers = ["norm1", "norm2", "attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"]
    modules = ["patch_embed.proj", "norm", "head"]
    modules += [f"blocks.{number}.{layer}" for number in range(12) for layer in layers]
    pairs = {f"{module}.{part}" for module in modules for part in ("weight", "bias")}
    return {"cls_token", "pos_embed", *pairs}


# Sizes: those of the usual networks of 1,000 classes and 3 bands, which are well known, less
# their classifier, plus ten bands and the projection to 256.
TOWERS = {
    "resnet18": (11_689_512 - 513_000 + 10 * 64 * 49, 512, "fc",
                 resnet_names([2, 2, 2, 2], convs=2, widths=[64, 64, 128, 256, 512])),
    "resnet50": (25_557_032 - 2_049_000 + 10 * 64 * 49, 2048, "fc",
                 resnet_names([3, 4, 6, 3], convs=3, widths=[64, 256, 512, 1024, 2048])),
    "vit_small": (22_050_664 - 385_000 + 10 * 384 * 256, 384, "head", vit_names()),
}  # fmt: skip


@pytest.mark.parametrize("name", TOWERS)
def test_towers_have_the_usual_names_and_sizes_and_only_their_head_learns(name):
    frozen, features, head, names = TOWERS[name]
    with torch.device("meta"):
        made = tower(SatClipSpec(name="satclip", tower=name))
    learnt = {key for key, values in made.named_parameters() if values.requires_grad}
    assert learnt == {f"{head}.weight", f"{head}.bias"}
    assert sum(v.numel() for key, v in made.named_parameters() if key not in learnt) == frozen
    state = made.state_dict()
    assert set(state) == names
    assert tuple(state[f"{head}.weight"].shape) == (256, features)
    first = "patch_embed.proj.weight" if name == "vit_small" else "conv1.weight"
    assert state[first].shape[1] == 13


def test_vit_is_the_small_one_and_reads_224_pixels():
    with torch.device("meta"):
        network = build(SatClipSpec(name="satclip", tower="vit_small"))
    assert isinstance(network, SatClip)
    state = network.model.visual.state_dict()
    assert tuple(state["pos_embed"].shape) == (1, 197, 384)
    assert tuple(state["patch_embed.proj.weight"].shape) == (384, 13, 16, 16)
    assert network.side_px == 224


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_frozen_tower_does_not_move_while_the_pair_learns(name, batch):
    network = built(tower=name, crop_px=16)
    before = {key: v.clone() for key, v in network.model.visual.state_dict().items()}
    del batch["features"]
    optimiser = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=1e-2)
    network.train().loss(batch, generator=drawing()).backward()
    optimiser.step()
    moved = {
        key
        for key, v in network.model.visual.state_dict().items()
        if not torch.equal(v, before[key])
    }
    assert moved == {"fc.weight", "fc.bias"}


def test_the_official_recipe_has_the_published_values():
    official = SatClipSpec.official
    assert (official.lr, official.weight_decay, official.betas) == (1e-4, 0.01, (0.9, 0.999))
    assert (official.epochs, official.warmup_epochs) == (500, 0)
    assert official.batch_size == 16 * SatClipSpec(name="satclip").negatives == 16 * 512


REAL = REAL_DATA / "satclip/s2_example"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real patches are not at hand")
def test_real_patches_and_their_places_are_learnt_from():
    rasterio = pytest.importorskip("rasterio", reason="rasterio is not installed")
    with (REAL / "index.csv").open() as file:
        rows = list(csv.DictReader(file))
    images = []
    for row in rows:
        with rasterio.open(REAL / "images" / row["fn"]) as patch:
            images.append(patch.read()[:, :64, :64])
    arrays = {name: np.array([float(row[name]) for row in rows]) for name in ("lat", "lon")}
    made = prepare({**arrays, "image": np.stack(images)})
    assert made["image"].shape == (20, 12, 64, 64)
    batch = {name: torch.from_numpy(values) for name, values in made.items()}
    network = built(tower="resnet18", crop_px=48, dropout=0.0)
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for _ in range(36):
        optimiser.zero_grad()
        loss = network.loss(batch, generator=drawing())
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    by_chance = np.log(len(rows))
    assert losses[0] > by_chance > losses[-1] + 0.05
    features = network.eval().encode({"lonlat": batch["lonlat"]})
    assert features.isfinite().all()
    assert torch.pdist(features).min() > 1e-4
