"""The samples that a manifest names, with their pixels, in the order of the manifest.

What a network makes of the samples lies in files of a scratch folder that are mapped into memory:
so a composition may be larger than memory. Workers and pretrainings of one machine that learn from
the same samples share the files, and the last one removes them.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terrasweep.infra.cluster import connection
from terrasweep.infra.errors import StoreError
from terrasweep.infra.spec import digest
from terrasweep.infra.step import Key
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.reading.artifacts import record_of
from terrasweep.pipelines.training.shard_reader import Wanted, pieces, wanted
from terrasweep.pipelines.training.shared_folder import shared_folder
from terrasweep.samplers.formats.arrays import Arrays

MANIFEST: Final = "manifest.parquet"
READERS: Final = 8
"""Threads: they wait for a store, and decompress."""
FREE_SHARE: Final = 0.9
"""How much of the free disk the files may take."""

Prepare = Callable[[Arrays], dict[str, np.ndarray]]


@dataclass(frozen=True)
class TrainingArrays:
    """Where samples and their arrays lie, and what a network makes of them."""

    store: Store
    shard: Key
    """The step whose folder has a file for each coarse cell."""
    sample: Key
    """The step that drew the manifest."""
    prepare: Prepare
    called: str
    """What `prepare` is called: the same name makes the same of the same samples."""

    @property
    def name(self) -> str:
        """A name that follows from what the samples are, and from what is made of them."""
        contents = [record_of(self.store, key).content for key in (self.shard, self.sample)]
        return digest([*contents, self.called])

    @contextmanager
    def mapped(self) -> Iterator[Mapping[str, np.ndarray]]:
        """Lend the arrays, mapped into memory.

        Raises:
            TornError: If a shard is not what its record promised, or lacks a sample.
            StoreError: If the disk of the scratch folder is too small.
        """
        home = connection.scratch() / "terrasweep-pixels"
        with shared_folder(self.name, self.write, home=home) as folder:
            yield {path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))}

    def write(self, folder: Path) -> None:
        """Write a file per array."""
        names = ["id", "coarse", "cell"]
        manifest = pq.read_table(self.store.folder(self.sample) / MANIFEST, columns=names)
        record = record_of(self.store, self.shard)
        files = _Files(folder, size=manifest.num_rows)

        def copy(asked: Wanted) -> None:
            for rows, arrays in pieces(self.store, record, asked):
                files.put(rows, self.prepare(arrays))

        with ThreadPoolExecutor(READERS) as readers:
            for _ in readers.map(copy, wanted(manifest)):  # the first error comes out
                pass
        files.close()


def ids(store: Store, sample: Key) -> pa.Array:
    """Return the ids of a manifest, in its order."""
    manifest = pq.read_table(store.folder(sample) / MANIFEST, columns=["id"])
    return manifest.column("id").combine_chunks()


@dataclass
class _Files:
    """The files, made when the first samples tell of which arrays there are."""

    folder: Path
    size: int
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def put(self, rows: np.ndarray, arrays: Mapping[str, np.ndarray]) -> None:
        """Put samples in their places; threads may."""
        with self.lock:
            if not self.arrays:
                self._open(arrays)
        for name, values in arrays.items():
            self.arrays[name][rows] = values

    def close(self) -> None:
        """Hand everything to the system; it writes when it likes."""
        self.arrays.clear()

    def _open(self, like: Mapping[str, np.ndarray]) -> None:
        shapes = {name: (self.size, *values.shape[1:]) for name, values in like.items()}
        sizes = [np.prod(shape) * like[name].dtype.itemsize for name, shape in shapes.items()]
        _check_room(self.folder, needed=float(sum(sizes)))
        for name, shape in shapes.items():
            path, dtype = self.folder / f"{name}.npy", like[name].dtype
            array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
            self.arrays[name] = array


def _check_room(folder: Path, *, needed: float) -> None:
    free = shutil.disk_usage(folder).free
    if needed > FREE_SHARE * free:
        raise StoreError(
            f"{needed / 2**30:.1f} GiB of temporary disk space for the arrays of a composition",
            got=f"{free / 2**30:.1f} GiB free in {folder}",
            fix="free some disk, or set TMPDIR to a larger one before the command",
        )
