"""GEO-Bench v1: a file per sample, a data set per band, and what is known of them in a pickle.

The pickles are read by `samplers/formats/pickles.py`, which runs nothing of what they ask for.
"""

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pyproj import Transformer
from pyproj.exceptions import CRSError

from terrasweep.infra.errors import TaskError
from terrasweep.samplers.formats import faults, hdf5, pickles
from terrasweep.samplers.sources import image_index, task_files
from terrasweep.samplers.tasks.geobench.spec import GeobenchSpec

GET = "GEO-Bench v1 is at https://huggingface.co/datasets/recursix/geo-bench-1.0"
EXPECTED = ("geobench", "rasterio", "affine", "datetime")
DATE = 11
"""How much of a band's name its date takes: `_2018-06-01`."""


@dataclass(frozen=True)
class _Sample:
    """One file."""

    image: np.ndarray
    label: np.ndarray
    lat: float
    lon: float
    month: int


def classes(spec: GeobenchSpec) -> tuple[str, ...]:
    """Return the names of the classes or labels, as `label_map.json` has them."""
    names = _json(_root(spec) / "label_map.json")
    if isinstance(names, dict):
        return tuple(str(name) for name in names)
    return tuple(str(name) for name in names)


def read(spec: GeobenchSpec) -> dict[str, np.ndarray]:
    """Return the labelled images of the training and the test set.

    Raises:
        TaskError: If the folder is incomplete, or a file holds something else.
    """
    hdf5.check_installed()
    root = _root(spec)
    parts = _json(root / f"{spec.partition}_partition.json")
    split = {name: part for part in ("train", "test") for name in parts[part]}
    lacking = [name for name in split if not (root / f"{name}.hdf5").is_file()]
    if lacking:
        got = f"no {lacking[0]}.hdf5 and {len(lacking) - 1:,} others that the partition names"
        raise task_files.incomplete(root, holds=f"the samples of {spec.dataset}", get=GET, got=got)
    samples = [_sample(root / f"{name}.hdf5", spec) for name in split]
    _check_alike(samples, names=list(split), root=root)
    return task_files.columns(
        spec,
        ids=[f"{spec.dataset}-{name}" for name in split],
        lat=np.array([one.lat for one in samples]),
        lon=np.array([one.lon for one in samples]),
        label=np.stack([one.label for one in samples]).astype(
            np.int16 if spec.of_maps == "whole" else np.int64
        ),
        month=np.array([one.month for one in samples]),
        image=np.stack([one.image for one in samples]),
        split=np.array(list(split.values())),
    )


def _root(spec: GeobenchSpec) -> Path:
    needs = ["label_map.json", f"{spec.partition}_partition.json"]
    holds = f"label_map.json, a partition and *.hdf5 of {spec.dataset} (GEO-Bench v1)"
    return task_files.folder(spec, holds=holds, get=GET, needs=needs)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise faults.malformed(path, expected="JSON", got=str(error)) from None


def _sample(path: Path, spec: GeobenchSpec) -> _Sample:
    with hdf5.opened(path) as file:
        about = _about(path, file.attrs.get("pickle"))
        names = sorted(name for name in file if not name.startswith("label"))
        chosen = _chosen(names, spec, path)
        bands = [np.asarray(file[name]) for name in chosen]
        maps = [np.asarray(file[name]) for name in file if name.startswith("label")]
    shape = max((band.shape for band in bands), key=lambda own: own[0])
    if any(band.shape != shape for band in bands):
        got = ", ".join(sorted({str(band.shape) for band in bands}))
        raise faults.malformed(path, expected="bands of one shape", got=got)
    lat, lon = _place(about, chosen[0], shape=shape, path=path, spec=spec)
    label = _of_map(maps[0], spec) if maps else about.get("label")
    if label is None:
        raise faults.malformed(path, expected="a label", got="none")
    image = np.stack(bands).astype(np.float32)
    return _Sample(image, np.asarray(label), lat, lon, _month(chosen[0]))


def _about(path: Path, text: Any) -> Mapping[str, Any]:
    """Return what the file's pickle says: text that stands for the bytes of a pickled dict."""
    try:
        data = ast.literal_eval(str(text))
        about = pickles.loads(data, known=EXPECTED) if isinstance(data, bytes) else None
    except (ValueError, SyntaxError, pickles.RefusedError) as error:
        expected = "what is known of the bands, as data and no more"
        raise faults.malformed(path, expected=expected, got=str(error)) from None
    if not isinstance(about, dict):
        raise faults.malformed(path, expected="what is known of the bands", got="no dict")
    return about


def _chosen(names: Sequence[str], spec: GeobenchSpec, path: Path) -> list[str]:
    if not spec.bands:
        return list(names)
    chosen = []
    for band in spec.bands:
        own = [name for name in names if name.startswith(band)]
        if not own:
            got = f"none among {', '.join(names)}"
            raise faults.malformed(path, expected=f"the band {band!r}", got=got)
        chosen.append(own[0])
    return chosen


def _of_map(values: np.ndarray, spec: GeobenchSpec) -> int | np.ndarray:
    if spec.of_maps == "whole":
        codes = values.squeeze().astype(np.int64)
        return codes if spec.unlabelled is None else np.where(codes == spec.unlabelled, -1, codes)
    if spec.of_maps == "middle":
        return int(values[values.shape[0] // 2, values.shape[1] // 2])
    return int(np.bincount(values.reshape(-1).astype(np.int64)).argmax())


def _month(band: str) -> int:
    tail = band[-DATE:]
    dated = tail.startswith("_") and tail[1:5].isdigit()
    return int(image_index.months([tail[1:] if dated else ""])[0])


def _place(
    about: Mapping[str, Any], band: str, *, shape: tuple[int, ...], path: Path, spec: GeobenchSpec
) -> tuple[float, float]:
    """Return where the middle of a sample lies."""
    georeference = about.get(band) or about.get("band_descriptor") or {}
    grid, crs = _numbers(georeference.get("transform")), _text(georeference.get("crs"))
    if grid is None or crs is None:
        if spec.unplaced == "null_island":
            return 0.0, 0.0
        raise TaskError(
            f"to know where the sample {path} lies",
            got="no transform and no CRS in it",
            fix="write `unplaced: null_island` if `global` is all that is asked",
        )
    height, width = shape[:2]
    east = grid[2] + grid[0] * width / 2 + grid[1] * height / 2
    north = grid[5] + grid[3] * width / 2 + grid[4] * height / 2
    try:
        lon, lat = Transformer.from_crs(crs, 4326, always_xy=True).transform(east, north)
    except CRSError as error:
        raise faults.malformed(path, expected="a CRS", got=str(error)) from None
    return float(lat), float(lon)


def _numbers(grid: Any) -> tuple[float, ...] | None:
    """Return the six numbers of an affine transform, from a list or from a stub of `affine`."""
    held = grid.args if isinstance(grid, pickles.Stub) else grid
    if not isinstance(held, list | tuple) or len(held) < 6:
        return None
    return tuple(float(one) for one in held[:6])


def _text(crs: Any) -> str | None:
    """Return a CRS as text, from text or from a stub of rasterio's."""
    if isinstance(crs, pickles.Stub):
        words = (*crs.args, *crs.state.values())
        return next((one for one in words if isinstance(one, str) and one), None)
    return crs if isinstance(crs, str) and crs else None


def _check_alike(samples: Sequence[_Sample], *, names: Sequence[str], root: Path) -> None:
    if not samples:
        raise faults.malformed(root, expected="samples in the partition", got="none")
    first = samples[0]
    for name, one in zip(names, samples, strict=True):
        if (one.image.shape, one.label.shape) != (first.image.shape, first.label.shape):
            got = f"{one.image.shape}, where the first has {first.image.shape}"
            expected = "images and labels of one shape"
            raise faults.malformed(root / f"{name}.hdf5", expected=expected, got=got)
