"""SatMAE as its authors publish it: weights under `model`, beside an optimiser and arguments.

A pretrained file has every entry. A fine-tuned one has no decoder and no norm of the encoder,
which features do not need, and has a head, a norm before it and a code of the class token's own.
"""

from collections.abc import Mapping
from typing import Final

import torch

from terrasweep.infra.spec import Json
from terrasweep.models.checkpoints.published import Shape, State, count, size
from terrasweep.models.zoo.satmae.spec import SatMaeSpec

HOME: Final = "model"
SAID: Final = "args"
DROPPED: Final = ("data_path", "train_path", "test_path", "output_dir", "log_dir", "dist_url")

CLASS_CODE: Final = "channel_cls_embed"
HEAD_WIDTH: Final = 64
"""Width of an encoder's attention head: 768 has 12 of them, 1024 has 16."""


def spec(shapes: Mapping[str, Shape], hyperparameters: Mapping[str, Json]) -> SatMaeSpec:
    """Return the fields that the shapes tell; the decoder has 16 heads in every published file."""
    published = SatMaeSpec(name="satmae")
    width = size(shapes, "cls_token", axis=2, otherwise=published.width)
    patch = size(shapes, "patch_embed.0.proj.weight", axis=2, otherwise=published.patch_px)
    tokens = size(shapes, "pos_embed", axis=1, otherwise=145)
    decoder = "decoder_channel_embed"
    return SatMaeSpec(
        name="satmae",
        image_px=patch * round((tokens - 1) ** 0.5),
        patch_px=patch,
        width=width,
        depth=count(shapes, "blocks.", otherwise=published.depth),
        heads=max(1, width // HEAD_WIDTH),
        channel_width=size(shapes, "channel_embed", axis=2, otherwise=published.channel_width),
        decoder_width=size(shapes, "mask_token", axis=2, otherwise=published.decoder_width),
        decoder_depth=count(shapes, "decoder_blocks.", otherwise=published.decoder_depth),
        decoder_channel_width=size(
            shapes, decoder, axis=2, otherwise=published.decoder_channel_width
        ),
        mlp_ratio=size(shapes, "blocks.0.mlp.fc1.weight", axis=0, otherwise=4 * width) // width,
        norm_pix_loss=hyperparameters.get("norm_pix_loss") is True,
    )


def may_lack(shapes: Mapping[str, Shape]) -> tuple[str, ...]:
    """A fine-tuned file has neither decoder nor norm; half a decoder is a broken file."""
    is_whole = any(name.startswith("decoder") for name in shapes)
    return () if is_whole else ("mask_token", "decoder*", "norm.*")


def may_add(shapes: Mapping[str, Shape]) -> tuple[str, ...]:
    """A fine-tuned file has these, and our features are those before its head."""
    fits = shapes.get(CLASS_CODE, ())[-1:] == shapes.get("channel_embed", ())[-1:]
    return ("fc_norm.*", "head.*", *([CLASS_CODE] if fits else []))


def folded(state: State) -> State:
    """Add the code of a fine-tuned class token to the token, which is where it acts."""
    if CLASS_CODE not in state:
        return state
    token, code = state["cls_token"], state[CLASS_CODE].reshape(1, 1, -1)
    whole = torch.cat([state["pos_embed"][:, :1], code], dim=2)
    return {**state, "cls_token": token + whole.to(token.dtype)}
