"""A set of pretrain-where: the samples of its tars in order, as far as they can be understood.

A few samples are tried before any is read: if not one of them is understood, the error says what
the first is made of, so that its reader can be written.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats import faults, geotiff, tar
from terrasweep.samplers.formats.tar import Sample
from terrasweep.samplers.formats.user_files import digest_of_parts
from terrasweep.samplers.pools.pretrain_where import parts
from terrasweep.samplers.pools.pretrain_where.spec import PretrainWhereSpec
from terrasweep.samplers.sources import image_index, pool_files

GET = "the dataset is Amandeep10/pretrain-where-pretraining-datasets on Hugging Face"
FIRST = 8


@dataclass(frozen=True)
class _Source:
    """The index of all samples, and the samples themselves in its order."""

    index: pa.Table
    samples: tuple[Sample, ...]
    content: str


def chunks(spec: PretrainWhereSpec) -> int:
    """Return the number of chunks."""
    num_rows: int = _source(spec).index.num_rows
    return -(-num_rows // _patch(spec).per_chunk)


def count(spec: PretrainWhereSpec) -> int:
    """Return the number of samples in the tars."""
    return image_index.num_sound(_source(spec).index)


def content(spec: PretrainWhereSpec) -> str:
    """Return a digest of the names and sizes of all members of all tars."""
    return _source(spec).content


def read(spec: PretrainWhereSpec, chunk: int) -> dict[str, np.ndarray]:
    """Return the columns of one chunk; the month is not known.

    Raises:
        PoolError: If the folder does not hold the set, or its samples are not understood.
    """
    archive, patch = _source(spec), _patch(spec)
    part = image_index.slice_of(archive.index, chunk, size=patch.per_chunk)
    return image_index.gather(
        part,
        patch=patch,
        load=lambda name: parts.loaded(archive.samples[int(name)], num_bands=spec.num_bands),
    )


def _patch(spec: PretrainWhereSpec) -> image_index.Patch:
    return image_index.Patch(num_bands=spec.num_bands, size_px=spec.size_px, dtype="float32")


@lru_cache(maxsize=4)
def _source(spec: PretrainWhereSpec) -> _Source:
    holds = f"{spec.region}/{spec.split}_shards/*.tar (pretrain-where)"
    root = pool_files.folder(spec, holds=holds, get=GET)
    home = root / spec.region / f"{spec.split}_shards"
    archives = [tar.look_into(path) for path in sorted(home.glob("*.tar"))]
    if not archives:
        raise pool_files.missing(root, holds=holds, get=GET, got=_there(root, home))
    samples = tuple(sample for archive in archives for sample in archive.samples)
    names = [
        f"{spec.region}/{archive.path.stem}/{sample.key}"
        for archive in archives
        for sample in archive.samples
    ]
    faults = {archive.path.name: archive.fault for archive in archives if archive.fault}
    digest = digest_of_parts(
        f"{name} {part} {span.size}"
        for name, sample in zip(names, samples, strict=True)
        for part, span in sample.parts.items()
    )
    pool_files.check_content(spec, digest)
    _check_understood(samples[:FIRST], home=home, spec=spec)
    return _Source(_index(names, faults), samples, digest)


def _index(names: list[str], faults: dict[str, str]) -> pa.Table:
    where = np.full(len(names), np.nan)  # each sample says where it lies
    numbers = [str(place) for place in range(len(names))]
    lines = image_index.index({"id": names, "lat": where, "lon": where, "file": numbers})
    return pa.concat_tables([lines, image_index.rejected(faults)]).combine_chunks()


def _check_understood(samples: tuple[Sample, ...], *, home: Path, spec: PretrainWhereSpec) -> None:
    """Refuse shards of which not one of the first samples is understood.

    Raises:
        PoolError: With what the first sample is made of.
    """
    if any("tif" in part for sample in samples for part in sample.parts):
        geotiff.check_installed()
    why = "the tars hold no sample"
    for sample in samples:
        try:
            parts.loaded(sample, num_bands=spec.num_bands)
            return
        except faults.RejectedRow as fault:
            why = str(fault)
    contents = parts.describe(samples[0], num_bands=spec.num_bands) if samples else "none"
    raise PoolError(
        f"samples with an image of {spec.num_bands} bands and a place in {home}",
        got=f"{contents} ({why})",
        fix="set `num_bands`, or write the samples as Parquet for the pool `parquet`",
    )


def _there(root: Path, home: Path) -> str:
    """Return what lies where the tars should be, or which sets there are."""
    strange = sorted(item.name for item in home.iterdir()) if home.is_dir() else []
    if strange:
        return f"no tar among {', '.join(strange[:5])}"
    shards = sorted(f"{at.parent.name}/{at.name}" for at in root.glob("*/*_shards"))
    return f"only the shards {', '.join(shards)}" if shards else ""
