"""Parquet files as chunks: what their footers say, before any row is read.

A chunk is a row group, or a slice of a large one.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.formats.user_files import DIGITS

CHUNK = 4096


@dataclass(frozen=True)
class Chunk:
    """Where a chunk lies: the slice of a row group."""

    path: Path
    group: int
    slice: int


@dataclass(frozen=True)
class Footers:
    """What the footers of all files say together."""

    num_rows: int
    content: str
    chunks: tuple[Chunk, ...]


def survey(root: Path, *, check: Callable[[pa.Schema, Path], None], largest: int) -> Footers:
    """Return what the footers of a file, or of all Parquet files in a folder, say.

    Raises:
        PoolError: If there is no Parquet file, `check` finds fault with a file's schema, or a row
            group has more than the largest number of rows.
    """
    chunks: list[Chunk] = []
    num_rows = 0
    hashed = hashlib.sha256()
    for path in _files(root):
        file = _opened(path)
        check(file.schema_arrow, path)
        meta = file.metadata
        chunks += _chunks(path, meta, largest=largest)
        num_rows += meta.num_rows
        # A footer holds the extent and the statistics of every column chunk: it changes with the
        # rows, and reading it costs next to nothing.
        hashed.update(f"{path.relative_to(root)} {path.stat().st_size}".encode())
        hashed.update(_footer(path))
    if not num_rows:
        raise PoolError(
            f"samples in the pool {root}", got="no rows", fix="check `path` of the pool"
        )
    return Footers(num_rows, hashed.hexdigest()[:DIGITS], tuple(chunks))


def _footer(path: Path) -> bytes:
    """Return the bytes of a footer: they hold the extent and the size of every column chunk."""
    with path.open("rb") as file:
        file.seek(-8, os.SEEK_END)
        length = int.from_bytes(file.read(4), "little")
        file.seek(-8 - length, os.SEEK_END)
        return file.read(length)


def _files(root: Path) -> list[Path]:
    if root.is_dir():
        paths = sorted(root.rglob("*.parquet"))
        if not paths:
            raise PoolError(
                f"Parquet files in the folder {root}",
                got="no file that ends in .parquet",
                fix="check `path` of the pool",
            )
        return paths
    if not root.exists():
        raise PoolError(
            f"the pool {root}",
            got="no such file or folder",
            fix="check `path` of the pool, or set TERRASWEEP_POOLS to the folder it starts at",
        )
    return [root]


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise PoolError(
            f"a Parquet file at {path}",
            got=f"something else ({' '.join(str(error).split())})",
            fix="write the pool as Parquet, or name another file",
        ) from None


def _chunks(path: Path, meta: pq.FileMetaData, *, largest: int) -> Iterator[Chunk]:
    for group in range(meta.num_row_groups):
        size = meta.row_group(group).num_rows
        if size > largest:
            raise PoolError(
                f"row groups of at most {largest:,} rows in {path}",
                got=f"one of {size:,}",
                fix=f"write the file again with row_group_size={CHUNK}",
            )
        for part in range(ceil(size / CHUNK)):
            yield Chunk(path, group, part)
