"""Find who serves a URI: this machine, pyarrow, or a driver that fsspec knows."""

import os
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from urllib.request import url2pathname

import pyarrow as pa
from pyarrow import fs as arrow_fs

from terrasweep.infra.storage.blobs import LocalBlobs, RemoteBlobs
from terrasweep.infra.storage.io_errors import store_errors


def open_blobs(uri: str) -> LocalBlobs | RemoteBlobs:
    """Find who serves a URI; nothing is read or written yet.

    Raises:
        StoreError: If nobody knows the scheme.
    """
    scheme = urlsplit(uri).scheme if "://" in uri else ""
    if scheme in ("", "file"):
        path = url2pathname(urlsplit(uri).path) if scheme else uri
        return LocalBlobs(Path(path).expanduser().absolute())
    with store_errors(f"reach {uri}"):
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
    region = os.environ.get("AWS_DEFAULT_REGION")
    return region or ("us-east-1" if host else arrow_fs.resolve_s3_region(bucket))


def _other(uri: str) -> tuple[arrow_fs.FileSystem, str]:
    """Ask pyarrow first, then whatever fsspec has drivers for."""
    if uri.startswith(("gs://", "gcs://")) and "retry_limit_seconds" not in uri:
        uri += f"{'&' if '?' in uri else '?'}retry_limit_seconds=60"  # by default 15 minutes
    try:
        system_and_path: tuple[arrow_fs.FileSystem, str] = arrow_fs.FileSystem.from_uri(uri)
        return system_and_path
    except pa.ArrowInvalid:
        import fsspec  # local: only stores that pyarrow cannot reach need it

    system, root = fsspec.core.url_to_fs(uri)
    return arrow_fs.PyFileSystem(arrow_fs.FSSpecHandler(system)), root
