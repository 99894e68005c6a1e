"""Checkpoints that others published, taken in under our names."""

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from terrasweep.sweeps.commands import output
from terrasweep.sweeps.commands.options import open_store, shared, with_json

if TYPE_CHECKING:  # torch would make the front door heavy
    from terrasweep.models.checkpoints.published import PublishedWeights

NAME = "checkpoint"


def add(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="part", metavar="import", required=True)
    taken = parts.add_parser(
        "import", help="import a published file after checking every entry", parents=[shared()]
    )
    taken.add_argument("network", metavar="NETWORK", help="presto, satclip or satmae")
    taken.add_argument("file", metavar="FILE", type=Path, help="the file as its authors publish it")
    taken.add_argument(
        "--output", type=Path, metavar="FOLDER", help="write to this folder instead of the store"
    )
    with_json(taken)
    taken.set_defaults(part=_import)


def run(args: argparse.Namespace) -> int:
    part: int = args.part(args)
    return part


def _import(args: argparse.Namespace) -> int:
    """Print every entry, then keep the weights, unless an entry does not fit."""
    from terrasweep.models.checkpoints import published  # local: torch takes seconds to import

    reading = published.read(args.network, args.file)
    fits = all(entry.is_fine for entry in reading.entries)
    key, folder = _write_weights(reading, args) if fits else (None, None)
    if args.json:
        output.as_json(_as_json(reading, key=key, folder=folder))
    else:
        _print(reading, key=key, folder=folder)
    reading.refuse_misfits()
    return 0


def _write_weights(
    reading: "PublishedWeights", args: argparse.Namespace
) -> tuple[str | None, str | None]:
    """Write the weights where they are wanted; return their key and their folder."""
    from terrasweep.models.checkpoints import published  # local: see above
    from terrasweep.pipelines import checkpoint_card
    from terrasweep.pipelines.stages import checkpoint

    if args.output is not None:
        published.write(reading, args.output)
        return None, str(args.output.resolve())
    store = open_store(args, create=True)
    with tempfile.TemporaryDirectory(prefix="import-") as scratch:
        published.write(reading, Path(scratch))
        card = checkpoint_card.read(Path(scratch))
        record = checkpoint.admit(card, store=store, label=str(reading.origin["file"]))
    here = None if store.local_root is None else str(store.local_root / record.folder)
    return record.key, here


def _as_json(
    reading: "PublishedWeights", *, key: str | None, folder: str | None
) -> dict[str, object]:
    return {
        "network": reading.model.name,
        "model": reading.model.model_dump(mode="json"),
        "origin": dict(reading.origin),
        "fits": all(entry.is_fine for entry in reading.entries),
        "key": key,
        "checkpoint": folder,
        "entries": [vars(entry) for entry in reading.entries],
    }


def _print(reading: "PublishedWeights", *, key: str | None, folder: str | None) -> None:
    output.table(
        [
            {
                "entry": entry.name,
                "": entry.status,
                "file": "" if entry.found is None else str(entry.found),
                "network": "" if entry.expected is None else str(entry.expected),
                "numbers": entry.dtype or "",
            }
            for entry in reading.entries
        ],
        title=f"{reading.origin['file']} as {reading.model.name}",
    )
    counts = {entry.status: len(reading.names(entry.status)) for entry in reading.entries}
    output.say(", ".join(f"{number:,} {status}" for status, number in counts.items()))
    output.say(f"file: sha256 {reading.origin['sha256']}, {reading.origin['bytes']:,} bytes")
    if key is not None:
        output.say(f"key: {key}")
    if folder is not None:
        output.say(f"checkpoint: {folder}")
