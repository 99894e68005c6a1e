"""ForTy: a seasonal image and a map of forest types per record, by the published splits."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from terrasweep.samplers.draw.ranks import hashes
from terrasweep.samplers.formats import faults, tfrecord
from terrasweep.samplers.sources import task_files
from terrasweep.samplers.tasks.forty.spec import FortySpec

GET = "ForTy v1 is at gs://forest_typology/forty_v1/1.0.0"
CLASSES = (
    *("natural forest", "planted forest", "tree crops", "other vegetation"),
    *("water", "ice", "bare", "built"),
)
L1C = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")
SIDE, SEASONS, CHANNELS = 128, 4, 10
MONTHS = (1, 4, 7, 10)
"""The middle of each quarter: a season says no month."""


@dataclass(frozen=True)
class _Patch:
    """One record."""

    id: str
    lat: float
    lon: float
    label: np.ndarray
    """One class, or that of every pixel, -1 where there is none."""
    image: np.ndarray


def classes(spec: FortySpec) -> tuple[str, ...]:
    """Return the names of the classes, in order of their labels."""
    return CLASSES


def read(spec: FortySpec) -> dict[str, np.ndarray]:
    """Return the labelled patches; those without a labelled pixel are left out.

    Raises:
        TaskError: If files are missing, or one is cut short or holds something else.
    """
    patches = {part: _taken(spec, split) for split, part in (("train", "train"), ("test", "test"))}
    whole = [one for part in patches.values() for one in part]
    return task_files.columns(
        spec,
        ids=[one.id for one in whole],
        lat=np.array([one.lat for one in whole]),
        lon=np.array([one.lon for one in whole]),
        label=np.stack([one.label for one in whole]),
        month=np.full(len(whole), MONTHS[spec.season]),
        image=np.stack([one.image for one in whole]),
        split=np.repeat(list(patches), [len(part) for part in patches.values()]),
    )


def _taken(spec: FortySpec, split: str) -> list[_Patch]:
    """Return the patches of a split with the lowest hashed ids."""
    holds = f"forty_v1-{split}.tfrecord-* (ForTy v1)"
    root = task_files.folder(spec, holds=holds, get=GET)
    paths = sorted(root.glob(f"forty_v1-{split}.tfrecord-*"))
    if not paths:
        raise task_files.incomplete(root, holds=holds, get=GET)
    kept: list[_Patch] = []
    for path in paths:
        own = (_patch(record, spec, path) for record in _records(path))
        kept = _lowest([*kept, *(one for one in own if one is not None)], number=spec.most)
    if not kept:
        raise task_files.incomplete(root, holds=holds, get=GET, got="no labelled patch in them")
    return kept


def _lowest(patches: list[_Patch], *, number: int) -> list[_Patch]:
    order = np.argsort(hashes([one.id for one in patches]), kind="stable")
    return [patches[at] for at in order[:number]]


def _records(path: Path) -> list[bytes]:
    try:
        return list(tfrecord.records(path))
    except tfrecord.BrokenError as error:
        raise faults.malformed(path, expected="whole records", got=str(error)) from None


def _patch(record: bytes, spec: FortySpec, path: Path) -> _Patch | None:
    try:
        features = tfrecord.example(record)
    except tfrecord.BrokenError as error:
        raise faults.malformed(path, expected="records of ForTy", got=str(error)) from None
    label = _label(_bytes(features, "segmentation_labels", path), spec)
    if label is None:
        return None
    seasons = _numbers(features, "s2", path, size=SEASONS * SIDE * SIDE * CHANNELS)
    channels = seasons.reshape(SEASONS, SIDE, SIDE, CHANNELS)[spec.season]
    image = np.zeros((len(L1C), SIDE, SIDE), np.float32)
    image[[L1C.index(band) for band in spec.bands]] = channels.transpose(2, 0, 1)
    (number,) = _numbers(features, "id", path, size=1)
    (lat,), (lon,) = (_numbers(features, name, path, size=1) for name in ("lat", "lon"))
    return _Patch(f"forty-{int(number)}", float(lat), float(lon), label, image)


def _label(codes: np.ndarray, spec: FortySpec) -> np.ndarray | None:
    """Return a map or the commonest class of it, or none where nothing of it is labelled."""
    classes = codes.astype(np.int16)
    classes -= classes > spec.unknown
    classes[codes == spec.unknown] = -1
    known = classes[classes >= 0]
    if not len(known):
        return None
    if spec.of_maps == "whole":
        return classes.reshape(SIDE, SIDE)
    return np.asarray(np.bincount(known).argmax(), dtype=np.int64)


def _numbers(
    features: Mapping[str, tfrecord.Value], name: str, path: Path, *, size: int
) -> np.ndarray:
    values = features.get(name)
    if not isinstance(values, np.ndarray) or values.size != size:
        got = "none" if values is None else f"{len(values)}"
        raise faults.malformed(path, expected=f"{size} numbers of {name} per record", got=got)
    return values


def _bytes(features: Mapping[str, tfrecord.Value], name: str, path: Path) -> np.ndarray:
    """Return a map of classes, whether it is kept as bytes or as whole numbers."""
    values = features.get(name)
    if isinstance(values, list) and len(values) == 1:
        values = np.frombuffer(values[0], np.uint8)
    if not isinstance(values, np.ndarray) or values.size != SIDE * SIDE:
        raise faults.malformed(path, expected=f"a map of {SIDE} x {SIDE} in {name}", got="none")
    return values
