"""Files in the layout in which Presto, SatCLIP and SatMAE are published, with random weights.

The names are written out here, as their authors' descriptions have them, and not taken from our
networks. Sizes are the real ones unless a smaller one is asked for.
"""

import argparse
import pickle
import shutil
import sys
import types
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

BANDS = {"S1": 2, "S2_RGB": 3, "S2_NIR_10m": 1, "S2_NIR_20m": 1, "S2_Red_Edge": 3, "S2_SWIR": 2}
BANDS |= {"ERA5": 2, "SRTM": 2, "NDVI": 1}
"""Presto's groups in the order of its file, which is not that of its tokens."""


class Drawing:
    """Draws entries of a state dict one after another."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.state: OrderedDict[str, Tensor] = OrderedDict()

    def add(self, name: str, *shape: int, dtype: torch.dtype = torch.float32) -> None:
        self.state[name] = 0.1 * torch.randn(shape, generator=self.generator, dtype=dtype)

    def linear(self, name: str, outputs: int, *inputs: int, **how: torch.dtype) -> None:
        self.add(f"{name}.weight", outputs, *inputs, **how)
        self.add(f"{name}.bias", outputs, **how)

    def block(self, name: str, width: int, hidden: int) -> None:
        self.linear(f"{name}.norm1", width)
        self.linear(f"{name}.attn.qkv", 3 * width, width)
        self.linear(f"{name}.attn.proj", width, width)
        self.linear(f"{name}.norm2", width)
        self.linear(f"{name}.mlp.fc1", hidden, width)
        self.linear(f"{name}.mlp.fc2", width, hidden)

    def norm_of_batch(self, name: str, width: int) -> None:
        self.linear(name, width)
        self.add(f"{name}.running_mean", width)
        self.state[f"{name}.running_var"] = torch.ones(width)
        self.state[f"{name}.num_batches_tracked"] = torch.tensor(7)


def presto(seed: int = 0) -> "OrderedDict[str, Tensor]":
    """Return Presto's 102 entries."""
    draw = Drawing(seed)
    draw.add("encoder.pos_embed", 1, 24, 64)
    for group, bands in BANDS.items():
        draw.linear(f"encoder.eo_patch_embed.{group}", 128, bands)
    draw.add("encoder.dw_embed.weight", 10, 128)
    draw.linear("encoder.latlon_embed", 128, 3)
    for number in range(2):
        draw.block(f"encoder.blocks.{number}", 128, 512)
    draw.linear("encoder.norm", 128)
    draw.add("encoder.month_embed.weight", 12, 32)
    draw.add("encoder.channel_embed.weight", 10, 32)
    draw.add("decoder.mask_token", 128)
    draw.add("decoder.pos_embed", 1, 24, 48)
    draw.linear("decoder.decoder_embed", 128, 128)
    for number in range(2):
        draw.block(f"decoder.decoder_blocks.{number}", 128, 512)
    draw.linear("decoder.decoder_norm", 128)
    for group, bands in BANDS.items():
        draw.linear(f"decoder.eo_decoder_pred.{group}", bands, 128)
    draw.linear("decoder.dw_decoder_pred", 9, 128)
    draw.state["decoder.channel_embeddings.weight"] = draw.state["encoder.channel_embed.weight"]
    draw.add("decoder.month_embed.weight", 12, 48)
    return draw.state


def satclip(seed: int = 0, *, degrees: int = 10, tower: str = "resnet18") -> dict[str, object]:
    """Return what Lightning keeps of a SatCLIP."""
    draw = Drawing(seed)
    draw.add("model.logit_scale")
    {"resnet18": _resnet18, "vit16": _vit16}[tower](draw)
    for home in ("model.nnet", "model.location.nnet"):
        again = Drawing(seed + 1)
        again.linear(f"{home}.layers.0", 512, degrees**2, dtype=torch.float64)
        again.linear(f"{home}.layers.1", 512, 512, dtype=torch.float64)
        again.linear(f"{home}.last_layer", 256, 512, dtype=torch.float64)
        draw.state |= again.state
    said = {
        "embed_dim": 256,
        "legendre_polys": degrees,
        "harmonics_calculation": "analytic",
        "vision_layers": f"moco_{tower}",
        "eval_downstream": False,
        "air_temp_data_path": "/somewhere/air_temp",
        "election_data_path": "/somewhere/election",
    }
    return {
        "epoch": 499,
        "global_step": 87_500,
        "pytorch-lightning_version": "2.0.6",
        "state_dict": draw.state,
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {"ModelCheckpoint": {"best_model_path": Path("/somewhere/best.ckpt")}},
        "optimizer_states": [{"state": {}, "param_groups": [{"lr": 1e-4}]}],
        "hparams_name": "kwargs",
        "hyper_parameters": said,
    }


def satmae(
    seed: int = 0, *, width: int = 768, depth: int = 12, decoder: tuple[int, int] = (512, 8)
) -> dict[str, object]:
    """Return what SatMAE's pretraining keeps, ViT-B unless said otherwise."""
    draw, (inner, layers) = _satmae_encoder(seed, width=width, depth=depth), decoder
    draw.linear("norm", width)
    draw.add("mask_token", 1, 1, inner)
    draw.add("decoder_pos_embed", 1, 145, inner - 128)
    draw.add("decoder_channel_embed", 1, 4, 128)
    draw.linear("decoder_embed", inner, width)
    for number in range(layers):
        draw.block(f"decoder_blocks.{number}", inner, 4 * inner)
    draw.linear("decoder_norm", inner)
    for group, outputs in enumerate((256, 256, 128)):
        draw.linear(f"decoder_pred.{group}", outputs, inner)
    args = argparse.Namespace(norm_pix_loss=False, mask_ratio=0.75, output_dir="/somewhere")
    rest = {"optimizer": {"state": {}, "param_groups": []}, "scaler": {"scale": 65536.0}}
    return {"model": draw.state, **rest, "epoch": 199, "args": args}


def satmae_finetuned(seed: int = 0, *, width: int = 768, depth: int = 12) -> dict[str, object]:
    """Return what SatMAE's finetuning keeps: no decoder and no norm, but a head and its norm."""
    draw = _satmae_encoder(seed, width=width, depth=depth)
    draw.add("channel_cls_embed", 1, 1, 256)
    draw.linear("fc_norm", width)
    draw.linear("head", 62, width)
    return {"model": draw.state, "epoch": 7, "args": argparse.Namespace(nb_classes=62)}


def save(contents: object, path: Path) -> Path:
    """Write a file as torch writes it."""
    torch.save(contents, path)
    return path


def save_from_cuda(contents: object, path: Path) -> Path:
    """Write a file whose storages say that they lay on a GPU."""
    registry = torch.serialization._package_registry
    torch.serialization.register_package(0, lambda storage: "cuda:0", lambda storage, where: None)
    try:
        torch.save(contents, path)
    finally:
        registry[:] = [entry for entry in registry if entry[0] != 0]
    return path


@contextmanager
def of_lightning() -> Iterator[Callable[[Mapping[str, object]], object]]:
    """Yield Lightning's own mapping, which is not installed: a file names it all the same."""
    home = "pytorch_lightning.utilities.parsing"
    names = [home.rsplit(".", part)[0] for part in range(2, -1, -1)]
    kind = type("AttributeDict", (dict,), {"__module__": home})
    modules = {name: types.ModuleType(name) for name in names}
    modules[home].AttributeDict = kind  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update(modules)
    try:
        yield kind
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


class Payload:
    """Makes a file when it is unpickled by somebody careless."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (shutil.copyfile, (__file__, str(self.path)))


def save_as_plain_pickle(contents: object, path: Path) -> Path:
    """Write a file that is a pickle and nothing else."""
    path.write_bytes(pickle.dumps(contents, protocol=2))
    return path


def _satmae_encoder(seed: int, *, width: int, depth: int) -> Drawing:
    draw = Drawing(seed)
    draw.add("cls_token", 1, 1, width)
    draw.add("pos_embed", 1, 145, width - 256)
    draw.add("channel_embed", 1, 3, 256)
    for group, bands in enumerate((4, 4, 2)):
        draw.linear(f"patch_embed.{group}.proj", width, bands, 8, 8)
    for number in range(depth):
        draw.block(f"blocks.{number}", width, 4 * width)
    return draw


def _resnet18(draw: Drawing) -> None:
    home, inputs = "model.visual", 64
    draw.add(f"{home}.conv1.weight", 64, 13, 7, 7)
    draw.norm_of_batch(f"{home}.bn1", 64)
    for stage, width in enumerate((64, 128, 256, 512), start=1):
        for number in range(2):
            at = f"{home}.layer{stage}.{number}"
            draw.add(f"{at}.conv1.weight", width, inputs, 3, 3)
            draw.norm_of_batch(f"{at}.bn1", width)
            draw.add(f"{at}.conv2.weight", width, width, 3, 3)
            draw.norm_of_batch(f"{at}.bn2", width)
            if inputs != width:
                draw.add(f"{at}.downsample.0.weight", width, inputs, 1, 1)
                draw.norm_of_batch(f"{at}.downsample.1", width)
            inputs = width
    draw.linear(f"{home}.fc", 256, 512)


def _vit16(draw: Drawing) -> None:
    home = "model.visual"
    draw.add(f"{home}.cls_token", 1, 1, 384)
    draw.add(f"{home}.pos_embed", 1, 197, 384)
    draw.linear(f"{home}.patch_embed.proj", 384, 13, 16, 16)
    for number in range(12):
        draw.block(f"{home}.blocks.{number}", 384, 1536)
    draw.linear(f"{home}.norm", 384)
    draw.linear(f"{home}.head", 256, 384)
