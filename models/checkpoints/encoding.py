"""From arrays to features with any checkpoint: one function, and the same from file to file.

Features are pooled as the authors' own evaluation does it, see each network's `encode`. Arrays have
the names that the authors use: Presto's `x`, `dynamic_world`, `latlon`, `month` and perhaps `mask`,
SatCLIP's `lonlat`, SatMAE's `image`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError

from terrasweep.infra.errors import BadDataError, UserError
from terrasweep.models.checkpoints import npz, weights
from terrasweep.models.contract import Architecture, Arrays, HasMaps, Network
from terrasweep.models.members import ZOO, AnyModel
from terrasweep.models.probing.problem import FinetuneSource
from terrasweep.models.spec import ModelSpec

CHUNK: Final = 128
"""Samples that pass a network together."""
CHUNK_BYTES: Final = 2**26
"""What the input of a chunk may take: large images pass a few at a time."""
RAW_BANDS: Final = {False: 17, True: 18}
"""Bands of `x`, by whether they are raw."""
PLACES: Final = (("latlon",), ("lonlat",), ("lat", "lon"))
"""How coordinates may be named; one form is enough."""

_MODEL: TypeAdapter[ModelSpec] = TypeAdapter(AnyModel)


@dataclass(frozen=True)
class Checkpoint:
    """A network with its weights, ready to encode."""

    model: ModelSpec
    network: Network

    @property
    def architecture(self) -> Architecture:
        """The network's module in the zoo."""
        return ZOO[self.model.name]


@dataclass(frozen=True)
class Encoded:
    """What went from file to file."""

    samples: int
    width: int
    unused: tuple[str, ...]
    """Arrays of the input that the network does not look at."""


def load(folder: Path, *, device: str = "cpu") -> Checkpoint:
    """Return the checkpoint in a folder: an imported one, or what an init or a pretraining left.

    Raises:
        UserError: If there is no card that says which network it is.
        TornError: If the weights are not that network's.
    """
    model = _model(folder)
    with torch.random.fork_rng(devices=[]):  # its first weights are drawn, then overwritten
        network = ZOO[model.name].build(model)
    weights.read(network, folder)
    return Checkpoint(model, network.to(device).eval())


def encode(folder: Path, arrays: Arrays, *, raw: bool = False, device: str = "cpu") -> np.ndarray:
    """Return one float32 feature vector per sample, with the checkpoint in a folder.

    Args:
        folder: An imported checkpoint, or the folder of an init or pretrain step.
        arrays: By name, first axis the sample; anything that can be sliced will do.
        raw: Whether Presto's `x` is raw, of 18 bands, and not normalised, of 17.
        device: What to compute on, as torch calls it.

    Raises:
        UserError: If an array is missing or has another shape.
        BadDataError: If a feature is no number.
    """
    checkpoint = load(folder, device=device)
    shapes = {name: tuple(np.shape(array)) for name, array in arrays.items()}
    used = _used(checkpoint.model, shapes, raw=raw)
    samples = max(shapes[name][0] for name in used if shapes[name])
    parts = []
    for at in range(0, samples, CHUNK):
        part = {
            name: np.asarray(arrays[name][at : at + CHUNK] if shapes[name] else arrays[name])
            for name in used
        }
        parts.append(_checked(checkpoint, part, at=at))
    return np.concatenate(parts)


def encode_file(
    checkpoint: Checkpoint,
    source: Path,
    target: Path,
    *,
    raw: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Encoded:
    """Encode the arrays of one .npz file into another, a few samples at a time.

    Raises:
        UserError: If the input is no such file, or lacks an array.
        BadDataError: If a feature is no number; then nothing is written.
    """
    headers = npz.headers(source)
    used = _used(checkpoint.model, {name: one.shape for name, one in headers.items()}, raw=raw)
    samples = npz.refuse_unequal({name: headers[name] for name in used}, path=source)
    row_bytes = sum(headers[name].row_bytes for name in used if headers[name].shape)
    size = max(1, min(CHUNK, CHUNK_BYTES // max(1, row_bytes)))
    done = 0
    with npz.writing(target, name="features", samples=samples) as rows:
        for part in npz.chunks(source, used, size=size):
            features = _checked(checkpoint, part, at=done)
            rows.add(features)
            done += len(features)
            progress(done, samples)
    unused = tuple(sorted(set(headers) - set(used)))
    return Encoded(samples, rows.width, unused)


def chunked(
    network: Network, architecture: Architecture, arrays: Arrays, *, maps: bool = False
) -> Iterator[np.ndarray]:
    """Yield the features of all samples, a chunk at a time; raw arrays as a pool has them.

    Where maps are asked for, they are those of every patch.
    """
    samples = len(next(iter(arrays.values())))
    for at in range(0, samples, CHUNK):
        part = {name: array[at : at + CHUNK] for name, array in arrays.items()}
        yield _features(network, architecture, part, maps=maps)


def origin(model: ModelSpec, network: Network, arrays: Arrays) -> FinetuneSource:
    """Return a checkpoint and all of a task, prepared and settled, to be finetuned on."""
    architecture = ZOO[model.name]
    prepared = {name: _tensor(own) for name, own in architecture.prepare(arrays).items()}
    return FinetuneSource(model, network, network.settled(prepared))


def _features(
    network: Network, architecture: Architecture, arrays: Arrays, *, maps: bool = False
) -> np.ndarray:
    device = next(network.parameters()).device
    with torch.inference_mode():
        batch = {
            name: _tensor(array).to(device) for name, array in architecture.prepare(arrays).items()
        }
        if not maps:
            return network.encode(batch).float().cpu().numpy()
        assert isinstance(network, HasMaps), "a sweep asks only networks that make them"
        return network.maps(batch).cpu().numpy()


def _tensor(array: np.ndarray) -> torch.Tensor:
    """Return an array as a tensor; one from a file may be read-only, or of the other byte order."""
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return torch.from_numpy(np.require(native, requirements=["C", "W"]))


def _checked(checkpoint: Checkpoint, part: Arrays, *, at: int) -> np.ndarray:
    """Encode some samples; `at` is the first one's place among all."""
    features = _features(checkpoint.network, checkpoint.architecture, _placed(part))
    bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(bad):
        raise BadDataError(
            f"finite features from {checkpoint.model.name}",
            got=f"NaN or infinity in sample {at + bad[0]:,}",
            fix="look for no-data values in the input, or at a checkpoint that diverged",
        )
    return features


def _used(model: ModelSpec, shapes: Mapping[str, tuple[int, ...]], *, raw: bool) -> list[str]:
    """Return the names of the arrays that a network looks at.

    Raises:
        UserError: If one is missing, or `x` is not as `raw` says.
    """
    there = ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "no arrays"
    forms = [form for form in PLACES if set(form) <= shapes.keys()]
    missing = [name for name in model.encodes if name not in shapes]
    if model.knows_places and not forms:
        missing.append("latlon (or lonlat, or lat and lon)")
    if missing:
        expected = f"the array {' and '.join(missing)} for {model.name}"
        raise UserError(expected, got=there, fix="add it to the input under this name")
    if model.knows_places and len(forms) > 1:
        expected = f"one form of coordinates for {model.name}"
        raise UserError(expected, got=there, fix="keep one form and drop the others")
    _refuse_other_bands(model, shapes, raw=raw)
    also = [name for name in model.may_encode if name in shapes]
    return [*model.encodes, *also, *(forms[0] if model.knows_places else ())]


def _refuse_other_bands(
    model: ModelSpec, shapes: Mapping[str, tuple[int, ...]], *, raw: bool
) -> None:
    if "x" not in model.encodes:
        if raw:
            expected = f"the input of {model.name} without `raw`"
            fix = "drop --raw: only time series have raw bands"
            raise UserError(expected, got="`raw`", fix=fix)
        return
    bands, shape = RAW_BANDS[raw], shapes["x"]
    if len(shape) == 3 and shape[2] == bands:
        return
    other = len(shape) == 3 and shape[2] == RAW_BANDS[not raw]
    fix = "reshape it; docs/checkpoints.md lists the bands"
    if other:
        fix = "drop --raw: these are normalised" if raw else "add --raw: these are raw"
    expected = f"`x` of shape (samples, months, {bands} {'raw' if raw else 'normalised'} bands)"
    raise UserError(expected, got=str(shape), fix=fix)


def _placed(arrays: Arrays) -> dict[str, np.ndarray]:
    """Return arrays whose coordinates, if any, are `lat` and `lon`.

    Raises:
        UserError: If they lie on no globe.
    """
    inputs = dict(arrays)
    for name, (first, second) in {"latlon": ("lat", "lon"), "lonlat": ("lon", "lat")}.items():
        if name in inputs:
            pair = inputs.pop(name)
            if pair.ndim != 2 or pair.shape[1] != 2:
                expected = f"`{name}` of shape (samples, 2)"
                raise UserError(
                    expected, got=f"{pair.shape}", fix="write two numbers for each sample"
                )
            inputs[first], inputs[second] = pair[:, 0], pair[:, 1]
    for name, most in (("lat", 90.0), ("lon", 180.0)):
        if name in inputs and not bool((np.abs(inputs[name]) <= most).all()):
            worst = inputs[name][~(np.abs(inputs[name]) <= most)][0]
            fix = "`latlon` is latitude first, `lonlat` longitude first, both in degrees"
            expected = f"{name} from {-most:g} to {most:g}"
            raise UserError(expected, got=str(worst), fix=fix)
    return inputs


def _model(folder: Path) -> ModelSpec:
    expected = f"a checkpoint in {folder}"
    fix = "name a folder of `terrasweep checkpoint import`, or a key such as pretrain/3f2a..."
    try:
        card = json.loads((folder / weights.CARD).read_text())
        return _MODEL.validate_python(card["model"])
    except OSError:
        got = f"no {weights.CARD} in it" if folder.is_dir() else "no such folder"
        raise UserError(expected, got=got, fix=fix) from None
    except (ValidationError, ValueError, TypeError, KeyError):
        got = f"a {weights.CARD} that names no network of the zoo"
        raise UserError(expected, got=got, fix=fix) from None
