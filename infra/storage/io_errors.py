"""What the outside world answers when bytes are asked for, told as one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from terrasweep.infra.errors import StoreError

ELSE = "check that the place exists and may be written, or name another with --store"
ANSWERS = (
    ("no_such_bucket", "no such bucket", "create the bucket, or name another with --store"),
    ("network_connection", "nobody answering there", "check AWS_ENDPOINT_URL and the network"),
    ("access_denied", "access denied", "check the credentials and the bucket's policy"),
    ("invalid_access_key", "credentials that are not known there", "check the credentials"),
    ("no aws credentials", "no credentials", "set AWS_ACCESS_KEY_ID or AWS_PROFILE"),
    ("no space left", "the disk full", "free some disk, then run the same command again"),
    ("read-only file system", "a read-only disk", "name another place with --store"),
    ("permission denied", "that you may not", "name another place with --store"),
    ("protocol not known", "a scheme nobody knows", "use a local path, s3:// or gs://"),
)
"""A word of the answer, what was found in our words, and what to do."""


@contextmanager
def said(wanted: str) -> Iterator[None]:
    """Turn what the outside world answers into one sentence.

    Raises:
        StoreError: In place of whatever the file system raised.
    """
    try:
        yield
    except (OSError, pa.ArrowException, ImportError, ValueError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        told = (entry for word, *entry in ANSWERS if word.lower() in text.lower())
        found, fix = next(told, ["", ELSE])
        raise StoreError(f"to {wanted}", got=found or text, fix=fix) from error
