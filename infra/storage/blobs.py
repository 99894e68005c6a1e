"""Reads and writes bytes in a local folder, or in whatever pyarrow and fsspec can reach.

Callers do five things: put a blob whole or not at all, get it, list it, copy it to a local
file, drop it. An error of the file system or of the object store becomes a StoreError.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import pyarrow as pa
from pyarrow import fs as arrow_fs

from terrasweep.infra.storage.io_errors import store_errors
from terrasweep.infra.storage.scratch import locked, tidy

T = TypeVar("T")
R = TypeVar("R")

SCRATCH = ".scratch"
THREADS = 16  # latency of an object store is waited for, not computed


class Blobs(Protocol):
    """Bytes under relative, slash-separated paths."""

    def put(self, path: str, data: bytes) -> None:
        """Write a blob, whole or not at all, over what was there."""

    def put_new(self, path: str, data: bytes) -> bool:
        """Write a blob unless there is one, and say whether it was written."""

    def put_file(self, path: str, source: Path) -> None:
        """Move a local file in, whole or not at all; the source may be gone afterwards."""

    def get(self, path: str) -> bytes | None:
        """Return a blob, or nothing if there is none."""

    def opened(self, path: str) -> pa.NativeFile:
        """Open a blob that is there, to read some of it from anywhere."""

    def fetch(self, path: str, target: Path) -> bool:
        """Copy a blob to a local file and say whether there was one."""

    def names(self, folder: str) -> list[str]:
        """Return the paths of all files under a folder, however deep; one may just have gone."""

    def sizes(self, folder: str, *, deep: bool) -> dict[str, int]:
        """Return the files under a folder with their sizes; empty if there is no such folder."""

    def drop(self, path: str) -> None:
        """Remove a blob; one that is not there is no error."""

    def scratch(self) -> AbstractContextManager[Path]:
        """Lend an empty local folder, from which files can be put."""


def at_once(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Apply ``work`` to all items in threads; order is kept, the first error is raised."""
    todo = list(items)
    if len(todo) < 2:
        return [work(item) for item in todo]
    with ThreadPoolExecutor(min(THREADS, len(todo))) as pool:
        return list(pool.map(work, todo))


@dataclass(frozen=True)
class LocalBlobs:
    """A folder on this machine, or one that is mounted alike on all machines."""

    root: Path

    def put(self, path: str, data: bytes) -> None:
        """Write to scratch, flush to the disk, then rename."""
        with store_errors(f"write {path} in {self.root}"):
            scratch = self.root / SCRATCH / uuid.uuid4().hex
            scratch.parent.mkdir(parents=True, exist_ok=True)
            try:
                scratch.write_bytes(data)
                self.put_file(path, scratch)
            finally:
                scratch.unlink(missing_ok=True)

    def put_new(self, path: str, data: bytes) -> bool:
        """Link it into place, which fails if there is one; it need not outlive a power cut."""
        with store_errors(f"write {path} in {self.root}"):
            target, scratch = self.root / path, self.root / SCRATCH / uuid.uuid4().hex
            target.parent.mkdir(parents=True, exist_ok=True)
            scratch.parent.mkdir(parents=True, exist_ok=True)
            try:
                scratch.write_bytes(data)
                os.link(scratch, target)
            except FileExistsError:
                return False
            finally:
                scratch.unlink(missing_ok=True)
            return True

    def put_file(self, path: str, source: Path) -> None:
        """Flush the file to the disk, then rename it."""
        with store_errors(f"write {path} in {self.root}"):
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            _flush(source)
            source.replace(target)
            _flush(target.parent)

    def get(self, path: str) -> bytes | None:
        with store_errors(f"read {path} in {self.root}"):
            try:
                return (self.root / path).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def opened(self, path: str) -> pa.NativeFile:
        with store_errors(f"read {path} in {self.root}"):
            return pa.OSFile(str(self.root / path))

    def fetch(self, path: str, target: Path) -> bool:
        with store_errors(f"read {path} in {self.root}"):
            try:
                shutil.copyfile(self.root / path, target)
            except (FileNotFoundError, NotADirectoryError):
                return False
            return True

    def names(self, folder: str) -> list[str]:
        """List the folder and all below it, without a look at the files.

        A file that vanishes meanwhile stays in the list. Were it left out, a reader beside a merge
        could miss rows: neither the old part nor the merged one would be in its list.
        """
        with store_errors(f"list {folder} in {self.root}"):
            return [path for path, _ in self._walk(folder, deep=True)]

    def sizes(self, folder: str, *, deep: bool) -> dict[str, int]:
        """List the folder, itself alone or with all below it; a file that vanishes is left out."""
        sizes = {}
        with store_errors(f"list {folder} in {self.root}"):
            for path, entry in self._walk(folder, deep=deep):
                with suppress(FileNotFoundError):
                    sizes[path] = entry.stat().st_size
        return sizes

    def drop(self, path: str) -> None:
        with store_errors(f"drop {path} in {self.root}"):
            (self.root / path).unlink(missing_ok=True)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Lend a folder on the same disk, so that a file is put by renaming it."""
        with store_errors(f"write scratch in {self.root}"):
            home = self.root / SCRATCH
            home.mkdir(parents=True, exist_ok=True)
            tidy(home)
            folder = Path(tempfile.mkdtemp(dir=home))
        try:
            with locked(folder):
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _walk(self, folder: str, *, deep: bool) -> Iterator[tuple[str, os.DirEntry[str]]]:
        try:
            entries = sorted(os.scandir(self.root / folder), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_file():
                yield path, entry
            elif deep and entry.name != SCRATCH:
                yield from self._walk(path, deep=True)


@dataclass(frozen=True)
class RemoteBlobs:
    """An object store, where a closed upload appears whole."""

    uri: str
    fs: arrow_fs.FileSystem
    root: str

    def put(self, path: str, data: bytes) -> None:
        """Upload; the blob appears when the upload is closed."""
        with store_errors(f"write {path} in {self.uri}"):
            self._make_room(path)
            with self.fs.open_output_stream(self._at(path)) as stream:
                stream.write(data)

    def put_new(self, path: str, data: bytes) -> bool:
        """Look, upload, look again: pyarrow knows no conditional upload, so the last one counts."""
        if self.get(path) is not None:
            return False
        self.put(path, data)
        return self.get(path) == data

    def put_file(self, path: str, source: Path) -> None:
        with store_errors(f"write {path} in {self.uri}"):
            self._make_room(path)
            with source.open("rb") as read, self.fs.open_output_stream(self._at(path)) as write:
                shutil.copyfileobj(read, write, 8 << 20)

    def get(self, path: str) -> bytes | None:
        with store_errors(f"read {path} in {self.uri}"):
            try:
                with self.fs.open_input_stream(self._at(path)) as stream:
                    return bytes(stream.read())
            except OSError:
                if self._is_there(path):
                    raise
                return None

    def opened(self, path: str) -> pa.NativeFile:
        """Open it; only what is read is downloaded."""
        with store_errors(f"read {path} in {self.uri}"):
            return self.fs.open_input_file(self._at(path))

    def fetch(self, path: str, target: Path) -> bool:
        with store_errors(f"read {path} in {self.uri}"):
            try:
                with (
                    self.fs.open_input_stream(self._at(path)) as read,
                    target.open("wb") as write,
                ):
                    shutil.copyfileobj(read, write, 8 << 20)
            except OSError:
                if self._is_there(path):
                    raise
                return False
            return True

    def names(self, folder: str) -> list[str]:
        return list(self.sizes(folder, deep=True))

    def sizes(self, folder: str, *, deep: bool) -> dict[str, int]:
        """List by prefix; one request for every thousand names."""
        with store_errors(f"list {folder} in {self.uri}"):
            selector = arrow_fs.FileSelector(self._at(folder), recursive=deep, allow_not_found=True)
            infos = self.fs.get_file_info(selector)
            skip = len(self.root) + 1
            files = (info for info in infos if info.type == arrow_fs.FileType.File)
            return {info.path[skip:]: info.size for info in files}

    def drop(self, path: str) -> None:
        with store_errors(f"drop {path} in {self.uri}"):
            try:
                self.fs.delete_file(self._at(path))
            except FileNotFoundError:
                return

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Lend a folder among the temporary files."""
        with store_errors("write scratch among the temporary files"):
            folder = Path(tempfile.mkdtemp(prefix="terrasweep-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _at(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root

    def _is_there(self, path: str) -> bool:
        """Ask again: a blob dropped between two requests raises one of many errors."""
        kind = self.fs.get_file_info(self._at(path)).type
        return bool(kind != arrow_fs.FileType.NotFound)

    def _make_room(self, path: str) -> None:
        if self.fs.type_name not in ("s3", "gcs"):  # there a folder is but a prefix
            self.fs.create_dir(self._at(path).rpartition("/")[0], recursive=True)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
