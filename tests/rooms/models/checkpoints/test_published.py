"""Published files are taken in entry by entry, and nothing that they hold is ever run."""

import json
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from terrasweep.infra.errors import UserError
from terrasweep.models.checkpoints import published, weights
from terrasweep.models.contract import Network
from terrasweep.models.members import ZOO
from tests.data.official import make

SMALL = {"width": 320, "depth": 2}
"""A SatMAE of five heads and two blocks."""
DECODER = (144, 1)


def taken(name: str, path: Path, tmp_path: Path) -> Network:
    """Import a file and read it back into the network that its card tells of."""
    folder = tmp_path / "taken"
    published.write(published.read(name, path), folder)
    card = json.loads((folder / weights.CARD).read_text())
    network = ZOO[name].build(ZOO.spec(name)(**card["model"]))
    weights.read(network, folder)
    return network.eval()


def statuses(reading: published.PublishedWeights) -> dict[str, int]:
    return {entry.status: len(reading.names(entry.status)) for entry in reading.entries}


def test_the_networks_with_published_files_are_those_of_the_folders():
    assert published.networks() == ("presto", "satclip", "satmae")


def test_presto_is_taken_in_from_cuda_with_all_of_its_102_entries(tmp_path):
    state = make.presto()
    path = make.save_from_cuda(state, tmp_path / "default_model.pt")
    assert b"cuda:0" in path.read_bytes()
    reading = published.read("presto", path)
    assert statuses(reading) == {"matched": 102}
    assert reading.parameters == 822_682
    network = taken("presto", path, tmp_path)
    for name, values in network.state_dict().items():
        assert torch.equal(values, state[name]), name


@pytest.mark.parametrize(
    ("degrees", "tower", "entries"),
    [(10, "resnet18", 135), (40, "resnet18", 135), (10, "vit16", 165)],
)
def test_satclip_is_taken_in_from_lightning(degrees, tower, entries, tmp_path):
    contents = make.satclip(degrees=degrees, tower=tower)
    with make.of_lightning() as kind:
        contents["hyper_parameters"] = kind(contents["hyper_parameters"])
        path = make.save(contents, tmp_path / "satclip.ckpt")
    reading = published.read("satclip", path)
    assert statuses(reading) == {"matched": entries}
    assert (reading.model.degrees, reading.model.tower) == (
        degrees,
        {"resnet18": "resnet18", "vit16": "vit_small"}[tower],
    )
    assert reading.origin["said"] == {
        "embed_dim": 256,
        "harmonics_calculation": "analytic",
        "legendre_polys": degrees,
        "vision_layers": f"moco_{tower}",
    }
    network = taken("satclip", path, tmp_path)
    for name, values in network.state_dict().items():
        assert torch.equal(values, contents["state_dict"][name]), name


def test_satclip_with_two_location_networks_that_differ_is_refused(tmp_path):
    contents = make.satclip()
    contents["state_dict"]["model.location.nnet.layers.1.bias"] += 1e-6
    reading = published.read("satclip", make.save(contents, tmp_path / "satclip.ckpt"))
    assert reading.names(published.TWIN) == [
        "model.nnet.layers.1.bias",
        "model.location.nnet.layers.1.bias",
    ]
    with pytest.raises(UserError, match="2 of 135 entries that do not fit"):
        reading.refuse_misfits()


def test_satclip_on_harmonics_of_another_kind_is_refused(tmp_path):
    contents = make.satclip()
    contents["hyper_parameters"]["harmonics_calculation"] = "closed-form"
    path = make.save(contents, tmp_path / "satclip.ckpt")
    with pytest.raises(UserError, match="analytic spherical harmonics, got harmonics_calc"):
        published.read("satclip", path)


def test_satmae_is_taken_in_beside_optimiser_and_arguments(tmp_path):
    contents = make.satmae(**SMALL, decoder=DECODER)
    path = make.save(contents, tmp_path / "pretrain.pth")
    reading = published.read("satmae", path)
    assert statuses(reading) == {"matched": len(contents["model"])}
    assert (reading.model.width, reading.model.depth, reading.model.heads) == (320, 2, 5)
    assert reading.origin["said"] == {"mask_ratio": 0.75, "norm_pix_loss": False}
    network = taken("satmae", path, tmp_path)
    for name, values in network.state_dict().items():
        assert torch.equal(values, contents["model"][name]), name


@pytest.mark.parametrize(("width", "depth", "heads"), [(768, 12, 12), (1024, 24, 16)])
def test_names_and_shapes_of_satmae_are_the_published_ones(width, depth, heads):
    with torch.device("meta"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(make.Drawing, "add", _shape_only)
        state = make.satmae(width=width, depth=depth)["model"]
    shapes = {name: tuple(values.shape) for name, values in state.items()}
    module = published._layout("satmae")
    model = module.spec(shapes, {})
    assert (model.width, model.depth, model.heads) == (width, depth, heads)
    network = published._without_memory(model)
    assert {name: tuple(v.shape) for name, v in network.state_dict().items()} == shapes


def _shape_only(draw: make.Drawing, name: str, *shape: int, **_: object) -> None:
    draw.state[name] = torch.empty(shape, device="meta")


def test_a_finetuned_satmae_lacks_and_adds_what_is_documented(tmp_path):
    contents = make.satmae_finetuned(**SMALL)
    reading = published.read("satmae", make.save(contents, tmp_path / "finetune.pth"))
    assert reading.names(published.LEFT_OUT) == [
        "channel_cls_embed",
        "fc_norm.weight",
        "fc_norm.bias",
        "head.weight",
        "head.bias",
    ]
    lacking = reading.names(published.FILLED)
    assert {"mask_token", "norm.weight", "norm.bias", "decoder_pred.2.bias"} <= set(lacking)
    assert all(name.startswith(("decoder", "mask_token", "norm.")) for name in lacking)
    reading.refuse_misfits()


def test_a_finetuned_class_token_keeps_the_code_it_was_finetuned_with(tmp_path):
    state = make.satmae_finetuned(**SMALL)["model"]
    network = taken("satmae", make.save({"model": state}, tmp_path / "finetune.pth"), tmp_path)
    whole = torch.cat([state["pos_embed"][:, :1], state["channel_cls_embed"]], dim=2)
    assert torch.equal(network.cls_token, state["cls_token"] + whole)


def test_half_a_decoder_is_a_broken_file(tmp_path):
    contents = make.satmae(**SMALL, decoder=DECODER)
    del contents["model"]["decoder_pred.1.bias"]
    reading = published.read("satmae", make.save(contents, tmp_path / "pretrain.pth"))
    assert reading.names(published.MISSING) == ["decoder_pred.1.bias"]


def test_every_entry_that_does_not_fit_is_told(tmp_path):
    state = make.presto()
    del state["encoder.norm.bias"]
    state["encoder.extra"] = torch.zeros(2)
    state["decoder.mask_token"] = torch.zeros(64)
    state["encoder.dw_embed.weight"] = torch.full((10, 128), float("nan"))
    state["encoder.norm.weight"] = "text"
    path = make.save(state, tmp_path / "presto.pt")
    reading = published.read("presto", path)
    told = {entry.name: entry for entry in reading.entries if not entry.is_fine}
    assert {name: entry.status for name, entry in told.items()} == {
        "encoder.norm.bias": "missing",
        "encoder.extra": "unexpected",
        "decoder.mask_token": "another shape",
        "encoder.dw_embed.weight": "not finite",
        "encoder.norm.weight": "no tensor of numbers",
    }
    assert (told["decoder.mask_token"].found, told["decoder.mask_token"].expected) == (
        (64,),
        (128,),
    )
    with pytest.raises(UserError, match="5 of 103 entries that do not fit, such as"):
        published.write(reading, tmp_path / "taken")
    assert not (tmp_path / "taken").exists()


def test_numbers_of_another_precision_are_brought_to_ours(tmp_path):
    state = OrderedDict((name, v.half()) for name, v in make.presto().items())
    path = make.save(state, tmp_path / "presto.pt")
    assert {entry.dtype for entry in published.read("presto", path).entries} == {"float16"}
    network = taken("presto", path, tmp_path)
    assert network.encoder.pos_embed.dtype == torch.float32


def test_equal_weights_are_one_content_whatever_the_file_is_called(tmp_path):
    one = make.save(make.presto(), tmp_path / "one.pt")
    other = make.save_from_cuda(OrderedDict(reversed(make.presto().items())), tmp_path / "two.pt")
    cards = [
        published.write(published.read("presto", path), tmp_path / path.stem)
        for path in (one, other)
    ]
    assert cards[0]["weights"] == cards[1]["weights"]
    assert cards[0]["origin"]["sha256"] != cards[1]["origin"]["sha256"]
    third = make.save(make.presto(seed=1), tmp_path / "three.pt")
    assert (
        published.write(published.read("presto", third), tmp_path / "three")["weights"]
        != (cards[0]["weights"])
    )


def test_features_of_a_taken_in_presto_are_those_of_its_weights(tmp_path):
    state = make.presto()
    network = taken("presto", make.save(state, tmp_path / "presto.pt"), tmp_path)
    ours = ZOO["presto"].build(ZOO.spec("presto")(name="presto")).eval()
    ours.load_state_dict(state)
    rng = np.random.default_rng(0)
    batch = {
        "x": torch.from_numpy(rng.normal(size=(3, 12, 17)).astype(np.float32)),
        "dynamic_world": torch.zeros(3, 12, dtype=torch.long),
        "latlon": torch.zeros(3, 2),
        "month": torch.arange(3),
    }
    assert torch.equal(network.encode(batch), ours.encode(batch))
    assert len(load_file(tmp_path / "taken" / weights.WEIGHTS)) == 102


def test_a_tensor_that_claims_more_than_its_storage_is_refused(tmp_path):
    state = make.presto()
    state["encoder.norm.bias"] = torch.zeros(1).expand(10**12)
    reading = published.read("presto", make.save(state, tmp_path / "presto.pt"))
    assert reading.names(published.NO_TENSOR) == ["encoder.norm.bias"]


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ([1, 2], "got a list"),
        ({"weights": 1}, "got the entries weights"),
        ({"model": {}}, "got the entries model"),
        ({"model": {1: 2}}, "got the entries model"),
        ({}, "got a dict"),
    ],
)
def test_a_file_with_something_else_in_it_is_refused(contents, said, tmp_path):
    with pytest.raises(UserError, match=said):
        published.read("satmae", make.save(contents, tmp_path / "other.pth"))


def test_a_file_of_another_network_is_told_entry_by_entry(tmp_path):
    path = make.save(make.satmae(**SMALL, decoder=DECODER)["model"], tmp_path / "other.pt")
    reading = published.read("presto", path)
    assert len(reading.names(published.MISSING)) == 102
    assert "cls_token" in reading.names(published.UNEXPECTED)


def test_a_network_without_published_files_is_refused_with_those_that_have_them(tmp_path):
    with pytest.raises(UserError, match=r"got 'tiny'\. Fix: use one of presto, satclip, satmae"):
        published.read("tiny", tmp_path / "any.pt")


@pytest.mark.parametrize(("make_it", "said"), [(Path.mkdir, "a folder"), (None, "no such file")])
def test_what_is_no_file_is_refused(make_it, said, tmp_path):
    path = tmp_path / "nothing.pt"
    if make_it:
        make_it(path)
    with pytest.raises(UserError, match=said):
        published.read("presto", path)
