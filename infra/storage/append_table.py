"""An append-only table in the store: many small Parquet parts that are never changed.

A part is named by the checksum of its bytes, so it proves itself: one that is torn or altered is
left out and counted. Writers never meet, and there is no lock.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from terrasweep.infra.errors import StoreError
from terrasweep.infra.storage.blobs import at_once
from terrasweep.infra.storage.store import Store

VERSION = b"terrasweep.schema"
PATIENCE = 8  # listings that a reader tries while someone merges parts under its hands


class _PartVanishedError(Exception):
    """A part was listed, and merged into another before it was read."""


@dataclass(frozen=True)
class TableContents:
    """What could be read, and which parts could not be trusted."""

    table: pa.Table
    whole: tuple[str, ...]
    torn: tuple[str, ...]


@dataclass(frozen=True)
class AppendTable:
    """The parts of one table, under one folder of the store."""

    store: Store
    folder: str
    schema: pa.Schema
    """With its version in the metadata; see `versioned`."""
    _read: dict[str, pa.Table] = field(default_factory=dict, repr=False, compare=False)
    """Parts that were read before: they never change."""

    def append(self, table: pa.Table) -> str:
        """Write one part and return its path."""
        data = to_bytes(table.cast(self.schema))
        path = f"{self.folder}/{hashlib.sha256(data).hexdigest()}.parquet"
        self.store.put(path, data)
        return path

    def read(self, columns: Sequence[str] | None = None) -> TableContents:
        """Read all parts; rows come in no promised order.

        Raises:
            StoreError: If a part was written by a newer version.
        """
        for _ in range(PATIENCE):
            paths = self.paths()
            try:
                return self._reading(paths, columns)
            except _PartVanishedError:
                continue  # list anew: the rows are in the merged part by now
        raise StoreError(
            f"to read {self.folder} in {self.store.uri}",
            got=f"files that vanished during {PATIENCE} reads in a row",
            fix="check that nothing else deletes files there",
        )

    def paths(self) -> list[str]:
        """Return the paths of all parts, torn ones too."""
        return [path for path in self.store.list(self.folder) if path.endswith(".parquet")]

    def compact(self, merge: Callable[[pa.Table], pa.Table]) -> int:
        """Replace all whole parts by one and return how many there were.

        The old parts go only after the new one is durable; a reader in between sees rows twice.
        """
        reading = self.read()
        if len(reading.whole) > 1:
            merged = self.append(merge(reading.table))
            at_once(self.store.drop, [path for path in reading.whole if path != merged])
        return len(reading.whole)

    def _reading(self, paths: list[str], columns: Sequence[str] | None) -> TableContents:
        new = [path for path in paths if path not in self._read]
        fetched = dict(zip(new, at_once(self._fetch, new), strict=True))
        # Decoding in threads as well is slower: a part is small, and each column takes the GIL.
        parts = [self._part(path, fetched.get(path), columns) for path in paths]
        schema = self.schema
        if columns is not None:
            schema = pa.schema([schema.field(name) for name in columns])
        tables = [table.select(schema.names) for table in parts if table is not None]
        table = pa.concat_tables([schema.empty_table(), *tables])
        whole = tuple(path for path, part in zip(paths, parts, strict=True) if part is not None)
        torn = tuple(sorted(set(paths) - set(whole)))
        return TableContents(table.replace_schema_metadata(None), whole, torn)

    def _fetch(self, path: str) -> bytes | None:
        """Return a part's bytes, or nothing if they are not those it is named by."""
        data = self.store.get(path)
        if data is None:
            raise _PartVanishedError(path)
        name = path.rpartition("/")[2].removesuffix(".parquet")
        return data if hashlib.sha256(data).hexdigest() == name else None

    def _part(
        self, path: str, data: bytes | None, columns: Sequence[str] | None
    ) -> pa.Table | None:
        if path in self._read:
            return self._read[path]
        if data is None:
            return None
        table = from_bytes(data, self.schema, columns=columns, where=f"{self.store.uri}/{path}")
        if columns is None:
            self._read[path] = table
        return table


def versioned(schema: pa.Schema, version: int) -> pa.Schema:
    """Return the schema with its version; raise the version when a column changes its meaning."""
    return schema.with_metadata({VERSION: str(version).encode()})


def to_bytes(table: pa.Table) -> bytes:
    """Return the table as one Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def from_bytes(
    data: bytes, schema: pa.Schema, *, columns: Sequence[str] | None = None, where: str
) -> pa.Table:
    """Read a Parquet file into a schema; columns it does not know yet are filled with null.

    Raises:
        StoreError: If it was written by a newer version.
    """
    source = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)
    known = source.schema_arrow
    theirs, ours = _version(known), _version(schema)
    if theirs > ours:
        raise StoreError(
            f"{where} written by this version or an older one (schema {ours})",
            got=f"a file written by a newer version (schema {theirs})",
            fix="upgrade terrasweep, or use another store",
        )
    asked = schema.names if columns is None else columns
    there = [name for name in asked if name in known.names]
    table = source.read(columns=there, use_threads=False)
    wanted = pa.schema([schema.field(name) for name in asked])
    for name in sorted(set(asked) - set(there)):
        table = table.append_column(name, pa.nulls(len(table), schema.field(name).type))
    return table.select(asked).replace_schema_metadata(None).cast(wanted)


def _version(schema: pa.Schema) -> int:
    return int((schema.metadata or {}).get(VERSION, b"0"))
