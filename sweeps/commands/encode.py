"""Features of a file of arrays, with any checkpoint."""

import argparse
from pathlib import Path

from terrasweep.sweeps.commands import output
from terrasweep.sweeps.commands.options import open_store, with_json

NAME = "encode"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint",
        required=True,
        metavar="FOLDER|KEY",
        help="folder of an imported checkpoint, or the key of an init or pretrain step",
    )
    parser.add_argument("--input", required=True, type=Path, metavar="X.npz")
    parser.add_argument("--output", required=True, type=Path, metavar="Y.npz")
    parser.add_argument(
        "--raw", action="store_true", help="`x` has 18 raw bands instead of 17 normalised ones"
    )
    parser.add_argument(
        "--device", default="cpu", metavar="NAME", help="device in torch notation (default: cpu)"
    )
    with_json(parser)


def run(args: argparse.Namespace) -> int:
    from terrasweep.infra.errors import BadDataError, UserError
    from terrasweep.models.checkpoints.encoding import (  # local: torch takes seconds to import
        encode_file,
        load,
    )

    _refuse_targets(args.output)
    checkpoint = load(_folder(args), device=_device(args.device))
    try:
        encoded = encode_file(checkpoint, args.input, args.output, raw=args.raw)
    except BadDataError as error:  # here it is the user's own file, and nobody else's
        raise UserError(error.expected, got=error.got, fix=error.fix) from error
    if args.json:
        output.as_json(
            {"network": checkpoint.model.name, "output": str(args.output), **vars(encoded)}
        )
        return 0
    if encoded.unused:
        output.say(f"arrays not used: {', '.join(encoded.unused)}")
    output.say(f"{args.output}: features ({encoded.samples:,}, {encoded.width:,}) float32")
    return 0


def _folder(args: argparse.Namespace) -> Path:
    """Return the folder of a checkpoint; a key is looked up in the store."""
    from terrasweep.infra.errors import UserError
    from terrasweep.infra.step import Key

    here = Path(args.checkpoint)
    if here.is_dir():
        return here
    key = Key.parse(args.checkpoint)
    if key.stage not in ("init", "pretrain", "checkpoint") or "/" in key.digest:
        fix = "name the folder of an imported one, or a key such as pretrain/3f2a..."
        raise UserError(f"the checkpoint {here}", got="no such folder", fix=fix)
    return open_store(args, create=False).folder(key)


def _device(name: str) -> str:
    """Refuse a device that torch does not have here."""
    import torch

    from terrasweep.infra.errors import UserError

    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        got = str(error).splitlines()[0]
        raise UserError(f"the device {name!r}", got=got, fix="name another") from None
    return name


def _refuse_targets(path: Path) -> None:
    from terrasweep.infra.errors import UserError

    if path.suffix != ".npz" or not path.parent.is_dir() or path.is_dir():
        got = str(path) if path.parent.is_dir() else f"no folder {path.parent}"
        raise UserError("a file Y.npz to write to", got=got, fix="name one with --output")
