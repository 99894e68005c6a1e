"""Files of finished steps, read one by one from the store with their checksums compared."""

import hashlib

import pyarrow as pa
import pyarrow.parquet as pq

from terrasweep.infra.errors import StoreError, TornError
from terrasweep.infra.step import Key
from terrasweep.infra.storage.record import Record
from terrasweep.infra.storage.store import Store


def record_of(store: Store, key: Key) -> Record:
    """Return the record of a step that must have been made.

    Raises:
        StoreError: If it was not.
    """
    record = store.record(key)
    if record is None:
        raise StoreError(
            f"the files of step {key}", got="no record of it", fix="run the step first"
        )
    return record


def checked(store: Store, key: Key, name: str) -> bytes:
    """Return a small file of a finished step, its checksum compared; no folder is fetched.

    Raises:
        TornError: If it is not what the step's record promised.
    """
    return promised(store, record_of(store, key), name)


def promised(store: Store, record: Record, name: str) -> bytes:
    """Return a file that a record promises, its checksum compared.

    Raises:
        TornError: If it is not what was promised.
    """
    data = store.get(f"{record.folder}/{name}") or b""
    if hashlib.sha256(data).hexdigest() != record.artefacts[name].sha256:
        fix = "run the same command again; the step is computed again"
        expected = f"the files of {record.key} as they were recorded"
        raise TornError(expected, got=f"other content in {name}", fix=fix)
    return data


def table(store: Store, key: Key, name: str) -> pa.Table:
    """Return a small table of a finished step."""
    return pq.read_table(pa.BufferReader(checked(store, key, name)))
