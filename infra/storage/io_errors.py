"""Turn the errors of disks and object stores into one plain sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from terrasweep.infra.errors import StoreError

DEFAULT_FIX = "check that the place exists and is writable, or name another with --store"
KNOWN_ERRORS = (
    ("no_such_bucket", "no such bucket", "create the bucket, or name another with --store"),
    ("network_connection", "no answer from the server", "check AWS_ENDPOINT_URL and the network"),
    ("access_denied", "access denied", "check the credentials and the bucket's policy"),
    ("invalid_access_key", "credentials that the server does not know", "check the credentials"),
    ("no aws credentials", "no credentials", "set AWS_ACCESS_KEY_ID or AWS_PROFILE"),
    ("no space left", "a full disk", "free some disk, then run the same command again"),
    ("read-only file system", "a read-only disk", "name another place with --store"),
    ("permission denied", "no permission", "name another place with --store"),
    ("protocol not known", "an unknown scheme", "use a local path, s3:// or gs://"),
)
"""A part of the error's text in lower case, the problem in plain words, and the fix."""


@contextmanager
def store_errors(action: str) -> Iterator[None]:
    """Raise a StoreError, which says what was tried, in place of whatever a file system raises."""
    try:
        yield
    except (OSError, pa.ArrowException, ImportError, ValueError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        matches = ((got, fix) for part, got, fix in KNOWN_ERRORS if part in text.lower())
        got, fix = next(matches, (text, DEFAULT_FIX))
        raise StoreError(f"to {action}", got=got, fix=fix) from error
