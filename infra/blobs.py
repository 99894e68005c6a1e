"""The one door to where bytes lie: a local folder, or whatever pyarrow and fsspec can reach.

Everything above asks for five things: put a blob whole or not at all, get it, list it, copy it
to a local file, drop it. What the outside world answers becomes one sentence, a StoreError.
"""

import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import parse_qsl, urlsplit
from urllib.request import url2pathname

import pyarrow as pa
from pyarrow import fs as arrow_fs

from infra.errors import StoreError

T = TypeVar("T")
R = TypeVar("R")

SCRATCH = ".scratch"
THREADS = 16  # latency of an object store is waited for, not computed


class Blobs(Protocol):
    """Bytes under relative, slash-separated paths."""

    def put(self, path: str, data: bytes) -> None:
        """Write a blob, whole or not at all, over what was there."""

    def put_file(self, path: str, source: Path) -> None:
        """Move a local file in, whole or not at all; the source may be gone afterwards."""

    def get(self, path: str) -> bytes | None:
        """Return a blob, or nothing if there is none."""

    def fetch(self, path: str, target: Path) -> bool:
        """Copy a blob to a local file and say whether there was one."""

    def sizes(self, folder: str, *, deep: bool) -> dict[str, int]:
        """Return the files under a folder with their sizes; empty if there is no such folder."""

    def drop(self, path: str) -> None:
        """Remove a blob; one that is not there is no error."""


def at_once(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Apply ``work`` to all items in threads; order is kept, the first error is raised."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, items))


@dataclass(frozen=True)
class LocalBlobs:
    """A folder on this machine, or one that is mounted alike on all machines."""

    root: Path

    def put(self, path: str, data: bytes) -> None:
        """Write to scratch, flush to the disk, then rename."""
        with _said(f"write {path} in {self.root}"):
            scratch = self.root / SCRATCH / uuid.uuid4().hex
            scratch.parent.mkdir(parents=True, exist_ok=True)
            try:
                scratch.write_bytes(data)
                self.put_file(path, scratch)
            finally:
                scratch.unlink(missing_ok=True)

    def put_file(self, path: str, source: Path) -> None:
        """Flush the file to the disk, then rename it."""
        with _said(f"write {path} in {self.root}"):
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            _flush(source)
            source.replace(target)
            _flush(target.parent)

    def get(self, path: str) -> bytes | None:
        """Return the file's bytes."""
        with _said(f"read {path} in {self.root}"):
            try:
                return (self.root / path).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def fetch(self, path: str, target: Path) -> bool:
        """Copy the file."""
        with _said(f"read {path} in {self.root}"):
            try:
                shutil.copyfile(self.root / path, target)
            except (FileNotFoundError, NotADirectoryError):
                return False
            return True

    def sizes(self, folder: str, *, deep: bool) -> dict[str, int]:
        """List the folder, itself alone or with all below it."""
        with _said(f"list {folder} in {self.root}"):
            return dict(self._walk(folder, deep=deep))

    def drop(self, path: str) -> None:
        """Unlink the file."""
        with _said(f"drop {path} in {self.root}"):
            (self.root / path).unlink(missing_ok=True)

    def _walk(self, folder: str, *, deep: bool) -> Iterator[tuple[str, int]]:
        try:
            entries = sorted(os.scandir(self.root / folder), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_file():
                yield path, entry.stat().st_size
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
        with _said(f"write {path} in {self.uri}"):
            self._make_room(path)
            with self.fs.open_output_stream(self._at(path)) as stream:
                stream.write(data)

    def put_file(self, path: str, source: Path) -> None:
        """Upload a file in pieces."""
        with _said(f"write {path} in {self.uri}"):
            self._make_room(path)
            with source.open("rb") as read, self.fs.open_output_stream(self._at(path)) as write:
                shutil.copyfileobj(read, write, 8 << 20)

    def get(self, path: str) -> bytes | None:
        """Download."""
        with _said(f"read {path} in {self.uri}"):
            try:
                with self.fs.open_input_stream(self._at(path)) as stream:
                    return bytes(stream.read())
            except FileNotFoundError:
                return None

    def fetch(self, path: str, target: Path) -> bool:
        """Download in pieces."""
        with _said(f"read {path} in {self.uri}"):
            try:
                with (
                    self.fs.open_input_stream(self._at(path)) as read,
                    target.open("wb") as write,
                ):
                    shutil.copyfileobj(read, write, 8 << 20)
            except FileNotFoundError:
                return False
            return True

    def sizes(self, folder: str, *, deep: bool) -> dict[str, int]:
        """List by prefix; one request for every thousand names."""
        with _said(f"list {folder} in {self.uri}"):
            selector = arrow_fs.FileSelector(self._at(folder), recursive=deep, allow_not_found=True)
            found = self.fs.get_file_info(selector)
            skip = len(self.root) + 1
            files = (info for info in found if info.type == arrow_fs.FileType.File)
            return {info.path[skip:]: info.size for info in files}

    def drop(self, path: str) -> None:
        """Delete the object."""
        with _said(f"drop {path} in {self.uri}"):
            try:
                self.fs.delete_file(self._at(path))
            except FileNotFoundError:
                return

    def _at(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root

    def _make_room(self, path: str) -> None:
        if self.fs.type_name != "s3":  # there a folder is but a prefix
            self.fs.create_dir(self._at(path).rpartition("/")[0], recursive=True)


def reach(uri: str) -> LocalBlobs | RemoteBlobs:
    """Find who serves a URI; nothing is read or written yet.

    Raises:
        StoreError: If nobody knows the scheme.
    """
    scheme = urlsplit(uri).scheme if "://" in uri else ""
    if scheme in ("", "file"):
        path = url2pathname(urlsplit(uri).path) if scheme else uri
        return LocalBlobs(Path(path).expanduser().absolute())
    with _said(f"reach {uri}"):
        system, root = _s3(uri) if scheme == "s3" else _other(uri)
        return RemoteBlobs(uri, system, root.rstrip("/"))


def _s3(uri: str) -> tuple[arrow_fs.FileSystem, str]:
    """Honour AWS_ENDPOINT_URL as the AWS tools do; give up on a dead host in seconds."""
    parts = urlsplit(uri)
    asked = dict(parse_qsl(parts.query))
    endpoint = urlsplit(
        os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    )
    host = asked.get("endpoint_override", endpoint.netloc)
    region = asked.get("region") or os.environ.get("AWS_REGION") or _region(parts.netloc, host)
    system = arrow_fs.S3FileSystem(
        endpoint_override=host or None,
        scheme=asked.get("scheme", endpoint.scheme or "https"),
        region=region,
        connect_timeout=5,
        request_timeout=60,
        retry_strategy=arrow_fs.AwsStandardS3RetryStrategy(max_attempts=3),
    )
    return system, f"{parts.netloc}{parts.path}"


def _region(bucket: str, host: str) -> str:
    said = os.environ.get("AWS_DEFAULT_REGION")
    return said or ("us-east-1" if host else arrow_fs.resolve_s3_region(bucket))


def _other(uri: str) -> tuple[arrow_fs.FileSystem, str]:
    """Ask pyarrow first, then whatever fsspec has drivers for."""
    try:
        found: tuple[arrow_fs.FileSystem, str] = arrow_fs.FileSystem.from_uri(uri)
        return found
    except pa.ArrowInvalid:
        import fsspec  # local: only stores that pyarrow cannot reach need it

    system, root = fsspec.core.url_to_fs(uri)
    return arrow_fs.PyFileSystem(arrow_fs.FSSpecHandler(system)), root


@contextmanager
def _said(wanted: str) -> Iterator[None]:
    """Turn what the outside world answers into one sentence."""
    try:
        yield
    except (OSError, pa.ArrowException, ImportError, ValueError) as error:
        found = " ".join(str(error).split()) or type(error).__name__
        raise StoreError(f"wanted to {wanted}", found=found, do=_advice(found)) from error


def _advice(found: str) -> str:
    hints = {
        "bucket": "create the bucket, or name another with --store",
        "Protocol not known": "use a local path, s3://, gs://, or a scheme fsspec has a driver for",
        "Install": "install that package, or name another store with --store",
        "connect": "check AWS_ENDPOINT_URL and the network, or name another store with --store",
        "CREDENTIALS": "check the credentials, or name another store with --store",
        "No space": "free some disk, then run the same command again",
    }
    found_here = (hint for word, hint in hints.items() if word.lower() in found.lower())
    return next(found_here, "check that the place exists and may be written, or use --store")


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
