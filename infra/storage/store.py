"""The store holds what steps made, each under its key, and believes nothing without a record.

``<stage>/<digest>.json`` is the record; ``<stage>/<digest>/<content>/`` holds the artefacts, where
``content`` follows from their checksums. So two makers that race never mix their files, a file is
put in place whole or not at all, and the record comes last. No record: not made.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from pydantic import ValidationError

from terrasweep.infra.errors import StoreError, TornError
from terrasweep.infra.spec import Spec, everything
from terrasweep.infra.step import Key, Step
from terrasweep.infra.storage.artifacts import check_artefacts, list_artefacts
from terrasweep.infra.storage.blobs import Blobs, LocalBlobs, at_once
from terrasweep.infra.storage.record import Record, new_record, refuse_drift
from terrasweep.infra.storage.uri import open_blobs
from terrasweep.infra.telemetry import metrics

FORMAT = 1
SIGN = "store.json"
Maker = Callable[[Path], None]


@dataclass(frozen=True)
class Store:
    """Everything that was made, in one place; a small value that travels to the workers."""

    uri: str
    blobs: Blobs
    writable: bool = True

    @classmethod
    def open(cls, uri: str, *, create: bool = True) -> "Store":
        """Open the store at a path or URI; with ``create`` it is made if need be.

        Without ``create`` nothing is ever written, and a store that is not there yet is empty.

        Raises:
            StoreError: If it cannot be reached, read or written, or is of a newer form.
        """
        blobs = open_blobs(uri)
        where = str(blobs.root) if isinstance(blobs, LocalBlobs) else uri
        sign = blobs.get(SIGN)
        if sign is None and create:
            blobs.put(SIGN, json.dumps({"format": FORMAT}).encode())
        elif sign is not None:
            _check_sign(sign, where)
        return cls(where, blobs, create)

    @property
    def local_root(self) -> Path | None:
        """The store's folder, if it is one on this machine."""
        return self.blobs.root if isinstance(self.blobs, LocalBlobs) else None

    def has(self, key: Key) -> bool:
        """Say whether there is a record; the artefacts are not looked at."""
        return self.record(key) is not None

    def done(self, keys: Iterable[Key]) -> set[Key]:
        """Return those of the keys that have a record; one listing per stage.

        A file system may tear a record when the power fails, an object store cannot: only in a
        local folder the records are opened as well.
        """
        asked = set(keys)
        stages = sorted({key.stage for key in asked})
        there = {path for stage in stages for path in self.blobs.sizes(stage, deep=False)}
        listed = sorted((key for key in asked if _record_path(key) in there), key=str)
        whole = at_once(self.has, listed) if self.local_root else [True] * len(listed)
        return {key for key, good in zip(listed, whole, strict=True) if good}

    def record(self, key: Key) -> Record | None:
        """Return the record of a step, or nothing if it was not made or not wholly recorded."""
        data = self.blobs.get(_record_path(key))
        if data is None:
            return None
        try:
            record = Record.model_validate_json(data)
        except ValidationError:
            return None
        return record if record.key == str(key) else None

    def make(self, step: Step[Spec], maker: Maker) -> Record:
        """Make a step unless it is made; what was torn or altered since is made again.

        Raises:
            DriftError: If it was made when a default had another value.
        """
        record = self.record(step.key)
        if record is not None:
            refuse_drift(record.key, was=record.everything, now=everything(step.spec))
            if self._is_whole(record):
                return record
        return self._make(step, maker, instead_of=record)

    def refuse_drift(self, steps: Iterable[Step[Spec]]) -> None:
        """Refuse to go on with steps that were made when a default had another value.

        Raises:
            DriftError: On the first such step, in the order given.
        """
        listed = list(steps)
        finished = self.done(step.key for step in listed)
        known = [step for step in listed if step.key in finished]
        for step, record in zip(known, at_once(lambda s: self.record(s.key), known), strict=True):
            if record is not None:
                refuse_drift(record.key, was=record.everything, now=everything(step.spec))

    def folder(self, key: Key) -> Path:
        """Return a local folder with what a step made, checked; it is to be read only.

        Raises:
            StoreError: If the step was not made.
            TornError: If it is not what its record promised; the record is withdrawn, so that the
                step counts as not made.
        """
        record = self.record(key)
        expected = f"the files of step {key}"
        if record is None and self.blobs.get(_record_path(key)) is None:
            raise StoreError(
                expected, got=f"no record of it in {self.uri}", fix="run the step first"
            )
        try:
            if record is None:
                raise TornError(expected, got="a half-written record", fix="run the step again")
            return self._checked(record)
        except TornError:
            self._withdraw(key, record)
            raise

    def put(self, path: str, data: bytes) -> None:
        """Write a blob, whole or not at all."""
        self._refuse_if_read_only(path)
        self.blobs.put(path, data)

    def put_new(self, path: str, data: bytes) -> bool:
        """Write a blob unless there is one; say whether it was written."""
        self._refuse_if_read_only(path)
        return self.blobs.put_new(path, data)

    def get(self, path: str) -> bytes | None:
        """Return a blob, or nothing if there is none."""
        return self.blobs.get(path)

    def opened(self, path: str) -> pa.NativeFile:
        """Open a blob that is there, to read some of it from anywhere."""
        return self.blobs.opened(path)

    def list(self, folder: str) -> list[str]:
        """Return the paths of all blobs under a folder, sorted."""
        return sorted(self.blobs.names(folder))

    def drop(self, path: str) -> None:
        """Remove a blob; one that is not there is no error."""
        self._refuse_if_read_only(path)
        self.blobs.drop(path)

    def _make(self, step: Step[Spec], maker: Maker, *, instead_of: Record | None) -> Record:
        self._refuse_if_read_only(str(step.key))
        with self.blobs.scratch() as scratch:
            started, clock = datetime.now(UTC), time.perf_counter()
            maker(scratch)
            seconds = time.perf_counter() - clock
            record = new_record(
                step, artefacts=list_artefacts(scratch), started=started, seconds=seconds
            )
            theirs = self.record(step.key)
            if theirs is not None and theirs != instead_of:
                return theirs  # another maker was faster; what it made is as good
            self._publish(record, scratch)
            # How far the making was need not be known any more.
            at_once(self.blobs.drop, self.list(f"progress/{step.key}"))
            size = sum(artefact.bytes for artefact in record.artefacts.values())
            metrics.count("terrasweep_bytes", size, stage=step.stage)
            return record

    def _publish(self, record: Record, scratch: Path) -> None:
        """Put the artefacts, look whether they are all there, then put the record."""
        promised = {
            f"{record.folder}/{name}": record.artefacts[name].bytes for name in record.artefacts
        }
        for stray in set(self.list(record.folder)) - set(promised):
            self.blobs.drop(stray)
        at_once(
            lambda name: self.blobs.put_file(f"{record.folder}/{name}", scratch / name),
            record.artefacts,
        )
        if self.blobs.sizes(record.folder, deep=True) != promised:
            fix = "check that nothing else writes there, then run the same command again"
            raise StoreError(f"all files of {record.key} in {self.uri}", got="other files", fix=fix)
        self.blobs.put(f"{record.key}.json", record.model_dump_json(indent=1).encode())

    def _is_whole(self, record: Record) -> bool:
        try:
            self._checked(record)
        except TornError:
            return False
        return True

    def _checked(self, record: Record) -> Path:
        """Return the record's folder on this machine, with every checksum compared."""
        if self.local_root is not None:
            folder = self.local_root / record.folder
            check_artefacts(folder, record.artefacts, what=record.key)
            return folder
        cache = LocalBlobs(_cache(self.uri))
        folder = cache.root / record.folder
        if folder.is_dir():
            try:
                check_artefacts(folder, record.artefacts, what=record.key)
                return folder
            except TornError:
                shutil.rmtree(folder, ignore_errors=True)
        return self._download(record, cache)

    def _download(self, record: Record, cache: LocalBlobs) -> Path:
        folder = cache.root / record.folder
        with cache.scratch() as scratch:
            for name in record.artefacts:
                (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            at_once(
                lambda name: self.blobs.fetch(f"{record.folder}/{name}", scratch / name),
                record.artefacts,
            )
            check_artefacts(scratch, record.artefacts, what=record.key)
            _settle(scratch, folder)
        return folder

    def _withdraw(self, key: Key, record: Record | None) -> None:
        """Take back a record that no longer holds, unless someone has mended it by now."""
        if self.writable and self.record(key) == record:
            self.blobs.drop(_record_path(key))

    def _refuse_if_read_only(self, what: str) -> None:
        if not self.writable:
            expected = f"to write {what} in {self.uri}"
            raise StoreError(expected, got="a store that is open for reading only")


def _record_path(key: Key) -> str:
    return f"{key}.json"


def _settle(scratch: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        scratch.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process has just downloaded the same
            raise


def _cache(uri: str) -> Path:
    """Return the folder where this machine keeps copies of a remote store's artefacts."""
    folder = os.environ.get("TERRASWEEP_CACHE")
    home = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return (
        Path(folder or f"{home}/terrasweep").expanduser() / hashlib.sha256(uri.encode()).hexdigest()
    )


def _check_sign(sign: bytes, where: str) -> None:
    expected = f"a terrasweep store at {where}"
    try:
        form = int(json.loads(sign)["format"])
    except (ValueError, KeyError, TypeError) as error:
        fix = f"name another place with --store, or restore {SIGN}"
        raise StoreError(
            expected, got=f"a {SIGN} that terrasweep did not write", fix=fix
        ) from error
    if form > FORMAT:
        got = f"one made by a newer version (format {form}; this version reads {FORMAT})"
        raise StoreError(expected, got=got, fix="upgrade terrasweep, or use another store")
